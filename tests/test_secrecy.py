"""A provider's key goes through every success and failure, and is then searched for everywhere."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client, RequestFactory
from django.views.debug import technical_500_response
from django_q.models import OrmQ
from google.genai import types
from pytest_django import Settings

from extraction import submission, tasks
from extraction.documents import intake, sandbox
from extraction.models import Attempt, Extraction, State
from extraction.readers.gemini import client as gemini_client
from extraction.readers.gemini import reader as gemini
from logs.handler.handler import DatabaseHandler
from logs.models import ApplicationLog
from tests.emulator.faults import ERRORS, REPLIES, TRANSPORTS
from tests.emulator.server import Emulator
from tests.extraction.sample_documents import locked_pdf, pdf, upload
from tests.tokens.rows import make_token
from tokens import encryption
from tokens.models import Company, Provider

# Of no form that the log's redaction knows: what keeps it out must be that nobody writes it.
CANARY = "canary0c7e51f3e9canary"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.vendor,
    pytest.mark.usefixtures("same_input"),
]


@pytest.fixture
def everything_is_logged() -> Iterator[DatabaseHandler]:
    root = logging.getLogger()
    level, handler = root.level, DatabaseHandler()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()


def read_once(company_id: str) -> Extraction:
    """Queue an invoice and work on it as a worker does."""
    extraction = submission.submit(
        upload(pdf("INVOICE 4711")),
        company_id=company_id,
        requested_by="asha",
        branch="North",
        client="user:1",
    ).extraction
    tasks.run_extraction(str(extraction.pk))
    return extraction


def every_table() -> str:
    rows: list[object] = [row.task for row in OrmQ.objects.all()]  # stored compressed
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    return repr(rows)


def every_file() -> bytes:
    folder = Path(django_settings.DATA_DIR)
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.no_cover  # of the pipeline; its own tests measure it
def test_key_is_nowhere_after_every_success_and_failure(
    emulator: Emulator,
    settings: Settings,
    admin_client: Client,
    everything_is_logged: DatabaseHandler,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    kinds = sorted(REPLIES | TRANSPORTS | ERRORS.keys())
    extractions = []
    for number, kind in enumerate(kinds, 1):
        make_token(company_id=kind, api_key=CANARY)
        emulator.faults.add(kind, call=number)
        # On a busy machine a call that is given up so soon may not have been sent.
        settings.GEMINI_TIMEOUT_SECONDS = 2 if kind == "trickle" else 60
        extractions.append(read_once(kind))
    make_token(company_id="broken", api_key=CANARY)
    with monkeypatch.context() as broken:
        broken.setattr(gemini_client, "_client", None)
        extractions.append(read_once("broken"))

    pages = [
        admin_client.get(f"/admin/{page}/")
        for page in ["tokens/tokenmaster", "extraction/extraction", "logs/retryattempt"]
    ]
    for extraction in extractions:
        pages += [
            admin_client.get(f"/api/v1/extractions/{extraction.pk}/"),
            admin_client.get(f"/admin/extraction/extraction/{extraction.pk}/change/"),
        ]
    for token_id in Attempt.objects.values_list("token_id", flat=True):
        pages.append(admin_client.get(f"/admin/tokens/tokenmaster/{token_id}/change/"))
    everything_is_logged.flush()

    assert {call.key for call in emulator.calls} == {CANARY}
    assert [call.outcome for call in emulator.calls].count("received") == 0
    assert len(emulator.calls) == len(kinds)
    assert ApplicationLog.objects.filter(message__endswith="could not be read.").exists()
    assert {page.status_code for page in pages} == {200}
    assert [page.request["PATH_INFO"] for page in pages if CANARY in page.content.decode()] == []
    assert "broken" in every_table()
    assert CANARY not in every_table()
    assert CANARY.encode() not in every_file()
    assert CANARY not in "".join(capfd.readouterr())


def test_debug_page_of_a_failed_call_does_not_show_the_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rf: RequestFactory
) -> None:
    settings.DEBUG = True
    token = make_token(api_key=CANARY)
    monkeypatch.setattr(gemini_client, "_client", None)
    try:
        gemini._call(token.reveal_key(), "model", types.Content(), 2000, varied=False)
    except TypeError:
        page = technical_500_response(rf.get("/"), *sys.exc_info()).content.decode()

    assert "_call" in page
    assert CANARY not in page


def test_debug_page_of_a_failed_form_does_not_show_the_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, admin_client: Client
) -> None:
    settings.DEBUG = True
    admin_client.raise_request_exception = False
    monkeypatch.setattr(encryption, "Fernet", None)
    Company.objects.create(company_id="NT047")
    response = admin_client.post(
        "/admin/tokens/tokenmaster/add/",
        {
            "company_id": "NT047",
            "provider": "Gemini",
            "new_key": CANARY,
            "total_token_limit": "100000",
            "threshold": "3000",
            "status": "Active",
            "quotas-TOTAL_FORMS": "0",
            "quotas-INITIAL_FORMS": "0",
        },
    )

    assert response.status_code == 500
    assert "TypeError" in response.content.decode()
    assert CANARY not in response.content.decode()


def test_debug_page_does_not_show_addresses_that_hold_a_password(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rf: RequestFactory
) -> None:
    address = f"redis://:{CANARY}@queue.example:6379/0"
    monkeypatch.setitem(settings.DATABASES["default"], "HOST", CANARY)
    settings.DEBUG = True
    settings.REDIS_URL = address
    settings.Q_CLUSTER = {"name": "ocrsite", "redis": address}
    request = rf.get("/", DATABASE_URL=address, REDIS_URL=address)
    try:
        raise TypeError("broken")
    except TypeError:
        page = technical_500_response(request, *sys.exc_info()).content.decode()

    assert "REDIS_URL" in page
    assert "Q_CLUSTER" in page
    assert "DATABASES" in page
    assert CANARY not in page


def test_password_of_a_document_is_nowhere_after_every_success_and_failure(
    settings: Settings,
    admin_client: Client,
    everything_is_logged: DatabaseHandler,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """On the page and both endpoints: right, wrong, malformed, and with everything broken."""
    make_token("offline", company_id="NT047", provider=Provider.OFFLINE)
    admin_client.raise_request_exception = False
    opened = locked_pdf(user=CANARY, owner="owner", text="INVOICE 4711")
    closed = locked_pdf(user="another", owner="owner")
    large = closed + b"\0" * 3_000_000  # Django keeps it in a file while it comes in
    answers = []

    def send(content: bytes, password: str = CANARY) -> None:
        form = {"username": "asha", "branch": "North", "Password": password}
        page = {"company_id": "NT047", "branch": "North", "password": password}
        for endpoint in ("/extract", "/api/v1/extractions/"):
            sent = {**form, "companyID": "NT047", "file": upload(content)}
            answers.append(admin_client.post(endpoint, sent, headers={"Prefer": "wait=0"}))
        answers.append(admin_client.post("/", {**page, "file": upload(content)}))

    for content in (opened, closed, large, b"%PDF-1.7 broken", b"hello"):
        send(content)
    send(closed, f"{CANARY}\x1b")
    send(closed, CANARY * 10)
    for extraction in Extraction.objects.all():
        tasks.run_extraction(str(extraction.pk))
    for debug in (True, False):
        settings.DEBUG = debug
        for broken, name in ((intake, "unlock_pdf"), (submission, "_record")):
            with monkeypatch.context() as patched:
                patched.setattr(broken, name, None)
                send(opened)
    with monkeypatch.context() as patched:
        patched.setattr(sandbox, "_PDF_CHILD", Path("/nowhere.py"))
        send(opened)
    everything_is_logged.flush()

    codes = [answer.status_code for answer in answers]
    assert {*codes} == {200, 202, 400, 415, 422, 500}
    assert Extraction.objects.filter(state=State.SUCCEEDED).exists()
    assert [answer.request["PATH_INFO"] for answer in answers if said(answer)] == []
    assert ApplicationLog.objects.filter(message="A request failed.").exists()
    assert CANARY not in every_table()
    assert CANARY.encode() not in every_file()
    assert CANARY not in "".join(capfd.readouterr())


def said(answer: Any) -> bool:
    """Whether an answer has the canary in its body or its headers."""
    return CANARY in answer.content.decode() or CANARY in repr(answer.headers)
