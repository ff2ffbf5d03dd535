"""The ledger's totals are compared with their rows, and rebuilt from them."""

import logging
import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import Schedule
from pytest_django import DjangoAssertNumQueries

from tests.tokens.rows import insert_by_sql, make_token
from tokens import ledger, ledger_audit, services
from tokens.models import TokenMaster, TokenReservation, TokenUsageLog, TokenUsageSummary
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

WHO = Requester(company_id="NT047", branch="Default", requested_by="asha")


def spend(token: TokenMaster, amount: int) -> None:
    ledger.settle(uuid.uuid4(), token.pk, Usage(amount), **WHO)


def reserve(token: TokenMaster, amount: int, lease: timedelta = timedelta(minutes=5)) -> uuid.UUID:
    attempt_id = uuid.uuid4()
    ledger.reserve(
        token.pk, attempt_id=attempt_id, amount=amount, output_budget=amount, lease=lease
    )
    return attempt_id


def falsify(token: TokenMaster, **totals: int) -> None:
    TokenUsageSummary.objects.filter(token=token).update(**totals)


def totals(token: TokenMaster) -> tuple[int, int, int]:
    row = TokenUsageSummary.objects.get(token=token)
    return row.total_used_tokens, row.total_remaining_tokens, row.reserved_tokens


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("audit_ledger", *arguments, stdout=output)
    return output.getvalue()


def test_a_ledger_that_only_calls_have_changed_is_right(caplog: pytest.LogCaptureFixture) -> None:
    token = make_token()
    spend(token, 700)
    reserve(token, 300)
    insert_by_sql()
    TokenUsageLog.objects.create(company_id="NT047", total_tokens_used=5)

    assert run() == "The ledger is right.\n"
    # The row that no call wrote is missing in the sums of its day.
    assert [record.message for record in caplog.records] == ["Corrected 1 daily sums of usage."]


