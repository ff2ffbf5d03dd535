"""SQL Server fails at each call in turn of an API request: 503 or done, never 500, done once."""

import io
import shutil
import zipfile
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from extraction.models import (
    ApiClient,
    EarlierDocument,
    Extraction,
    State,
)
from logs.audit_entry import AuditEntry
from ocrsite.lib import database
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.failing_database import every_call, failing
from tests.pyodbc_errors import DEADLOCK, LINK_LOST, DriverError
from tests.tokens.rows import make_company, make_quota, make_token
from tokens.models import TokenMaster
from tokens.periods import Period

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("same_input")]

# Only the first is run with coverage, which takes as long again: both take the same way.
every_kind = pytest.mark.parametrize(
    "error",
    [
        pytest.param(LINK_LOST, id="away"),
        pytest.param(DEADLOCK, id="deadlock", marks=pytest.mark.no_cover),
    ],
)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "RECHECK_SECONDS", 0)
    monkeypatch.setattr(database, "DEADLOCK_PAUSES", (0, 0, 0))


@pytest.fixture
def token() -> TokenMaster:
    key = make_token()
    make_quota(key, Period.DAILY, 10**6)
    make_quota(make_company("NT047"), Period.MONTHLY, 10**6)
    return key


@pytest.fixture
def limited(integrator: Integrator) -> Integrator:
    """A client whose requests are counted."""
    ApiClient.objects.update(
        requests_per_minute=100_000, documents_at_a_time=100_000, last_used_at=timezone.now()
    )
    return integrator


def test_every_question_is_answered_or_503(
    limited: Integrator, token: TokenMaster, settings: Settings
) -> None:
    settings.WEBHOOK_HOSTS = ["hooks.example"]
    make_extraction(batch="6f2d8c1e-3a4b-4c5d-8e6f-7a8b9c0d1e2f")
    for path in (
        "/api/v1/extractions/",
        "/api/v1/extractions/?label=a:b&state=failed",
        "/api/v1/batches/6f2d8c1e-3a4b-4c5d-8e6f-7a8b9c0d1e2f/",
        "/api/v1/companies/",
        "/api/v1/usage/?from=2026-01-01&to=2026-01-31",
        "/api/v1/usage/",
        "/api/v1/quota/",
        "/api/v1/webhooks/",
        "/api/v1/exports/csv/",
    ):
        usual = limited.http.get(path).status_code
        answers = set()
        for failure in every_call(LINK_LOST):
            response = limited.http.get(path)
            if failure.happened:
                assert response.status_code in {503, usual}, path
            else:
                assert response.status_code == usual, path
            answers.add(response.status_code)
            if hasattr(response, "streaming_content"):
                b"".join(response.streaming_content)
            database.drop_connections()
        assert 503 in answers, path


DECISIONS: dict[str, tuple[dict[str, Any], State]] = {
    "retry": ({"state": State.FAILED, "http_status": 502}, State.QUEUED),
    "cancel": ({"state": State.QUEUED}, State.CANCELLED),
}


@every_kind
@pytest.mark.parametrize("after_commit", [False, True], ids=["", "not confirmed"])
@pytest.mark.parametrize("name", DECISIONS)
def test_decision_is_made_once_for_its_key_whatever_call_fails(
    limited: Integrator, error: DriverError, name: str, after_commit: bool
) -> None:
    fields, after = DECISIONS[name]
    for at in count(1):
        extraction = make_extraction(**fields)
        address = f"/api/v1/extractions/{extraction.pk}/{name}/"
        headers = {"Idempotency-Key": f"key {at}"}
        connection.ensure_connection()
        with failing(error, at, after_commit=after_commit) as failure:
            first = limited.http.post(address, headers=headers)
            database.drop_connections()  # as Django does after a request with an error
        assert first.status_code in (200, 202, 503)

        assert limited.http.post(address, headers=headers).status_code in (200, 202)

        extraction.refresh_from_db()
        assert extraction.state == after
        assert AuditEntry.objects.filter(object_id=str(extraction.pk)).count() == 1
        if failure.calls < at:
            break
    assert at > 5


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(LINK_LOST, id="away"),
        # Decisions and webhooks meet deadlocks in `make test`: a batch has 80 calls.
        pytest.param(DEADLOCK, id="deadlock", marks=[pytest.mark.no_cover, pytest.mark.chaos]),
    ],
)
def test_batch_is_accepted_once_or_answered_with_503(
    limited: Integrator, token: TokenMaster, data_dir: Path, error: DriverError
) -> None:
    contents = [pdf("INVOICE 1"), pdf("INVOICE 2")]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for number, content in enumerate(contents):
            packed.writestr(f"{number}.pdf", content)

    def post(key: str) -> Any:
        file = upload(buffer.getvalue(), "batch.zip")
        return limited.http.post(
            "/api/v1/batches/",
            {"file": file, "companyID": "NT047", "username": "asha"},
            headers={"Idempotency-Key": key},
        )

    for at in count(1):
        cache.clear()
        connection.ensure_connection()
        with failing(error, at) as failure:
            first = post(f"key {at}")
            database.drop_connections()  # as Django does after a request with an error
        assert first.status_code in (202, 503)

        second = post(f"key {at}")

        assert (second.status_code, second.json()["accepted"]) == (202, 2)
        assert Extraction.objects.count() == 2
        Extraction.objects.all().delete()
        shutil.rmtree(data_dir / "files")
        (data_dir / "files").mkdir()
        if failure.calls < at:
            break
    assert at > 10


def test_deadlock_of_what_had_come_before_takes_no_batch_back(
    limited: Integrator, token: TokenMaster, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller would have to send all of it once more."""
    form = {"companyID": "NT047", "username": "asha"}
    file = pdf("INVOICE 1")
    note = EarlierDocument.objects.get_or_create
    failures = [DEADLOCK.wrapped()]

    def note_once(**row: Any) -> Any:
        if failures:
            raise failures.pop()
        return note(**row)

    for _ in range(2):
        sent = limited.http.post("/api/v1/batches/", {"file": upload(file), **form})
        monkeypatch.setattr(EarlierDocument.objects, "get_or_create", note_once)

    assert (sent.status_code, sent.json()["files"][0]["came_before"]) == (202, True)
    assert EarlierDocument.objects.count() == 1
    assert not failures


@every_kind
def test_webhook_is_added_or_answered_with_503(
    limited: Integrator, settings: Settings, error: DriverError
) -> None:
    settings.WEBHOOK_HOSTS = ["hooks.example"]
    form = {
        "company_id": "NT047",
        "url": "https://hooks.example/in",
        "events": ["extraction.failed"],
    }
    for failure in every_call(error):
        response = limited.http.post("/api/v1/webhooks/", form, format="json")
        assert response.status_code in ((201, 503) if failure.happened else (201,))
        database.drop_connections()
