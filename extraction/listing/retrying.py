"""Failed extractions tried again, many at once: asked with what they cost, done with a reason."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django import forms
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from extraction import submission
from extraction.access import Principal
from extraction.listing.conditions import Rows
from extraction.models import Attempt, Extraction, State
from tokens.models import TokenUsageLog

# A request queues so many again; the user is told what is left.
RETRIED_AT_ONCE = 500
# Ids per query: SQL Server takes 2,100 parameters.
_AT_ONCE = 500


class ReasonForm(forms.Form):
    """Why something is done that costs money or cannot be undone: kept in the audit list."""

    why = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Kept in the audit list."),
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls cost: their number, LLM tokens, and money by currency as far as it is known."""

    calls: int
    tokens: int
    money: dict[str, Decimal]

    @property
    def amounts(self) -> str:
        """The money, such as "1.25 USD"."""
        return ", ".join(f"{sum_.normalize():f} {name}" for name, sum_ in self.money.items())


@dataclass(frozen=True, slots=True)
class Failed:
    """Those that can be tried again at once, the oldest first, and whether there are more."""

    rows: Sequence[Extraction]
    has_more: bool

    def last_cost(self) -> Cost:
        """What the calls cost since each was last queued by hand."""
        return cost_of_last_run([row.pk for row in self.rows])


def failed_among(chosen: Rows) -> Failed:
    """Return the failed ones whose documents are kept, RETRIED_AT_ONCE at most."""
    failed = chosen.filter(state=State.FAILED, files_removed_at=None).order_by("created_at", "pk")
    fields = ("pk", "company_id", "state", "error_code")
    some = list(failed.only(*fields)[: RETRIED_AT_ONCE + 1])
    return Failed(some[:RETRIED_AT_ONCE], len(some) > RETRIED_AT_ONCE)


def retry_all(failed: Failed, *, by: Principal, why: str) -> int:
    """Queue them again and return how many were still to be."""
    return sum(submission.retry(extraction, by=by, why=why) for extraction in failed.rows)


def cost_of_last_run(ids: Sequence[UUID]) -> Cost:
    """Add up what was charged for the last run of these extractions."""
    attempts: list[UUID] = []
    for start in range(0, len(ids), _AT_ONCE):
        last = Attempt.objects.filter(
            extraction_id__in=ids[start : start + _AT_ONCE],
            number__gt=F("extraction__attempts_before"),
        )
        attempts += last.order_by().values_list("pk", flat=True)
    tokens, money = 0, defaultdict[str, Decimal](Decimal)
    for start in range(0, len(attempts), _AT_ONCE):
        usage = TokenUsageLog.objects.filter(attempt_id__in=attempts[start : start + _AT_ONCE])
        for used, cost, currency in usage.values_list("total_tokens_used", "cost", "currency"):
            tokens += used
            if cost is not None and currency:
                money[currency] += cost
    return Cost(len(attempts), tokens, dict(money))
