"""What the dashboard tells of keys and their use. Amounts are LLM tokens; days are those of UTC.

``companies`` are the ids that may be looked at, however rows write them; None means every one.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Exists,
    F,
    FloatField,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import GreaterThan
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ocrsite.lib import clock
from tokens.costs import amount_of
from tokens.models import (
    CoolDown,
    LedgerAlert,
    Quota,
    QuotaSum,
    SiteAlert,
    ThresholdAlert,
    TokenMaster,
    TokenStatus,
    UsageDay,
)
from tokens.periods import Period

# So many days are shown, today among them.
DAYS = 30
# Of its limit, in percent: from here on a key is near it.
NEAR = 80
EXPIRES_SOON = timedelta(days=14)
# A forecast beyond a year is none.
LONGEST_FORECAST = 365
# So many rows are shown of each list.
SHOWN = 10
_USED_UP = {
    Period.TOTAL: gettext_lazy("Total quota used up"),
    Period.DAILY: gettext_lazy("Daily quota used up"),
    Period.WEEKLY: gettext_lazy("Weekly quota used up"),
    Period.MONTHLY: gettext_lazy("Monthly quota used up"),
}
_NEAR = {
    Period.TOTAL: gettext_lazy("Near its total quota"),
    Period.DAILY: gettext_lazy("Near its daily quota"),
    Period.WEEKLY: gettext_lazy("Near its weekly quota"),
    Period.MONTHLY: gettext_lazy("Near its monthly quota"),
}


@dataclass
class Spent:
    """Requests, LLM tokens, and what they cost by currency, as far as that is known."""

    requests: int = 0
    tokens: int = 0
    _units: Counter[str] = field(default_factory=Counter)

    def add(self, requests: int, tokens: int, currency: str, units: int) -> None:
        """Add a sum in one currency ("" where the cost is not known)."""
        self.requests += requests
        self.tokens += tokens
        if currency:
            self._units[currency] += units

    @property
    def costs(self) -> list[tuple[str, Decimal]]:
        """The currencies with the amounts."""
        return [(currency, amount_of(units)) for currency, units in sorted(self._units.items())]


@dataclass(frozen=True, slots=True)
class UsageFigures:
    """Use today, in this month, and in the DAYS days that end today: by day, model and company."""

    today: Spent
    month: Spent
    by_day: Mapping[date, Spent]
    by_model: Mapping[str, Spent]
    by_company: Mapping[str, Spent]
    by_key: Mapping[int, int]


def usage(today: date, companies: Sequence[str] | None = None) -> UsageFigures:
    """Return the use as the daily sums tell it, in two queries."""
    since, month = today - timedelta(days=DAYS - 1), today.replace(day=1)
    figures = UsageFigures(
        Spent(),
        Spent(),
        {since + timedelta(days=number): Spent() for number in range(DAYS)},
        defaultdict(Spent),
        defaultdict(Spent),
        Counter(),
    )
    for day, model, currency, *amounts in _summed(
        min(since, month), today, companies, "day", "model", "currency"
    ):
        spent = (int(amounts[0]), int(amounts[1]), currency, int(amounts[2]))
        if day >= month:
            figures.month.add(*spent)
        if day == today:
            figures.today.add(*spent)
        if day >= since:
            figures.by_day[day].add(*spent)
            figures.by_model[model].add(*spent)
    by_key: Any = figures.by_key
    for company_id, token_id, currency, *amounts in _summed(
        since, today, companies, "company_id", "token_id", "currency"
    ):
        requests, tokens, units = map(int, amounts)
        figures.by_company[company_id].add(requests, tokens, currency, units)
        by_key[token_id] += tokens
    return figures


def _summed(since: date, until: date, companies: Sequence[str] | None, *by: str) -> Any:
    rows = UsageDay.objects.filter(day__gte=since, day__lte=until)
    if companies is not None:
        rows = rows.filter(company_id__in=companies)
    sums = (Sum("requests"), Sum("total_tokens"), Sum("cost_units"))
    return rows.order_by().values_list(*by).annotate(*sums)


@dataclass(frozen=True, slots=True)
class Attention:
    """A key that needs somebody, why, and on which day its limit is reached if use goes on so."""

    token: TokenMaster
    reasons: Sequence[tuple[str, str]]  # pill, words
    share: int  # percent of the limit that is used
    used_up_on: date | None


def attention(
    today: date, used_of_late: Mapping[int, int], companies: Sequence[str] | None = None
) -> list[Attention]:
    """Return keys that need attention, those nearest to their limits first, and out of use last.

    One query: SHOWN of them, and one more where there are more. ``used_of_late``: LLM tokens by key
    of the DAYS days that end today.
    """
    now = timezone.now()
    cools = CoolDown.objects.filter(
        Q(token_id=OuterRef("pk")) | Q(project=OuterRef("project")), blocked_until__gt=now
    ).order_by("-blocked_until")
    served = TokenMaster.objects.usable().filter(company_id=OuterRef("company_id"))
    rows = TokenMaster.objects.annotate(
        hundredfold=F("summary__total_used_tokens") * 100,
        blocked_until=Subquery(cools.values("blocked_until")[:1]),
        is_served=Exists(served),
    ).filter(
        ~Q(status=TokenStatus.ACTIVE)
        | Q(expires_at__lte=now + EXPIRES_SOON)
        | Q(hundredfold__gte=F("total_token_limit") * NEAR)
        | Q(summary__total_remaining_tokens__lt=F("summary__threshold"))
        | Q(blocked_until__isnull=False)
    )
    if companies is not None:
        rows = rows.filter(company_id__in=companies)
    # Keys that are out of use come last: most often somebody meant that.
    is_out_of_use = Case(When(status=TokenStatus.ACTIVE, then=0), default=1)
    share = _share(F("summary__total_used_tokens"), F("total_token_limit"))
    first = rows.order_by(is_out_of_use, share.desc(), "-pk")[: SHOWN + 1]
    shown = first.select_related("summary").defer("api_key")
    return [_attention(row, today, now, used_of_late) for row in shown]


def _attention(row: Any, today: date, now: datetime, used_of_late: Mapping[int, int]) -> Attention:
    token: TokenMaster = row
    limit = token.total_token_limit
    share = 100 if limit <= 0 else min(999, 100 * token.used // limit)
    reasons: list[tuple[str, str]] = []
    status = token.effective_status
    if status != TokenStatus.ACTIVE:
        reasons.append((status.lower(), str(TokenStatus(status).label)))
    elif share >= NEAR or token.unspent < _threshold(token):
        reasons.append(("warning", _("Near its limit")))
    if row.blocked_until:
        reasons.append(("waiting", _("Cooling down")))
    if token.expires_at and now < token.expires_at <= now + EXPIRES_SOON:
        days = (token.expires_at - now).days
        words = ngettext("Expires in {days} day", "Expires in {days} days", days)
        within = words.format(days=days) if days else _("Expires within a day")
        reasons.append(("warning", within))
    if not row.is_served:
        reasons.append(("error", _("Company without a usable key")))
    used_up_on = None
    if status == TokenStatus.ACTIVE:
        used_up_on = forecast(today, token, used_of_late.get(token.pk, 0))
    return Attention(token, reasons, share, used_up_on)


def _threshold(token: TokenMaster) -> int:
    return token.summary.threshold if hasattr(token, "summary") else 0


def forecast(today: date, token: TokenMaster, used: int) -> date | None:
    """Return the day on which a key's limit is reached if it goes on as in the last DAYS days.

    ``used``: LLM tokens of those days. A younger key's rate is that of its days. None where nothing
    was used, or where it would last for more than LONGEST_FORECAST days.
    """
    age = (today - token.created_at.date()).days + 1
    days = max(1, min(DAYS, age))
    if used <= 0:
        return None
    left = max(0, token.unspent) * days // used
    return today + timedelta(days=left) if left <= LONGEST_FORECAST else None


@dataclass(frozen=True, slots=True)
class Budget:
    """A quota that renews, as its calls have used it in the period that is now."""

    quota: Quota
    used: int
    limit: int  # with what it is raised by
    starts_at: datetime
    resets_at: datetime | None

    @property
    def is_near(self) -> bool:
        """Whether so much is used that somebody should know."""
        return self.share >= NEAR

    @property
    def reason(self) -> tuple[str, str]:
        """Pill and words for why it needs attention."""
        is_used_up = self.used >= self.limit
        words = (_USED_UP if is_used_up else _NEAR)[Period(self.quota.period)]
        return "exceeded" if is_used_up else "warning", str(words)

    def used_up_at(self, now: datetime) -> datetime | None:
        """Return when it will be used up if its period goes on as so far.

        None where it is already, or not before it renews.
        """
        left = self.limit - self.used
        if self.resets_at is None or self.used <= 0 or left <= 0:
            return None
        at = now + (now - self.starts_at) * (left / self.used)
        return at if at < self.resets_at else None

    @property
    def share(self) -> int:
        """Percent of the limit that is used."""
        return 100 if self.limit <= 0 else min(999, 100 * self.used // self.limit)

    @property
    def used_in_words(self) -> str:
        """In its unit."""
        return self.quota.in_words(self.used)

    @property
    def left_in_words(self) -> str:
        """In its unit; nothing where more was used than the limit."""
        return self.quota.in_words(max(0, self.limit - self.used))

    @property
    def limit_in_words(self) -> str:
        """In its unit."""
        return self.quota.in_words(self.limit)


def budgets(companies: Sequence[str] | None = None) -> list[Budget]:
    """Return the SHOWN quotas that are nearest to their limits in their periods; one query.

    In the first seconds of its period a quota may be left out.
    """
    now = clock.now()
    current = QuotaSum.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), starts_at__lte=now)
    if companies is not None:
        own = Q(quota__company__in=companies) | Q(quota__token__company_id__in=companies)
        current = current.filter(own)
    raised = F("quota__limit") + F("quota__raised_by")
    limit = Case(
        When(quota__raised_until__gt=now, then=raised),
        default=F("quota__limit"),
        output_field=BigIntegerField(),
    )
    first = current.order_by(_share(F("used"), limit).desc(), "pk")[:SHOWN]
    rows = first.select_related("quota__company", "quota__token").defer("quota__token__api_key")
    return [
        Budget(row.quota, row.used, row.quota.limit_at(now), row.starts_at, row.ends_at)
        for row in rows
    ]


def _share(used: Any, limit: Any) -> Case:
    """Which part of a limit is used, to order by; all of one that leaves nothing."""
    part = Coalesce(Cast(used, FloatField()), 0.0) / Cast(limit, FloatField())
    return Case(When(GreaterThan(limit, 0), then=part), default=1.0, output_field=FloatField())


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert whose cause is still there: its model's name, its id, when it was raised, its text.

    The text is that of a SiteAlert, and "" of the others.
    """

    kind: str
    pk: int
    raised_at: datetime
    text: str


