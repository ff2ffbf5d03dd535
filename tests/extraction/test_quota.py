"""How far a key's quota goes, with every call billed at its maximum."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from extraction import pipeline, submission
from extraction.models import Extraction, State
from extraction.readers.gemini import prompt_cost
from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token
from tokens.models import TokenMaster, TokenReservation, TokenStatus

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("same_input")]

INVOICE = pdf("INVOICE 4711\nTotal 119.00")
# Less than this need not be enough for an invoice of one page.
REST = 6_000


@pytest.fixture(autouse=True)
def _costliest_answers(emulator: Emulator) -> None:
    emulator.use_whole_budget = True


def submit() -> Extraction:
    return submission.submit(
        upload(INVOICE),
        company_id="NT047",
        requested_by="asha",
        branch="Default",
        client="user:1",
        force=True,
    ).extraction


def process(extraction: Extraction) -> Extraction:
    pipeline.process(extraction.pk)
    extraction.refresh_from_db()
    return extraction


def process_in_thread(pk: UUID) -> None:
    try:
        pipeline.process(pk)
    finally:
        connection.close()


def read_back(token: TokenMaster) -> TokenMaster:
    return TokenMaster.objects.select_related("summary").get(pk=token.pk)


def billed(emulator: Emulator) -> int:
    bills = [call.bill for call in emulator.calls if call.bill is not None]
    return sum(bill.text + bill.images + bill.answer + bill.thinking for bill in bills)


def test_key_serves_one_invoice_after_the_other_until_less_than_6000_is_left(
    emulator: Emulator,
) -> None:
    token = make_token()

    while (extraction := process(submit())).state == State.SUCCEEDED:
        pass

    token = read_back(token)
    assert (extraction.state, extraction.error_code) == (State.FAILED, "token_exceeded")
    assert 0 <= token.unspent < REST
    assert token.used == billed(emulator)
    assert token.status == TokenStatus.EXCEEDED


def test_key_serves_thirty_invoices_at_once_until_less_than_6000_is_left(
    emulator: Emulator,
) -> None:
    token = make_token()
    pks = [submit().pk for _ in range(30)]
    emulator.faults.add("answer", delay=0.3)

    with time_machine.travel(timezone.now(), tick=True) as clock, ThreadPoolExecutor(30) as pool:
        while unended := [e for e in Extraction.objects.filter(pk__in=pks) if not e.ended]:
            clock.move_to(max(timezone.now(), *(e.due_at for e in unended)))
            list(pool.map(process_in_thread, [e.pk for e in unended]))

    token = read_back(token)
    assert 0 <= token.unspent < REST
    assert token.used == billed(emulator)
    assert not TokenReservation.objects.exists()
    succeeded = Extraction.objects.filter(state=State.SUCCEEDED).count()
    assert succeeded == len(emulator.calls)
    assert Extraction.objects.filter(error_code="token_exceeded").count() == 30 - succeeded


def test_last_call_is_given_as_much_output_as_the_key_has_left(emulator: Emulator) -> None:
    token = make_token(total_token_limit=REST)

    extraction = process(submit())

    assert extraction.state == State.SUCCEEDED
    assert read_back(token).used == billed(emulator)
    assert 0 <= read_back(token).unspent < 200


def test_key_is_not_exceeded_while_the_cost_of_the_prompt_is_unknown(emulator: Emulator) -> None:
    token = make_token(total_token_limit=10_000)
    emulator.faults.add("internal", method="countTokens")
    rejected = process(submit())

    assert (rejected.state, rejected.error_code) == (State.FAILED, "token_exceeded")
    assert read_back(token).status == TokenStatus.ACTIVE

    emulator.faults.clear()
    prompt_cost.forget()
    assert process(submit()).state == State.SUCCEEDED


def test_uncounted_prompt_delays_and_fails_no_extraction(emulator: Emulator) -> None:
    make_token()
    emulator.faults.add("key_invalid", method="countTokens")

    assert process(submit()).state == State.SUCCEEDED
