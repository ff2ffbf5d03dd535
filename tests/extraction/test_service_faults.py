"""What this installation cannot do is not the fault of the document: it waits, or is told 503."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone

from extraction import pipeline
from extraction.documents import sandbox
from extraction.documents.sandbox import OutOfTime
from extraction.models import Extraction, State
from tests.emulator.server import Emulator
from tests.extraction.conftest import Integrator
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("data_dir", "emulator"),
]

INVOICE = pdf("INVOICE 4711\nTotal 119.00")
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(autouse=True)
def _key(db: None) -> None:
    make_token()


def post(integrator: Integrator) -> tuple[int, str, str | None]:
    """Send an invoice; return status, code and Retry-After."""
    form = {"file": upload(INVOICE), "companyID": "NT047", "username": "asha"}
    answer = integrator.http.post("/extract", form, headers=ASYNC)
    return answer.status_code, answer.json().get("code", ""), answer.headers.get("Retry-After")


def stored_files() -> list[Path]:
    return [path for path in Path(settings.DATA_DIR).rglob("document*") if path.is_file()]


def process(extraction: Extraction) -> Extraction:
    pipeline.process(extraction.pk)
    extraction.refresh_from_db()
    return extraction


def be_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no tool end in time."""

    def miss_the_time() -> bool:
        raise OutOfTime

    monkeypatch.setattr(sandbox, "poppler_installed", miss_the_time)


def test_an_upload_that_a_busy_machine_cannot_open_is_told_to_come_back(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_busy(monkeypatch)

    assert post(integrator) == (503, "render_busy", "30")
    assert not Extraction.objects.exists()
    assert stored_files() == []


def test_the_upload_page_says_that_the_machine_is_busy(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_busy(monkeypatch)

    answer = signed_in.post(
        "/", {"file": upload(INVOICE), "company_id": "NT047", "branch": "North"}
    )

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "Try again later" in answer.content.decode()


def test_a_document_that_is_not_drawn_in_time_waits_and_is_drawn_later(
    integrator: Integrator, emulator: Emulator
) -> None:
    assert post(integrator)[0] == 202
    extraction = Extraction.objects.get()
    with pytest.MonkeyPatch.context() as monkeypatch:
        be_busy(monkeypatch)
        process(extraction)

    assert (extraction.state, extraction.deaths, emulator.calls) == (State.WAITING, 0, ())
    with time_machine.travel(extraction.due_at):
        assert process(extraction).state == State.SUCCEEDED


def test_a_document_that_is_never_drawn_in_time_ends_with_503_at_its_deadline(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(integrator)[0] == 202
    extraction = Extraction.objects.get()
    be_busy(monkeypatch)
    with time_machine.travel(timezone.now(), tick=True) as clock:
        while not process(extraction).ended:
            assert extraction.due_at - timezone.now() <= timedelta(seconds=30)
            clock.move_to(max(extraction.due_at, timezone.now()))

    assert (extraction.http_status, extraction.error_code) == (503, "render_busy")
    assert extraction.deadline is not None
    assert extraction.finished_at is not None
    assert extraction.deadline - extraction.finished_at < timedelta(seconds=30)
    assert extraction.retry_after_at is not None
