"""SQL Server fails at each call in turn: work waits, requests get 503, nothing is paid twice."""

import shutil
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_q.brokers import get_broker

from extraction import pipeline
from extraction.documents.document import Document
from extraction.models import ApiClient, Attempt, AttemptOutcome, Extraction, State
from extraction.worker.reconciler import Reconciler
from logs.models import RetryAttempt
from ocrsite.lib import database
from tests.emulator.server import Emulator
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.failing_database import OUTAGES, every_call, failing
from tests.pyodbc_errors import DEADLOCK, LINK_LOST, DriverError
from tests.tokens.rows import make_token
from tokens.models import TokenMaster, TokenReservation, TokenUsageLog, TokenUsageSummary

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("same_input")]


def _parameters(kinds: Iterable[str], *, chaos: str) -> list[Any]:
    """Only the first is run with coverage, which takes as long again: they take the same way."""
    first, *others = kinds
    unmeasured = [
        pytest.param(
            OUTAGES[kind],
            id=kind,
            marks=[pytest.mark.no_cover, *([pytest.mark.chaos] if kind == chaos else [])],
        )
        for kind in others
    ]
    return [pytest.param(OUTAGES[first], id=first), *unmeasured]


# BROKEN is of the same class as KILLED, and leaves the same behind.
every_outage = pytest.mark.parametrize("error", _parameters(OUTAGES, chaos="BROKEN"))
# One that mssql-django notices, one that leaves a dead connection behind, which `make test` tries
# with a document alone, and one that leaves none.
KINDS = ("LINK_LOST", "KILLED", "DEADLOCK")
every_kind = pytest.mark.parametrize("error", _parameters(KINDS, chaos="KILLED"))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "RECHECK_SECONDS", 0)
    monkeypatch.setattr(database, "DEADLOCK_PAUSES", (0, 0, 0))


@pytest.fixture
def token() -> TokenMaster:
    return make_token(total_token_limit=10_000_000)


