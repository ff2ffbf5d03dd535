"""Alerts when a share of a limit is used: each share once for each limit and period.

Looked at every few seconds beside the ledger, whose transactions they take no time of.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F

from tokens.models import AlertKind, Finding, SiteAlert, TokenStatus, TokenUsageSummary


@dataclass(frozen=True, slots=True)
class Share:
    """What is used of a limit. ``of`` tells limit and period apart; ``name`` is for people."""

    of: str
    name: str
    company_id: str
    used: int
    limit: int
    unit: str = "LLM tokens"

    def percent_crossed(self) -> int | None:
        """Return the highest of ALERT_PERCENTS that is reached, if any is."""
        reached = [each for each in settings.ALERT_PERCENTS if self.used * 100 >= self.limit * each]
        return max(reached, default=None)


def look() -> None:
    """Raise an alert for each share that is newly reached, and close those that are over.

    Of several reached at once the highest is told.
    """
    found = {}
    for share in _of_keys():
        percent = share.percent_crossed()
        if percent is not None:
            text = f"{share.name} has used {percent} % of {share.limit} {share.unit}: {share.used}."
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
            name=f"Key {token}",
            company_id=token.company_id,
            used=row.total_used_tokens,
            limit=token.total_token_limit,
        )
