"""POST while the database is away: read in the request, for clients that this process knows."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache.backends import locmem
from django.db import OperationalError, ProgrammingError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from extraction import access, degraded
from extraction.invoices.messages import NOT_STORED
from extraction.models import Extraction
from extraction.readers.gemini import prompt_cost
from extraction.readers.gemini.reader import (
    _PROMPT_TEXT,
    IMAGE_TOKENS,
    PROMPT_MARGIN,
    PROMPT_VERSION,
    VARIED_TEMPERATURE,
)
from extraction.readers.registry import OUTPUT_BASE, OUTPUT_PER_PAGE
from tests.emulator.server import Emulator
from tests.extraction.conftest import Integrator
from tests.extraction.readers.einvoice import einvoices
from tests.extraction.sample_documents import locked_pdf, pdf, upload
from tests.outages import database_away
from tests.tokens.rows import make_token
from tokens import encryption, journal
from tokens.models import TokenUsageLog

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("same_input")]

KEY = "AIza-key-of-the-app-setting"
INVOICE = pdf("INVOICE 4711\nTotal 119.00")
CEILING = len(_PROMPT_TEXT.encode()) + IMAGE_TOKENS + OUTPUT_BASE + OUTPUT_PER_PAGE
DISABLED = "Your AI token is no longer available or has been disabled. Please contact support."


@pytest.fixture(autouse=True)
def _key_in_file(settings: Settings, data_dir: Path) -> None:
    data_dir.mkdir()
    settings.APP_SETTING_FILE = data_dir / "appSetting.txt"
    settings.APP_SETTING_FILE.write_text(f"GEMINI_API_KEY={KEY}\n")
    settings.DEGRADED_MODE = None


@pytest.fixture
def known(integrator: Integrator) -> Integrator:
    """The integrator, after a request that this process has served."""
    assert integrator.http.get("/api/v1/nowhere").status_code == 404
    return integrator


@pytest.fixture
def away() -> Iterator[None]:
    with database_away():
        yield


def post(client: Integrator, endpoint: str = "/extract", **fields: Any) -> Any:
    form = {"file": upload(INVOICE), "companyID": "NT047", "username": "asha", "branch": "North"}
    return client.http.post(endpoint, {**form, **fields})


def entered() -> TokenUsageLog:
    """The one charge, once the journal has been entered."""
    journal.ingest()
    return TokenUsageLog.objects.get()


def left_on_disk(data_dir: Path) -> list[str]:
    """Documents and page images that a request left behind."""
    folders = (data_dir / "files", data_dir / "tmp")
    return [path.name for folder in folders for path in folder.rglob("*.jpg")] + [
        path.name for folder in folders for path in folder.rglob("document*")
    ]


@pytest.mark.parametrize("endpoint", ["/extract", "/api/v1/extractions/"])
def test_known_client_gets_the_invoice_and_pays_for_it_when_the_database_is_back(
    known: Integrator, emulator: Emulator, data_dir: Path, endpoint: str
) -> None:
    with database_away():
        response = post(known, endpoint)

    body = response.json()
    assert response.status_code == 200
    assert (body["status"], body["message"]) == ("ok", "Invoice processed successfully")
    assert body["data"]["invoice_no"] == body["invoice"]["invoice_number"] != ""
    assert (body["extraction"], body["state"], body["http_status"]) == (None, "succeeded", 200)
    assert NOT_STORED in body["invoice"]["warnings"]
    assert body["invoice"]["checks"]
    assert left_on_disk(data_dir) == []

    (call,) = emulator.calls
    assert call.key == KEY
    assert call.usage is not None
    row = entered()
    assert (row.token, row.company_id, row.branch) == (None, "NT047", "North")
    assert (row.requested_by, row.estimated) == ("asha", False)
    assert row.total_tokens_used == call.usage["totalTokenCount"]
    assert row.key_fingerprint == encryption.fingerprint(KEY)
    assert body["invoice"]["usage"]["total_tokens"] == row.total_tokens_used
    assert not Extraction.objects.exists()


def test_known_client_gets_a_locked_document_read(
    known: Integrator, emulator: Emulator, data_dir: Path
) -> None:
    locked = locked_pdf(user="user", owner="owner")
    with database_away():
        refused = post(known, file=upload(locked), password="wrong")
        response = post(known, file=upload(locked), password="user")

    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_password")
    assert response.status_code == 200
    assert left_on_disk(data_dir) == []


def test_key_of_the_file_that_is_the_companys_is_charged_to_its_token(
    known: Integrator, emulator: Emulator
) -> None:
    token = make_token(api_key=KEY)

    with database_away():
        assert post(known).status_code == 200

    assert entered().token == token


@pytest.mark.parametrize("broken", ["SELECT", "INSERT"])
def test_database_that_goes_away_in_mid_request_is_done_without(
    known: Integrator, emulator: Emulator, data_dir: Path, broken: str
) -> None:
    make_token(api_key=KEY)

    def lose_connection(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(broken) and "extraction_extraction" in sql:
            raise OperationalError("the server closed the connection")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(lose_connection):
        response = post(known)

    assert response.status_code == 200
    assert len(emulator.calls) == 1
    assert not Extraction.objects.exists()
    assert left_on_disk(data_dir) == []


def test_error_that_is_not_the_databases_absence_is_no_reason_to_read(
    known: Integrator, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM nowhere")

    monkeypatch.setattr("extraction.submission.submit", fail)

    response = post(known)

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert emulator.calls == ()


def test_client_that_this_process_has_not_seen_is_told_to_come_back(
    integrator: Integrator, emulator: Emulator, away: None
) -> None:
    response = post(integrator)

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert response["Retry-After"] == "30"
    assert emulator.calls == ()


def test_client_that_was_seen_an_hour_ago_is_told_to_come_back(
    known: Integrator, emulator: Emulator, away: None
) -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        assert post(known).status_code == 503
    assert emulator.calls == ()


def test_client_is_not_served_past_its_expiry(integrator: Integrator, emulator: Emulator) -> None:
    integrator.record.expiry_date = timezone.now() + timedelta(minutes=5)
    integrator.record.save()
    integrator.http.get("/api/v1/nowhere")

    with database_away():
        assert post(integrator).status_code == 200
        with time_machine.travel(timezone.now() + timedelta(minutes=6)):
            assert post(integrator).status_code == 503


@pytest.mark.parametrize("change", [{"revoked": True}, {"expiry_date": timezone.now()}])
def test_client_that_was_rejected_is_forgotten(
    known: Integrator, emulator: Emulator, change: dict[str, Any]
) -> None:
    for name, value in change.items():
        setattr(known.record, name, value)
    known.record.save()
    assert known.http.get("/api/v1/nowhere").status_code == 401

    with database_away():
        assert post(known).status_code == 503
    assert emulator.calls == ()


def test_company_of_another_is_rejected_while_the_database_is_away_too(
    known: Integrator, emulator: Emulator, away: None
) -> None:
    response = post(known, companyID="OTHER")

    assert (response.status_code, response.json()["code"]) == (403, "company_not_allowed")
    assert emulator.calls == ()


def test_what_needs_the_database_is_503_for_a_known_client_too(
    known: Integrator, away: None
) -> None:
    response = known.http.get("/api/v1/extractions/a2d0ea3c-6b63-4bd1-9c8e-5a4f3f9be0a5/")

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")


def test_operators_are_told_to_come_back(
    operator: User, emulator: Emulator, data_dir: Path
) -> None:
    """Also when the database goes away only after they were recognised."""
    client = Client(raise_request_exception=False)
    client.force_login(operator)

    def lose_connection(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "extraction_extraction" in sql:
            raise OperationalError("the server closed the connection")
        return execute(sql, params, many, context)

    form = {"file": upload(INVOICE), "companyID": "NT047", "username": "asha"}
    with connection.execute_wrapper(lose_connection):
        response = client.post("/extract", form)

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert emulator.calls == ()


@pytest.mark.parametrize("off", ["setting", "no file", "broken file"])
def test_without_degraded_mode_known_clients_are_told_to_come_back(
    known: Integrator, emulator: Emulator, settings: Settings, away: None, off: str
) -> None:
    if off == "setting":
        settings.DEGRADED_MODE = False
    elif off == "no file":
        settings.APP_SETTING_FILE.unlink()
    else:
        settings.APP_SETTING_FILE.write_text("nonsense")

    response = post(known)

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert response["Retry-After"] == "30"
    assert emulator.calls == ()


def test_rejected_document_is_rejected_as_ever_and_costs_nothing(
    known: Integrator, emulator: Emulator, data_dir: Path, away: None
) -> None:
    response = post(known, file=upload(b"These are only notes."))

    body = response.json()
    assert response.status_code == 415
    assert (body["code"], body["message"]) == ("unsupported_media_type", "Failed to convert PDF")
    assert emulator.calls == ()
    assert left_on_disk(data_dir) == []


def test_blank_document_is_rejected_without_a_call(
    known: Integrator, emulator: Emulator, away: None
) -> None:
    response = post(known, file=upload(pdf("")))

    assert (response.status_code, response.json()["code"]) == (422, "no_content")
    assert emulator.calls == ()


def test_call_that_fails_is_made_once_more_at_once(known: Integrator, emulator: Emulator) -> None:
    emulator.faults.add("internal", call=1)

    with database_away():
        response = post(known)

    assert response.status_code == 200
    assert len(emulator.calls) == 2
    assert not entered().estimated


def test_recitation_is_answered_by_a_varied_call(known: Integrator, emulator: Emulator) -> None:
    emulator.faults.add("recitation", call=1)

    with database_away():
        response = post(known)

    assert response.status_code == 200
    assert [call.temperature for call in emulator.calls] == [None, VARIED_TEMPERATURE]


@pytest.mark.parametrize("fault", ["no_credits", "limit_zero"])
def test_staff_are_told_of_a_key_without_quota_or_credit(
    known: Integrator, emulator: Emulator, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    emulator.faults.add(fault)

    with database_away():
        response = post(known)

    assert (response.status_code, response.json()["code"]) == (503, "no_key_free")
    assert len(emulator.calls) == 1
    errors = [row for row in caplog.records if row.name == "extraction.degraded"]
    assert [row.levelname for row in errors] == ["ERROR"]


@pytest.mark.usefixtures("quota_day_begins_later")
@pytest.mark.parametrize(
    ("fault", "status", "code", "calls"),
    [
        ("internal", 502, "server_error", 2),
        ("per_minute", 502, "rate_limited", 1),
        ("per_day", 503, "no_key_free", 1),
        ("invalid_argument", 422, "invalid_request", 1),
        ("safety", 422, "blocked", 1),
    ],
)
def test_failure_is_told_as_by_the_workers_without_a_third_call(
    known: Integrator,
    emulator: Emulator,
    data_dir: Path,
    away: None,
    fault: str,
    status: int,
    code: str,
    calls: int,
) -> None:
    emulator.faults.add(fault)

    response = post(known)

    body = response.json()
    assert response.status_code == status
    assert (body["status"], body["code"]) == ("error", code)
    assert body["message"] == "Failed to process invoice"
    assert ("Retry-After" in response) is (status == 503)
    assert len(emulator.calls) == calls
    assert left_on_disk(data_dir) == []


def test_call_without_an_answer_is_charged_at_its_ceiling(
    known: Integrator, emulator: Emulator, settings: Settings
) -> None:
    settings.GEMINI_TIMEOUT_SECONDS = 1
    emulator.faults.add("answer", delay=5)

    with database_away():
        response = post(known)

    assert (response.status_code, response.json()["code"]) == (504, "timeout")
    assert len(emulator.calls) == 1
    row = entered()
    assert (row.total_tokens_used, row.estimated) == (CEILING, True)


def test_failed_call_that_was_billed_is_charged(known: Integrator, emulator: Emulator) -> None:
    emulator.faults.add("safety")

    with database_away():
        post(known)

    (call,) = emulator.calls
    assert call.usage is not None
    assert entered().total_tokens_used == call.usage["totalTokenCount"]


def test_second_call_is_not_begun_when_the_caller_has_waited_long_enough(
    known: Integrator, emulator: Emulator, settings: Settings, away: None
) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0
    emulator.faults.add("internal")

    assert post(known).status_code == 502
    assert len(emulator.calls) == 1


def test_rejected_key_is_told_as_disabled_and_never_shown(
    known: Integrator, emulator: Emulator, away: None, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.faults.add("key_invalid")

    response = post(known)

    body = response.json()
    assert (response.status_code, body["code"]) == (402, "token_exceeded")
    assert body["message"] == DISABLED
    assert KEY not in response.content.decode() + caplog.text


def test_crash_in_mid_call_is_charged_as_estimated(
    known: Integrator, emulator: Emulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("extraction.readers.gemini.reader.GeminiReader.read", die)
    with database_away(), pytest.raises(KeyboardInterrupt):
        post(known)
    assert journal.ingest() == 0  # it may still run, for all that is known

    later = timezone.now() + timedelta(seconds=settings.Q_CLUSTER["timeout"] + 1)
    with time_machine.travel(later):
        row = entered()

    assert (row.total_tokens_used, row.estimated) == (CEILING, True)


def test_no_call_is_made_that_cannot_be_put_on_record(
    known: Integrator, emulator: Emulator, data_dir: Path, away: None
) -> None:
    (data_dir / "journal").write_text("in the way")

    response = post(known)

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert emulator.calls == ()


def test_bill_that_cannot_be_put_on_record_is_charged_at_the_ceiling(
    known: Integrator, emulator: Emulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "settle", full)
    with database_away():
        assert post(known).status_code == 200

    later = timezone.now() + timedelta(seconds=settings.Q_CLUSTER["timeout"] + 1)
    with time_machine.travel(later):
        row = entered()
    assert (row.total_tokens_used, row.estimated) == (CEILING, True)


def test_known_cost_of_the_prompt_lowers_the_ceiling(
    known: Integrator, emulator: Emulator, settings: Settings
) -> None:
    settings.GEMINI_TIMEOUT_SECONDS = 1
    emulator.faults.add("answer", delay=5)
    prompt_cost.tokens(settings.GEMINI_MODEL, PROMPT_VERSION, lambda: 900)

    with database_away():
        post(known)

    assert (
        entered().total_tokens_used
        == 900 + PROMPT_MARGIN + IMAGE_TOKENS + OUTPUT_BASE + OUTPUT_PER_PAGE
    )


def test_cost_of_the_prompt_hides_no_error_but_the_databases_absence() -> None:
    def fail(*_: object) -> None:
        raise ProgrammingError("no such column")

    connection.ensure_connection()
    with connection.execute_wrapper(fail), pytest.raises(ProgrammingError):
        prompt_cost.tokens("model", PROMPT_VERSION, lambda: 900)


def test_more_requests_at_once_than_there_are_places_are_told_to_come_back(
    known: Integrator, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(degraded, "_places", threading.BoundedSemaphore(1))
    emulator.faults.add("answer", delay=2)
    values = {"company_id": "NT047", "branch": "North", "requested_by": "asha"}

    def read() -> object:
        with database_away():
            return degraded.extract(upload(INVOICE), **values)

    with ThreadPoolExecutor(1) as other, database_away():
        first = other.submit(read)
        assert emulator.ledger.wait_for(1, 30)
        with pytest.raises(degraded.NotServed):
            degraded.extract(upload(INVOICE), **values)
        assert first.result(30)

    assert len(emulator.calls) == 1


def test_place_is_free_again_after_a_failure(
    known: Integrator, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, away: None
) -> None:
    monkeypatch.setattr(degraded, "_places", threading.BoundedSemaphore(1))

    assert post(known, file=upload(b"")).status_code == 422
    assert post(known).status_code == 200


def test_client_that_has_not_called_for_longest_is_forgotten_when_there_is_no_room(
    known: Integrator, settings: Settings
) -> None:
    options = {"MAX_ENTRIES": 2, "CULL_FREQUENCY": 2}
    settings.CACHES = {
        **settings.CACHES,
        "known_clients": {**settings.CACHES["known_clients"], "OPTIONS": options},
    }
    for key in ("a.1", "b.2"):
        access.remember_client(key, known.record, None)

    assert access.known_client(known.key) is None
    assert access.known_client("a.1")
    assert access.known_client("b.2")


def test_a_thousand_clients_are_remembered_and_one_goes_for_one_that_comes(
    integrator: Integrator,
) -> None:
    keys = [f"{number}.secret" for number in range(1_001)]
    for key in keys:
        access.remember_client(key, integrator.record, None)

    assert [key for key in keys if access.known_client(key) is None] == keys[:1]


def test_memory_of_clients_holds_no_key(known: Integrator) -> None:
    assert access.known_client(known.key)
    memory = repr(locmem._caches["known_clients"])  # type: ignore[attr-defined]  # not in the stubs
    assert known.record.name in memory
    for secret in (known.key, known.key.partition(".")[2], known.record.hashed_key):
        assert secret not in memory


def test_an_einvoice_is_read_without_a_call(
    known: Integrator, emulator: Emulator, away: None, tmp_path: Path
) -> None:
    content = einvoices.pdf(tmp_path, "Rechnung", {"factur-x.xml": einvoices.cii()}).read_bytes()

    response = post(known, "/api/v1/extractions/", file=upload(content))

    invoice = response.json()["invoice"]
    assert (invoice["invoice_number"], invoice["model"]) == ("RE-17", "e-invoice")
    assert NOT_STORED in invoice["warnings"]
    assert not emulator.calls


def test_the_reader_of_the_request_holds_without_the_database(
    known: Integrator, emulator: Emulator, away: None, tmp_path: Path
) -> None:
    content = einvoices.pdf(tmp_path, "Rechnung", {"factur-x.xml": einvoices.cii()}).read_bytes()

    by_model = post(known, file=upload(content), reader="model")
    without_one = post(known, reader="einvoice")

    assert (by_model.status_code, len(emulator.calls)) == (200, 1)
    assert (without_one.status_code, without_one.json()["code"]) == (422, "no_einvoice")
