"""Alerts when a share of a limit is used: each share once for each limit and period.

Looked at every few seconds beside the ledger, whose transactions they take no time of.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, Q

from ocrsite.lib import clock
from tokens import quota_sums, quotas
from tokens.models import (
    AlertKind,
    Finding,
    Quota,
    QuotaSum,
    SiteAlert,
    TokenStatus,
    TokenUsageSummary,
)


@dataclass(frozen=True, slots=True)
class Share:
    """What is used of a limit. ``of`` tells limit and period apart; ``told`` is for people."""

    of: str
    told: str
    company_id: str
    used: int
    limit: int

    def percent_crossed(self) -> int | None:
        """Return the highest of ALERT_PERCENTS that is reached, if any is."""
        reached = [each for each in settings.ALERT_PERCENTS if self.used * 100 >= self.limit * each]
        return max(reached, default=None)


def look() -> None:
    """Raise an alert for each share that is newly reached, and close those that are over.

    Of several reached at once the highest is told.
    """
    found = {}
    for share in (*_of_keys(), *_of_periods()):
        percent = share.percent_crossed()
        if percent is not None:
            text = share.told.format(percent=percent)[:500]
            found[f"{share.of} {percent} %"] = Finding(text, share.company_id)
    SiteAlert.objects.follow(AlertKind.QUOTA, found, once=True)


def _of_keys() -> Iterator[Share]:
    """The keys in use that have reached the lowest share of the limit for their life."""
    lowest = min(settings.ALERT_PERCENTS, default=None)
    if lowest is None:
        return
    # Divided first, or the product could be too large; whoever passes is judged exactly later.
    about = F("token__total_token_limit") / 100 * lowest
    rows = TokenUsageSummary.objects.select_related("token").filter(
        total_used_tokens__gte=about,
        token__status__in=[TokenStatus.ACTIVE, TokenStatus.EXCEEDED],
        token__total_token_limit__gt=0,
    )
    for row in rows:
        token = row.token
        yield Share(
            of=f"key {token.pk} limit {token.total_token_limit}",
            told=f"Key {_plain(token)} has used {{percent}} % of {token.total_token_limit} "
            f"LLM tokens: {row.total_used_tokens}.",
            company_id=token.company_id,
            used=row.total_used_tokens,
            limit=token.total_token_limit,
        )


def _of_periods() -> Iterator[Share]:
    """The quotas of which something was spent in their current periods."""
    now = clock.now()
    quota_sums.make_missing(now)
    current = QuotaSum.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), starts_at__lte=now)
    spent = Quota.objects.filter(pk__in=current.filter(used__gt=0).values("quota"))
    for state in quotas.states(spent, now):
        quota, token = state.quota, state.quota.token
        if state.limit > 0:
            whose = f"key {token}" if token else f"company {quota.company}"
            yield Share(
                of=f"quota {quota.pk} from {state.starts_at:%Y-%m-%dT%H:%M} "
                f"limit {quota.amount(state.limit)}",
                told=f"The quota of {_plain(whose)} ({_plain(quota)}) is used to {{percent}} %: "
                f"{quota.in_words(state.used)} of {quota.in_words(state.limit)}.",
                company_id=token.company_id if token else str(quota.company_id),
                used=state.used,
                limit=state.limit,
            )


def _plain(named: object) -> str:
    """A name as a part of a text with gaps."""
    return str(named).replace("{", "{{").replace("}", "}}")