@pytest.fixture
def document(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Document:
    """The pages of every extraction, rendered once."""
    path = data_dir / "document.pdf"
    path.parent.mkdir(parents=True)
    path.write_bytes(pdf("INVOICE 4711\nTotal 119.00"))
    extraction = make_extraction(file="document.pdf")
    monkeypatch.setattr("extraction.documents.intake.folder_of", lambda _: data_dir)
    stored = data_dir / "files"
    stored.mkdir()
    path.rename(stored / "document.pdf")
    rendered = pipeline.prepare_pages(extraction)
    extraction.delete()
    monkeypatch.setattr(pipeline, "prepare_pages", lambda _: rendered)
    return rendered


def fresh() -> Extraction:
    """A queued extraction, with an open connection and nothing of the ones before."""
    Attempt.objects.all().delete()
    TokenUsageLog.objects.all().delete()
    RetryAttempt.objects.all().delete()
    Extraction.objects.all().delete()
    TokenUsageSummary.objects.update(total_used_tokens=0)
    return make_extraction()


def every_failure(error: DriverError, *, after_commit: bool = False) -> Iterator[Extraction]:
    """Process a new extraction once for each call that can fail; yield what became of it."""
    failures = 0
    extraction = fresh()
    for failure in every_call(error, after_commit=after_commit):
        pipeline.process(extraction.pk)
        failures += failure.happened
        if failure.happened:
            extraction.refresh_from_db()
            yield extraction
            extraction = fresh()
    assert failures > 5


def assert_charged_once(emulator: Emulator, calls: int) -> None:
    """Of the only extraction, for the only call that was made for it."""
    assert len(emulator.calls) == calls
    usage = emulator.calls[-1].usage
    assert usage is not None
    bill = int(str(usage["totalTokenCount"]))
    row = TokenUsageLog.objects.get()
    assert (row.total_tokens_used, row.estimated) == (bill, False)
    summary = TokenUsageSummary.objects.get()
    assert (summary.total_used_tokens, summary.reserved_tokens) == (bill, 0)
    assert not TokenReservation.objects.exists()
    assert Attempt.objects.get().outcome == AttemptOutcome.SUCCEEDED


@every_outage
def test_document_is_read_and_charged_once_whatever_call_fails(
    emulator: Emulator, token: TokenMaster, document: Document, error: DriverError
) -> None:
    for calls, extraction in enumerate(every_failure(error), start=1):
        assert (extraction.state, extraction.deaths) == (State.SUCCEEDED, 0)
        assert_charged_once(emulator, calls)


def test_document_is_read_and_charged_once_whatever_commit_is_not_confirmed(
    emulator: Emulator, token: TokenMaster, document: Document
) -> None:
    for calls, extraction in enumerate(every_failure(LINK_LOST, after_commit=True), start=1):
        assert (extraction.state, extraction.deaths) == (State.SUCCEEDED, 0)
        assert_charged_once(emulator, calls)


@every_kind
def test_failed_call_is_recorded_once_whatever_call_fails(
    emulator: Emulator, token: TokenMaster, document: Document, error: DriverError
) -> None:
    emulator.faults.add("internal")

    for calls, extraction in enumerate(every_failure(error), start=1):
        assert (extraction.state, extraction.deaths) == (State.WAITING, 0)
        assert len(emulator.calls) == calls
        assert RetryAttempt.objects.count() == 1
        assert not TokenUsageLog.objects.exists()
        assert not TokenReservation.objects.exists()


@pytest.mark.usefixtures("document")
@every_kind
def test_company_without_a_key_is_told_so_whatever_call_fails(error: DriverError) -> None:
    for extraction in every_failure(error):
        assert (extraction.state, extraction.http_status) == (State.FAILED, 402)


@every_kind
def test_reconciler_takes_over_wakes_and_charges_once_whatever_call_fails(
    token: TokenMaster, error: DriverError
) -> None:
    ran_out = timezone.now() - timedelta(minutes=1)
    failures = 0
    for at in range(1, 200):
        fresh()
        dead = make_extraction(
            state=State.PROCESSING, lease_id=uuid.uuid4(), leased_until=ran_out, worker="host:1"
        )
        dead.attempt_set.create(number=1, token=token, model="m", reserved=700)
        due = make_extraction(state=State.WAITING, due_at=ran_out)
        lost = make_extraction(due_at=ran_out)
        reconciler = Reconciler(get_broker())
        with failing(error, at) as failure:
            try:
                reconciler.round()
            except Exception:
                database.drop_connections()  # as the worker's main process does
                reconciler.round()
        reconciler.round()  # what was taken over is due now

        assert TokenUsageLog.objects.get().total_tokens_used == 700
        for extraction in (dead, due, lost):
            extraction.refresh_from_db()
            assert (extraction.state, extraction.deaths) == (State.QUEUED, 0)
        failures += failure.happened
        if failure.calls < at:
            break
    assert failures > 10


@every_kind
@pytest.mark.parametrize("known", [True, False])
def test_upload_is_accepted_once_or_answered_with_503(
    integrator: Integrator, token: TokenMaster, data_dir: Path, error: DriverError, known: bool
) -> None:
    content = pdf("INVOICE")

    def post() -> Any:
        form = {"file": upload(content), "companyID": "NT047", "username": "asha"}
        response = integrator.http.post("/extract", form, headers={"Prefer": "respond-async"})
        database.drop_connections()  # as Django does after a request with an error
        return response

    answers = set()
    left_over: list[int] = []
    for failures in count(1):
        cache.clear()
        if known:  # to this process, when the database goes away
            assert integrator.http.get("/api/v1/nowhere").status_code == 404
        connection.ensure_connection()
        with failing(error, failures) as failure:
            response = post()
        answers.add(response.status_code)
        if response.status_code == 503:
            assert failure.happened
            assert response.json()["code"] == "database_unavailable"
            assert post().status_code == 202
        extraction = Extraction.objects.get()
        files = stored_files(data_dir)
        assert extraction.file in files
        if len(files) > 1:  # the row might have been there
            left_over.append(failures)
            assert (response.status_code, len(files)) == (503, 2)
        if failure.calls < failures:
            break
        Extraction.objects.all().delete()
        shutil.rmtree(data_dir / "files")
        (data_dir / "files").mkdir()
    assert failures > 8  # as often as an upload asks the database
    assert answers == {202, 503}
    # Of a single call, the commit, it cannot be known; after a deadlock it can.
    assert len(left_over) == (0 if error is DEADLOCK else 1)


def stored_files(data_dir: Path) -> list[str]:
    root = data_dir / "files"
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("form", [{}, {"force": "true"}])
def test_document_stays_where_the_commit_of_its_row_is_not_confirmed(
    integrator: Integrator, token: TokenMaster, data_dir: Path, form: dict[str, str]
) -> None:
    content = pdf("INVOICE")
    unconfirmed = 0
    for at in count(1):
        connection.ensure_connection()
        with failing(LINK_LOST, at, after_commit=True) as failure:
            response = integrator.http.post(
                "/extract",
                {"file": upload(content), "companyID": "NT047", "username": "asha", **form},
                headers={"Prefer": "respond-async"},
            )
            database.drop_connections()
        files = list(Extraction.objects.values_list("file", flat=True))
        assert set(files) <= set(stored_files(data_dir))
        unconfirmed += response.status_code == 503 and len(files) == 1
        if failure.calls < at:
            break
        Extraction.objects.all().delete()
        cache.clear()
    assert unconfirmed > 0


@every_kind
def test_every_page_is_answered_or_503(operator: User, error: DriverError) -> None:
    operator.is_staff = True
    operator.save()
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    for path in ("/", "/extractions/", "/admin/", "/healthz", "/api/v1/nowhere", "/login/"):
        usual = client.get(path).status_code
        answers = set()
        for failure in every_call(error):
            status = client.get(path).status_code
            # Django's {% if %} takes what it could not read for empty: the admin's last actions.
            assert status in ({503, usual} if failure.happened else {usual}), path
            answers.add(status)
        assert 503 in answers, path


@every_kind
def test_state_of_an_extraction_is_answered_or_503(
    integrator: Integrator, error: DriverError
) -> None:
    extraction = make_extraction(state=State.FAILED, http_status=502, finished_at=timezone.now())
    # Its use was noted a moment ago: a note that fails would keep nobody out.
    ApiClient.objects.update(last_used_at=timezone.now())
    for failure in every_call(error):
        response = integrator.http.get(f"/api/v1/extractions/{extraction.pk}/")
        assert response.status_code == (503 if failure.happened else 200)


@every_kind
def test_log_in_is_answered_or_503(operator: User, error: DriverError) -> None:
    for failure in every_call(error):
        client = Client(raise_request_exception=False)
        form = {"username": operator.username, "password": "a-long-password"}
        response = client.post("/login/", form)
        assert response.status_code in ({302, 503} if failure.happened else {302})