@pytest.mark.parametrize(
    ("field", "stored", "sentence"),
    [
        ("total_used_tokens", 600, "TotalUsedTokens is 600, its rows say 700."),
        ("total_remaining_tokens", 1, "TotalRemainingTokens is 1, its rows say 99300."),
        ("reserved_tokens", 0, "ReservedTokens is 0, its rows say 300."),
    ],
)
def test_each_wrong_total_is_named_and_logged(
    field: str, stored: int, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    make_token()
    token = make_token()
    spend(token, 700)
    reserve(token, 300)
    falsify(token, **{field: stored})
    output = StringIO()

    with pytest.raises(CommandError, match="1 problems"):
        call_command("audit_ledger", stdout=output)

    assert output.getvalue() == f"Key {token.pk}: {sentence}\n"
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert sentence in record.message


def test_a_limit_changed_by_sql_shows_in_what_remains() -> None:
    token = make_token()
    TokenMaster.objects.filter(pk=token.pk).update(total_token_limit=500)

    assert ledger_audit.audit_ledger() == [
        f"Key {token.pk}: TotalRemainingTokens is 100000, its rows say 500."
    ]


def test_usage_of_a_key_without_totals_is_named() -> None:
    token = insert_by_sql()
    TokenUsageLog.objects.create(token=token, total_tokens_used=5)

    assert ledger_audit.audit_ledger() == [
        f"Key {token.pk}: TotalUsedTokens is 0, its rows say 5.",
        f"Key {token.pk}: TotalRemainingTokens is 100000, its rows say 99995.",
    ]


def test_a_reservation_that_the_reconciler_missed_is_named() -> None:
    token = make_token()
    just_dead = reserve(token, 100, timedelta(seconds=-1))
    attempt_id = reserve(token, 300, timedelta(minutes=-5))
    ended = TokenReservation.objects.get(pk=attempt_id).leased_until

    assert ledger_audit.audit_ledger() == [
        f"Key {token.pk}: 300 LLM tokens are reserved for attempt {attempt_id}, "
        f"whose lease ran out at {ended:%Y-%m-%d %H:%M:%S} UTC."
    ]
    assert TokenReservation.objects.filter(pk=just_dead).exists()


def test_repair_rebuilds_totals_from_the_rows_and_says_what_it_changed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    token, untouched = make_token(), make_token()
    spend(token, 700)
    reserve(token, 300)
    reserve(token, 50, timedelta(minutes=-5))
    falsify(token, total_used_tokens=1, total_remaining_tokens=2, reserved_tokens=3 + 50)
    caplog.set_level(logging.WARNING)

    output = run("--repair")

    assert output == (
        "1 dead reservations released.\n"
        f"Key {token.pk}: TotalUsedTokens changed from 1 to 700.\n"
        f"Key {token.pk}: TotalRemainingTokens changed from 2 to 99300.\n"
        f"Key {token.pk}: ReservedTokens changed from 3 to 300.\n"
    )
    assert len(caplog.records) == 4
    assert totals(token) == (700, 99_300, 300)
    assert totals(untouched) == (0, 100_000, 0)
    assert run() == "The ledger is right.\n"
    assert run("--repair") == "Nothing had to be changed.\n"


def test_repair_creates_the_totals_of_a_key_inserted_by_sql() -> None:
    token = insert_by_sql()
    TokenUsageLog.objects.create(token=token, total_tokens_used=5)

    ledger_audit.repair_ledger()

    assert totals(token) == (5, 99_995, 0)


def test_repair_leaves_a_used_up_key_exceeded_and_another_active() -> None:
    used_up, other = make_token(total_token_limit=500), make_token(total_token_limit=500)
    spend(used_up, 500)
    TokenMaster.objects.filter(pk=used_up.pk).update(status="Active")
    falsify(used_up, total_used_tokens=0)
    falsify(other, total_used_tokens=500)
    services.mark_exceeded(token_id=other.pk)

    ledger_audit.repair_ledger()

    used_up.refresh_from_db()
    other.refresh_from_db()
    assert (used_up.status, other.status) == ("Exceeded", "Active")


def test_repair_of_reserved_tokens_changes_no_other_total() -> None:
    token = make_token()
    spend(token, 700)
    falsify(token, reserved_tokens=300)

    assert ledger_audit.repair_ledger() == [
        f"Key {token.pk}: ReservedTokens changed from 300 to 0."
    ]
    assert totals(token) == (700, 99_300, 0)


def test_a_key_whose_totals_are_right_once_they_are_locked_raises_no_alarm(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = make_token()
    spend(token, 700)
    # As if the totals had looked wrong without a lock, while a call was settled.
    monkeypatch.setattr(ledger_audit, "_suspects", lambda: [token.pk])

    assert (ledger_audit.audit_ledger(), ledger_audit.repair_ledger()) == ([], [])
    assert totals(token) == (700, 99_300, 0)
    assert not caplog.records


def test_audit_takes_as_many_queries_for_many_keys_as_for_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(5):
        spend(make_token(), 700)

    ledger_audit.audit_ledger()  # which notes for the first time how far it came

    # Fourteen of them are of the daily sums.
    with django_assert_num_queries(23):
        ledger_audit.audit_ledger()


def test_audit_is_scheduled_once_and_keeps_what_staff_changed() -> None:
    ledger_audit.ensure_schedules()
    Schedule.objects.filter(name="audit_ledger").update(schedule_type=Schedule.WEEKLY)
    ledger_audit.ensure_schedules()

    schedule = Schedule.objects.get(name="audit_ledger")
    assert (schedule.func, schedule.schedule_type) == ("tokens.ledger_audit.audit_ledger", "W")
    assert timezone.now() < schedule.next_run < timezone.now() + timedelta(days=2)
    assert (schedule.next_run.hour, schedule.next_run.minute) == (2, 30)


def test_reservation_of_a_charged_attempt_is_named_and_released() -> None:
    token = make_token()
    attempt_id = reserve(token, 300)
    TokenUsageLog.objects.create(token=token, attempt_id=attempt_id)

    assert ledger_audit.audit_ledger() == [
        f"Key {token.pk}: 300 LLM tokens are reserved for attempt {attempt_id}, "
        "which is charged already."
    ]
    assert ledger_audit.repair_ledger() == ["1 dead reservations released."]
    assert ledger_audit.audit_ledger() == []
    assert totals(token) == (0, 100_000, 0)
