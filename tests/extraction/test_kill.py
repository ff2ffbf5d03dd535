"""kill -9 at each step of an attempt: what the provider billed is in the ledger, and only once."""

import signal
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F, Sum
from django.utils import timezone
from django_q.brokers import get_broker

from extraction import pipeline, submission
from extraction.models import Extraction, State
from extraction.worker import housekeeping
from extraction.worker.reconciler import Reconciler
from tests import processes
from tests.emulator.server import Emulator
from tests.extraction import killed
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_budget, make_quota, make_token
from tokens import ledger_audit
from tokens.costs import units
from tokens.models import Company, QuotaSum, TokenReservation, TokenUsageLog, TokenUsageSummary
from tokens.periods import Period

pytestmark = [pytest.mark.crash, pytest.mark.django_db(transaction=True), pytest.mark.vendor]


def queued() -> Extraction:
    return submission.submit(
        upload(pdf("INVOICE 4711")),
        company_id="NT047",
        requested_by="asha",
        branch="North",
        client="user:1",
    ).extraction


def die_at(step: str, extraction: Extraction, emulator: Emulator) -> None:
    """Have another process work on it, and see that it was killed."""
    process = processes.start(killed.work_until, step, extraction.pk, GEMINI_BASE_URL=emulator.url)
    if step == "after send":
        assert emulator.wait_for_calls(1, seconds=60)
        process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert emulator.wait_until_idle()


def recover(extraction: Extraction) -> None:
    """What the worker's rounds do once every lease of the dead process has run out."""
    past = timezone.now() - timedelta(seconds=1)
    Extraction.objects.filter(state=State.PROCESSING).update(leased_until=past)
    Reconciler(get_broker()).round()
    TokenReservation.objects.update(leased_until=past)
    housekeeping.run_housekeeping()
    pipeline.process(extraction.pk)


@pytest.mark.parametrize(
    ("step", "calls", "estimated"),
    [
        ("before reserve", 1, 0),
        ("inside reserve", 1, 0),
        ("after reserve", 1, 0),
        ("before send", 1, 1),
        ("after send", 2, 1),
        ("after answer", 2, 1),
        ("inside settle", 2, 1),
        ("inside periods", 2, 1),
        ("before commit", 2, 1),
        ("after settle", 1, 0),
    ],
)
def test_ledger_holds_every_call_of_a_process_killed(
    step: str, calls: int, estimated: int, emulator: Emulator
) -> None:
    token = make_token()
    quotas = [
        make_quota(token, Period.DAILY, 50_000),
        make_quota(Company.objects.get(), Period.MONTHLY, 60_000),
    ]
    budgets = [
        make_budget(token, Period.MONTHLY, "1 USD"),
        make_budget(Company.objects.get(), Period.DAILY, "2 USD"),
    ]
    extraction = queued()
    if step == "after send":
        emulator.faults.add("answer", call=1, delay=60)

    die_at(step, extraction, emulator)
    recover(extraction)

    extraction.refresh_from_db()
    assert extraction.state == State.SUCCEEDED
    bills = [call.bill.total for call in emulator.calls if call.bill]
    assert len(bills) == calls
    rows = TokenUsageLog.objects.filter(token=token)
    # The last call's bill is exact; what cannot be known is flagged, and covers what was billed.
    assert [row.total_tokens_used for row in rows.filter(estimated=False)] == bills[-1:]
    unknown = rows.filter(estimated=True)
    assert unknown.count() == estimated
    assert all(row.total_tokens_used >= sum(bills[:-1]) for row in unknown)
    assert extraction.attempt_set.count() == rows.count()
    assert not TokenReservation.objects.exists()
    summary = TokenUsageSummary.objects.get(token=token)
    charged = rows.aggregate(total=Sum("total_tokens_used"))["total"]
    assert (summary.total_used_tokens, summary.reserved_tokens) == (charged, 0)
    sums = QuotaSum.objects.filter(quota__in=quotas).values_list("used", "reserved")
    assert list(sums) == [(charged, 0)] * 2
    cost = sum(units(row.cost or Decimal(0)) for row in rows)
    assert cost > 0
    spent = QuotaSum.objects.filter(quota__in=budgets).values_list("used", "reserved")
    assert list(spent) == [(cost, 0)] * 2
    assert ledger_audit.audit_ledger() == []


@pytest.mark.parametrize("step", ["before send", "after answer"])
def test_a_call_of_a_process_killed_before_midnight_counts_on_its_day(
    step: str, emulator: Emulator
) -> None:
    token = make_token()
    make_quota(token, Period.DAILY, 50_000)
    extraction = queued()
    die_at(step, extraction, emulator)
    # A day passes: what the dead process left is of yesterday.
    day = timedelta(days=1)
    TokenReservation.objects.update(created_at=F("created_at") - day)
    extraction.attempt_set.update(started_at=F("started_at") - day)
    for each in QuotaSum.objects.all():
        starts_at, ends_at = each.starts_at - day, each.starts_at
        QuotaSum.objects.filter(pk=each.pk).update(starts_at=starts_at, ends_at=ends_at)

    recover(extraction)

    unknown, known = TokenUsageLog.objects.order_by("-estimated")
    assert (unknown.estimated, known.estimated) == (True, False)
    sums = QuotaSum.objects.order_by("starts_at").values_list("used", "reserved")
    assert list(sums) == [(unknown.total_tokens_used, 0), (known.total_tokens_used, 0)]
    assert ledger_audit.audit_ledger() == []