def open_alerts(
    companies: Sequence[str] | None = None, *, of_keys: bool, of_ledger: bool, of_site: bool
) -> list[OpenAlert]:
    """Return the open alerts of the kinds that are asked for, the newest first, in one query.

    Those that concern no company alone are told to those who may see every one.
    """
    keys = ThresholdAlert.objects.filter(
        Q(token__summary__total_remaining_tokens__lt=F("threshold"))
        | Q(threshold=0, token__summary__total_remaining_tokens__lte=0)
        | Q(threshold=0, token__status=TokenStatus.EXCEEDED),
        limit=F("token__total_token_limit"),
    )
    of_all = SiteAlert.objects.filter(resolved_at=None)
    if companies is not None:
        keys = keys.filter(token__company_id__in=companies)
        of_all = of_all.filter(company_id__in=companies)
    shown: list[Any] = []
    if of_keys:
        shown.append(_told(keys, "thresholdalert", Value("")))
    if of_site:
        shown.append(_told(of_all, "sitealert", F("text")))
    if of_ledger and companies is None:
        ledger = LedgerAlert.objects.filter(resolved_at=None)
        shown.append(_told(ledger, "ledgeralert", Value("")))
    rows = shown[0].union(*shown[1:], all=True) if shown else []
    return sorted((OpenAlert(*row) for row in rows), key=lambda row: row.raised_at, reverse=True)


def _told(rows: Any, kind: str, text: Any) -> Any:
    named = rows.order_by().annotate(model=Value(kind, CharField()), words=text)
    return named.values_list("model", "alert_id", "created_at", "words")
