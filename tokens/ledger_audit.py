"""The ledger audit: whether the totals of every key are what its rows add up to.

What looks wrong is checked again with the key's totals locked, so that a call that is settled
meanwhile raises no false alarm.
"""

import logging
from dataclasses import dataclass
from datetime import time, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Sum

from ocrsite.lib import clock
from ocrsite.lib.schedules import ensure_nightly
from tokens import journal, ledger, quota_audit, services, usage_days
from tokens.models import (
    LedgerAlert,
    Quota,
    TokenMaster,
    TokenReservation,
    TokenUsageLog,
    TokenUsageSummary,
    Unit,
)
from tokens.unpriced import UnpricedForQuota, UnpricedModel, unpriced_for, unpriced_models

logger = logging.getLogger(__name__)

# The reconciler ends a dead reservation within seconds; one this old it has missed.
RECONCILER_MARGIN = timedelta(minutes=1)
# A log record and an alert name at most so many; the command names all.
NAMED = 20

_COLUMNS = {
    "total_used_tokens": "TotalUsedTokens",
    "total_remaining_tokens": "TotalRemainingTokens",
    "reserved_tokens": "ReservedTokens",
}


@dataclass(frozen=True, slots=True)
class WrongTotal:
    """A total in TokenUsageSummary that is not the sum of its rows, in LLM tokens."""

    token_id: int
    field: str
    stored: int
    right: int

    @property
    def column(self) -> str:
        """The column's name in the database."""
        return _COLUMNS[self.field]

    @property
    def identity(self) -> str:
        """Stays the same while calls go on, until somebody repairs it."""
        return f"{self.token_id} {self.field} {self.right - self.stored}"

    def __str__(self) -> str:
        return f"Key {self.token_id}: {self.column} is {self.stored}, its rows say {self.right}."


@dataclass(frozen=True, slots=True)
class DeadReservation:
    """A reservation whose attempt is over: it is charged already, or has outlived its lease."""

    row: TokenReservation
    charged: bool

    @property
    def identity(self) -> str:
        """The attempt."""
        return str(self.row.attempt_id)

    def __str__(self) -> str:
        over = f"whose lease ran out at {self.row.leased_until:%Y-%m-%d %H:%M:%S} UTC."
        return (
            f"Key {self.row.token_id}: {self.row.amount} LLM tokens are reserved for attempt "
            f"{self.row.attempt_id}, {'which is charged already.' if self.charged else over}"
        )


_Finding = (
    WrongTotal
    | DeadReservation
    | quota_audit.WrongSum
    | journal.RejectedRecord
    | UnpricedModel
    | UnpricedForQuota
)


def audit_ledger() -> list[str]:
    """Return a sentence for each wrong row; an ERROR in the log and an alert name them.

    Per key: used is the sum of its usage rows, remaining is limit − used, reserved is the sum
    of its reservations, and no reservation is of an attempt that is charged already or has
    outlived its lease. The same of the periods of quotas. No record of the journal was set aside.
    Every model that was called of late has a price, and those of keys
    with quotas in money have one in their currency. The sums of periods that ended long ago are
    removed. The daily sums are not looked at: they are corrected.
    """
    findings: list[_Finding] = [
        *_dead_reservations(),
        *journal.rejected(),
        *unpriced_models(),
        *unpriced_for(Quota.objects.filter(unit=Unit.MONEY).select_related("company")),
    ]
    for token_id in _suspects():
        with transaction.atomic():
            _lock(token_id)
            findings += _wrong_totals(token_id=token_id)
    if Quota.objects.exists():
        quota_audit.remove_old_sums()
        findings += quota_audit.wrong_sums()
    problems = [str(finding) for finding in findings]
    if problems:
        logger.error(
            "The ledger is wrong in %d places; manage.py audit_ledger names them all: %s",
            len(problems),
            " ".join(problems[:NAMED]),
        )
    left_out = len(problems) - NAMED
    shown = [*problems[:NAMED], f"And {left_out} more."] if left_out > 0 else problems
    LedgerAlert.objects.follow([finding.identity for finding in findings], "\n".join(shown))
    usage_days.correct()
    return problems


