"""A PDF with an e-invoice is read without a key's quota, from the upload to the result."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from extraction import idempotency, outcomes, pipeline, submission
from extraction.documents.intake import folder_of
from extraction.models import Attempt, Extraction, ReaderChoice, State
from tests.emulator.server import Emulator
from tests.extraction.readers.einvoice.einvoices import cii, cii_without_lines, pdf
from tests.extraction.sample_documents import upload
from tests.tokens.rows import make_token
from tokens import circuit_breaker
from tokens.models import (
    Provider,
    TokenMaster,
    TokenReservation,
    TokenStatus,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.selection import NoUsableKey

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.vendor,
    pytest.mark.usefixtures("same_input"),
]

PRINTED = "Lieferant GmbH    Rechnung RE-17 vom 05.03.2026\n\nGesamtbetrag  67,83 EUR"
SUMS = "\nTrennblätter   57,00\nNettosumme 57,00   Steuerbetrag 10,83\nKunden AG Mitte"


@pytest.fixture
def einvoice(tmp_path: Path) -> bytes:
    return pdf(tmp_path, PRINTED + SUMS, {"factur-x.xml": cii()}).read_bytes()


@pytest.fixture
def minimum(tmp_path: Path) -> bytes:
    """One of a profile without lines."""
    return pdf(tmp_path, PRINTED, {"factur-x.xml": cii_without_lines()}).read_bytes()


@pytest.fixture
def plain(tmp_path: Path) -> bytes:
    """A PDF without an e-invoice."""
    return pdf(tmp_path, PRINTED).read_bytes()


def submit(
    content: bytes, reader: str = ReaderChoice.AUTO, *, idempotency_key: str | None = None
) -> Extraction:
    return submission.submit(
        upload(content),
        company_id="NT047",
        requested_by="asha",
        branch="North",
        client="user:1",
        reader=reader,
        idempotency_key=idempotency_key,
    ).extraction


def process(extraction: Extraction) -> Extraction:
    """One run of the pipeline, as a worker does it."""
    pipeline.process(extraction.pk)
    extraction.refresh_from_db()
    return extraction


def assert_read_for_nothing(extraction: Extraction, emulator: Emulator) -> None:
    assert extraction.state == State.SUCCEEDED
    assert (extraction.http_status, extraction.model) == (200, "e-invoice")
    assert (extraction.token_id, extraction.attempts) == (None, 0)
    assert extraction.result is not None
    assert extraction.result["invoice_number"] == "RE-17"
    assert extraction.result["usage"]["total_tokens"] == 0
    assert not emulator.calls
    assert not Attempt.objects.exists()
    assert not TokenReservation.objects.exists()
    assert not TokenUsageLog.objects.exists()
    used = TokenUsageSummary.objects.values_list("total_used_tokens", "reserved_tokens")
    assert set(used) <= {(0, 0), (100_000, 0)}  # what a test has set


def test_an_einvoice_costs_nothing_with_a_gemini_key(emulator: Emulator, einvoice: bytes) -> None:
    make_token()

    extraction = process(submit(einvoice))

    assert_read_for_nothing(extraction, emulator)
    assert (extraction.needs_review, (extraction.timings or {}).keys()) == (
        False,
        {"read", "pages", "evidence"},
    )
    assert [page.name for page in (folder_of(extraction.pk) / "pages").iterdir()] == ["001.jpg"]


def test_an_einvoice_is_read_with_an_offline_key(emulator: Emulator, einvoice: bytes) -> None:
    make_token("none", provider=Provider.OFFLINE)

    assert_read_for_nothing(process(submit(einvoice)), emulator)


def test_the_same_bytes_are_answered_by_the_einvoice_read_before(
    emulator: Emulator, einvoice: bytes
) -> None:
    make_token()
    first = process(submit(einvoice))

    assert submit(einvoice).pk == first.pk


def test_busy_keys_do_not_hold_up_an_einvoice(emulator: Emulator, einvoice: bytes) -> None:
    token = make_token()
    circuit_breaker.trip(token, timezone.now() + timedelta(hours=1), "busy", whole_project=False)

    assert_read_for_nothing(process(submit(einvoice)), emulator)


def test_a_company_whose_keys_are_exceeded_gets_its_einvoices_read(
    emulator: Emulator, einvoice: bytes, plain: bytes, minimum: bytes
) -> None:
    token = make_token()
    TokenMaster.objects.update(status=TokenStatus.EXCEEDED)
    TokenUsageSummary.objects.filter(token=token).update(total_used_tokens=100_000)

    assert_read_for_nothing(process(submit(einvoice)), emulator)
    for other in (plain, minimum):
        with pytest.raises(NoUsableKey):
            submit(other)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (TokenStatus.DISABLED, "token_exceeded"),
        (TokenStatus.EXPIRED, "token_expired"),
        (None, "token_missing"),
    ],
)
def test_without_a_key_there_is_no_service(
    status: TokenStatus | None, code: str, emulator: Emulator, einvoice: bytes
) -> None:
    make_token(company_id="NT047" if status else "ANOTHER")
    TokenMaster.objects.update(status=status or TokenStatus.ACTIVE)

    with pytest.raises(NoUsableKey) as caught:
        submit(einvoice)

    assert caught.value.code == code


def test_a_key_that_is_disabled_after_the_upload_ends_the_service(
    emulator: Emulator, einvoice: bytes
) -> None:
    make_token()
    extraction = submit(einvoice)
    TokenMaster.objects.update(status=TokenStatus.DISABLED)

    process(extraction)

    assert (extraction.state, extraction.http_status) == (State.FAILED, 402)


def test_an_expired_exceeded_key_is_none(emulator: Emulator, einvoice: bytes) -> None:
    make_token(expires_at=timezone.now() - timedelta(days=1))
    TokenMaster.objects.update(status=TokenStatus.EXCEEDED)

    with pytest.raises(NoUsableKey):
        submit(einvoice)


@pytest.mark.parametrize(
    ("name", "reader", "einvoice_first"),
    [
        ("minimum", "auto", True),
        ("plain", "auto", True),
        ("einvoice", "model", True),
        ("einvoice", "auto", False),
    ],
)
def test_the_model_reads_the_pages_of_everything_else(
    name: str,
    reader: str,
    einvoice_first: bool,
    emulator: Emulator,
    settings: Settings,
    request: pytest.FixtureRequest,
) -> None:
    settings.EINVOICE_FIRST = einvoice_first
    make_token()

    extraction = process(submit(request.getfixturevalue(name), reader))

    assert (extraction.state, len(emulator.calls)) == (State.SUCCEEDED, 1)
    assert extraction.model != "e-invoice"
    assert Attempt.objects.count() == 1


def test_an_einvoice_without_lines_gets_those_of_its_page_with_an_offline_key(
    emulator: Emulator, tmp_path: Path
) -> None:
    make_token("none", provider=Provider.OFFLINE)
    printed = f"{PRINTED}\nTrennblätter   6    9,50    57,00\n"
    content = pdf(tmp_path, printed, {"factur-x.xml": cii_without_lines()}).read_bytes()

    extraction = process(submit(content))

    assert (extraction.state, extraction.model) == (State.SUCCEEDED, "e-invoice")
    assert extraction.result is not None
    assert [line["amount"] for line in extraction.result["line_items"]] == ["57.00"]


def test_only_the_einvoice_is_read_when_that_is_wanted(
    emulator: Emulator, settings: Settings, minimum: bytes
) -> None:
    settings.EINVOICE_FIRST = False
    make_token()

    extraction = process(submit(minimum, ReaderChoice.EINVOICE))

    assert_read_for_nothing(extraction, emulator)
    assert extraction.needs_review


def test_a_document_without_one_fails_then(emulator: Emulator, plain: bytes) -> None:
    make_token()

    extraction = process(submit(plain, ReaderChoice.EINVOICE))

    assert (extraction.state, extraction.http_status) == (State.FAILED, 422)
    assert extraction.error_code == "no_einvoice"
    assert extraction.error_message == "Failed to process invoice"
    assert not emulator.calls


def test_the_same_bytes_are_read_anew_by_another_reader(
    emulator: Emulator, einvoice: bytes
) -> None:
    make_token()
    by_xml = process(submit(einvoice))

    by_model = process(submit(einvoice, ReaderChoice.MODEL))

    assert by_model.pk != by_xml.pk
    assert len(emulator.calls) == 1
    assert [submit(einvoice).pk, submit(einvoice, ReaderChoice.MODEL).pk] == [
        by_xml.pk,
        by_model.pk,
    ]


def test_an_idempotency_key_holds_for_one_reader(emulator: Emulator, einvoice: bytes) -> None:
    make_token()
    first = submit(einvoice, idempotency_key="k")

    assert submit(einvoice, idempotency_key="k").pk == first.pk
    with pytest.raises(idempotency.IdempotencyConflict):
        submit(einvoice, ReaderChoice.MODEL, idempotency_key="k")


def test_the_longest_company_id_has_room_beside_a_reader(
    emulator: Emulator, einvoice: bytes
) -> None:
    company_id = "C" * 50
    make_token(company_id=company_id)

    extraction = submission.submit(
        upload(einvoice),
        company_id=company_id,
        requested_by="asha",
        branch="North",
        client="user:1",
        reader=ReaderChoice.EINVOICE,
    ).extraction

    assert len(extraction.dedup_key or "") == 120


def test_an_einvoice_is_looked_for_once(
    emulator: Emulator, plain: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_token()
    emulator.faults.add("internal", call=1)
    extraction = process(submit(plain))
    assert extraction.state == State.WAITING

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(pipeline, "read_first", fail)
    Extraction.objects.update(due_at=timezone.now())

    assert process(extraction).state == State.SUCCEEDED


def test_a_result_that_cannot_be_recorded_fails_the_extraction(
    emulator: Emulator, einvoice: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_token()
    extraction = submit(einvoice)

    def fail(*_: object, **__: object) -> None:
        raise ValueError("too long")

    monkeypatch.setattr(outcomes, "finish", fail)

    process(extraction)

    assert (extraction.state, extraction.error_code) == (State.FAILED, "internal_error")