def repair_ledger() -> list[str]:
    """End dead reservations, rebuild wrong totals from their rows, and say what was changed.

    One transaction per key, with its totals locked against calls that are settled meanwhile.
    """
    changes = []
    charged = [dead.row.attempt_id for dead in _dead_reservations() if dead.charged]
    if ended := ledger.release_dead() + sum(map(ledger.end_reservation, charged)):
        changes.append(f"{ended} dead reservations released.")
    for token_id in _suspects():
        with transaction.atomic():
            TokenUsageSummary.objects.lock(token_id)
            wrong_totals = _wrong_totals(token_id=token_id)
            right = {wrong.field: wrong.right for wrong in wrong_totals}
            if right:
                TokenUsageSummary.objects.filter(token_id=token_id).update(**right)
            if "total_used_tokens" in right:
                # Of these two at most one applies.
                services.mark_exceeded(token_id=token_id)
                services.reactivate(token_id=token_id)
        changes += [
            f"Key {token_id}: {wrong.column} changed from {wrong.stored} to {wrong.right}."
            for wrong in wrong_totals
        ]
    changes += quota_audit.repair_sums()
    for change in changes:
        logger.warning("Repaired the ledger. %s", change)
    audit_ledger()  # which resolves the alert
    return changes


def ensure_schedules() -> None:
    """Schedule the audit for every night at 2:30 UTC, unless it is scheduled already."""
    ensure_nightly("audit_ledger", "tokens.ledger_audit.audit_ledger", time(2, 30))


def _dead_reservations() -> list[DeadReservation]:
    """The reservations that hold quota for an attempt that is over."""
    charged = Exists(TokenUsageLog.objects.filter(attempt_id=OuterRef("attempt_id")))
    expired = Q(leased_until__lte=clock.now() - RECONCILER_MARGIN)
    rows = TokenReservation.objects.filter(charged | expired).annotate(charged=charged)
    return [DeadReservation(row, row.charged) for row in rows.order_by("token_id", "attempt_id")]


def _suspects() -> list[int]:
    """The keys whose totals look wrong without a lock, each once."""
    return list(dict.fromkeys(wrong.token_id for wrong in _wrong_totals()))


def _lock(token_id: int) -> None:
    """Keep other transactions from moving the totals, by an UPDATE that changes nothing."""
    TokenUsageSummary.objects.filter(token_id=token_id).update(reserved_tokens=F("reserved_tokens"))


def _wrong_totals(**only: int) -> list[WrongTotal]:
    """Compare the totals with the rows, of all keys or of one (``token_id``)."""
    usage = TokenUsageLog.objects.filter(token__isnull=False, **only)
    used = dict(usage.order_by().values_list("token_id").annotate(Sum("total_tokens_used")))
    reservations = TokenReservation.objects.filter(**only)
    reserved = dict(reservations.order_by().values_list("token_id").annotate(Sum("amount")))
    tokens = TokenMaster.objects.filter(**only).order_by("token_id")
    rows = tokens.values_list(
        "token_id",
        "total_token_limit",
        "summary__total_used_tokens",
        "summary__total_remaining_tokens",
        "summary__reserved_tokens",
    )
    wrong = []
    for token_id, limit, stored_used, stored_remaining, stored_reserved in rows.iterator():
        right_used = used.get(token_id, 0)
        # A key inserted by SQL has no totals before its first call: it counts as unused.
        compared = (
            ("total_used_tokens", stored_used or 0, right_used),
            (
                "total_remaining_tokens",
                limit if stored_remaining is None else stored_remaining,
                limit - right_used,
            ),
            ("reserved_tokens", stored_reserved or 0, reserved.get(token_id, 0)),
        )
        wrong += [
            WrongTotal(token_id, field, stored, right)
            for field, stored, right in compared
            if stored != right
        ]
    return wrong
