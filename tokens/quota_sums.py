"""The sums of a quota's periods, as the ledger moves them, in the quota's unit.

Who moves a key's amounts locks first the key's totals, then the quotas that its calls count
towards, in the order of their ids, and only then writes usage rows and reservations. So whoever
holds a quota's lock and adds up the rows of its calls misses none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum

from tokens.costs import sum_of_units
from tokens.models import (
    Company,
    Quota,
    QuotaQuerySet,
    QuotaSum,
    TokenMaster,
    TokenReservation,
    TokenUsageLog,
    TokenUsageSummary,
    Unit,
)
from tokens.models.company import folded
from tokens.periods import Window

# So many sums of periods that begin are made at once by whoever looks for them.
MADE_AT_ONCE = 200
# A statement names at most so many rows: SQL Server takes 2,100 parameters.
NAMED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Amounts:
    """What the calls of one period used, and what those under way have reserved."""

    used: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call costs, or can cost at most: LLM tokens, and units of money in a currency.

    Without a currency nobody knows what it costs in money.
    """

    tokens: int = 0
    units: int = 0
    currency: str | None = None

    def counted_by(self, quota: Quota) -> int | None:
        """Return it in the unit of a quota; None where it cannot be told in that."""
        if quota.unit == Unit.TOKENS:
            return self.tokens
        return self.units if self.currency == quota.currency else None


NOTHING = Charge()


@dataclass(frozen=True, slots=True)
class LockedQuotas:
    """The quotas that a key's calls count towards, locked until the transaction ends."""

    token_id: int
    quotas: Sequence[Quota]
    zone: ZoneInfo

    def set_aside(self, most: Charge, now: datetime) -> bool:
        """Reserve what a call can cost in the current period of each, unless one has too little.

        Nor does a quota in money let a call be made of which it cannot count what it costs. When
        this returns False the caller rolls back. A call that costs nothing always fits.
        """
        if not self.quotas:
            note_that_none_applies(self.token_id)
        if not self.quotas or not most.tokens:
            return True
        amounts = [most.counted_by(quotas[0]) for quotas in self._by_unit()]
        if None in amounts:
            return False
        running = list(self._sums_at(self.quotas, now))
        return all(
            self._set_aside(quotas, amount, now, running)
            for quotas, amount in zip(self._by_unit(), amounts, strict=True)
            if amount
        )

    def _set_aside(
        self, quotas: Sequence[Quota], amount: int, now: datetime, running: Sequence[QuotaSum]
    ) -> bool:
        """Reserve in quotas of one unit, in one statement."""
        windows = {quota.pk: quota.window(now, self.zone) for quota in quotas}
        mine = [row for row in running if row.quota_id in windows]
        known = {row.quota_id: row for row in mine if _window_of(row) == windows[row.quota_id]}
        # Of periods as they were before a time zone or a first day changed: nothing is tested.
        former = [row.pk for row in mine if row.starts_at != windows[row.quota_id].starts_at]
        fits = Q(pk__in=former)
        for quota in quotas:
            row = known.get(quota.pk) or _add_sum(quota, windows[quota.pk])
            fits |= Q(pk=row.pk, used__lte=quota.limit_at(now) - amount - F("reserved"))
        updated = QuotaSum.objects.filter(fits).update(reserved=F("reserved") + amount)
        return updated == len(quotas) + len(former)

    def settle(
        self,
        charged_at: datetime,
        charge: Charge,
        before: Charge,
        reserved_at: datetime,
        held: Charge,
    ) -> None:
        """Book a charge instead of the one ``before``, and free what was reserved for it.

        Both began at these moments. Both in one statement, so that at no moment more seems to be
        spent than was.
        """
        for quotas in self._by_unit():
            used, gone, freed = (each.counted_by(quotas[0]) or 0 for each in (charge, before, held))
            if charged_at == reserved_at:
                self.shift(quotas, charged_at, used=used - gone, reserved=-freed)
            else:
                self.shift(quotas, reserved_at, reserved=-freed)
                self.shift(quotas, charged_at, used=used - gone)

    def free(self, began_at: datetime, held: Charge) -> None:
        """Free what was reserved for a call that began at this moment."""
        self.settle(began_at, NOTHING, NOTHING, began_at, held)

    def shift(
        self, quotas: Sequence[Quota], began_at: datetime, *, used: int = 0, reserved: int = 0
    ) -> None:
        """Add to the sums of the periods in which a call began; those without a sum need nothing.

        Whichever periods they are: a changed time zone or first day changes none that has passed.
        """
        if used or reserved:
            sums = self._sums_at(quotas, began_at)
            sums.update(used=F("used") + used, reserved=F("reserved") + reserved)

    def _by_unit(self) -> list[list[Quota]]:
        """The quotas that count alike, together."""
        groups: dict[str, list[Quota]] = {}
        for quota in self.quotas:
            groups.setdefault(quota.currency, []).append(quota)
        return list(groups.values())

    def _sums_at(self, quotas: Sequence[Quota], moment: datetime) -> QuerySet[QuotaSum]:
        """The sums of all periods of these quotas that contain a moment."""
        return _containing(moment, QuotaSum.objects.filter(quota__in=quotas)).order_by()


def lock(token_id: int) -> LockedQuotas:
    """Lock the quotas that a key's calls count towards; its totals are locked before."""
    company = company_of_key(token_id)
    quotas = Quota.objects.of_key(token_id, company).order_by("pk").select_for_update()
    return LockedQuotas(token_id, list(quotas), zone_of(company))


def move_key(token_id: int, *company_ids: str) -> None:
    """Follow a key from one company to another: what it used goes along.

    The caller has the key's totals locked.
    """
    TokenUsageSummary.objects.filter(token_id=token_id).update(quota_free=None)
    both = Company.objects.filter(folded_id__in=map(folded, company_ids))
    forget_sums(Quota.objects.filter(company__in=both))


def forget_sums(quotas: QuotaQuerySet) -> None:
    """Have the sums of these quotas made anew, because other calls count towards them now."""
    locked = list(quotas.order_by("pk").select_for_update())
    QuotaSum.objects.filter(quota__in=locked).delete()


def find_unnoticed() -> int:
    """Look for quotas that apply to keys whose calls are spared the look; return to how many keys.

    A quota was inserted by SQL, or a key given to another company.
    """
    own = Quota.objects.filter(token_id=OuterRef("token_id"))
    companys = Quota.objects.filter(company_id=OuterRef("token__company_id"))
    spared = TokenUsageSummary.objects.filter(quota_free=True)
    wrong = spared.filter(Exists(own) | Exists(companys)).values_list("token_id", flat=True)
    for token_id in (found := list(wrong)):
        with transaction.atomic():
            TokenUsageSummary.objects.lock(token_id)
            TokenUsageSummary.objects.filter(token_id=token_id).update(quota_free=None)
            forget_sums(Quota.objects.of_key(token_id, company_of_key(token_id)))
    return len(found)


def make_missing(now: datetime) -> int:
    """Make the sums of current periods that no call has needed yet, MADE_AT_ONCE at most.

    A quota that came to keys in use may be used up already: no call reserves in it, and so none
    would make its sum. Returns how many were made.
    """
    current = _containing(now, QuotaSum.objects.filter(quota=OuterRef("pk")))
    missing = Quota.objects.filter(~Exists(current)).order_by("pk").values_list("pk", flat=True)
    for quota_id in (found := list(missing[:MADE_AT_ONCE])):
        with transaction.atomic():
            quota = Quota.objects.filter(pk=quota_id).select_for_update().first()
            if quota is not None:
                company = company_of_key(quota.token_id) if quota.token_id else quota.company
                _add_sum(quota, quota.window(now, zone_of(company)))
    return len(found)


def company_of_key(token_id: int, *, lock: bool = False) -> Company | None:
    """Return the company of a key, if it has a row."""
    key = TokenMaster.objects.filter(pk=token_id)
    written = Company.objects.written(key.values_list("company_id", flat=True).first() or "")
    return (written.select_for_update() if lock else written).first()


def zone_of(company: Company | None) -> ZoneInfo:
    """Return the time zone in which the days of a company's quotas begin."""
    return company.zone if company else ZoneInfo(settings.DISPLAY_TIME_ZONE)


def measure(quotas: Iterable[Quota], window: Window) -> dict[int, Amounts]:
    """Return what the rows of each quota's calls in a period add up to, by the quota's id.

    Calls that cost nobody knows what, or something in another currency, count nothing in money.
    """
    by_currency: dict[str, list[Quota]] = {}
    for quota in quotas:
        by_currency.setdefault(quota.currency, []).append(quota)
    found = {}
    for currency, alike in by_currency.items():
        for first in range(0, len(alike), NAMED_AT_ONCE):
            found.update(_measure(alike[first : first + NAMED_AT_ONCE], window, currency))
    return found


def _measure(quotas: Sequence[Quota], window: Window, currency: str) -> dict[int, Amounts]:
    tokens = [quota.token_id for quota in quotas if quota.token_id is not None]
    ids_of = {quota.pk: quota.company.ids for quota in quotas if quota.company}
    ids = [each for ids in ids_of.values() for each in ids]
    by_key = _added_up("token_id", tokens, window, currency) if tokens else {}
    by_company = _added_up("token__company_id", ids, window, currency) if ids else {}
    nothing = Amounts()
    return {
        quota.pk: _together(by_company.get(each, nothing) for each in ids_of[quota.pk])
        if quota.pk in ids_of
        else by_key.get(quota.token_id, nothing)
        for quota in quotas
    }


def note_that_none_applies(token_id: int) -> None:
    """Spare the calls with a key the look for quotas, unless it has one.

    The caller has the key's totals locked; here its company is, against a quota that is made
    meanwhile. A key whose company has no row is looked at each time.
    """
    company = company_of_key(token_id, lock=True)
    if company and not Quota.objects.of_key(token_id, company).exists():
        TokenUsageSummary.objects.filter(token_id=token_id).update(quota_free=True)


def _added_up(
    scope: str, of: Sequence[object], window: Window, currency: str
) -> dict[object, Amounts]:
    """Used and reserved in a period, by key or by the company id of the key."""
    within = {f"{scope}__in": of, **({"currency": currency} if currency else {})}
    begun = _within(window, "began_at")
    # Rows that were inserted by SQL do not say it.
    logged = Q(began_at=None) & _within(window, "logged_at")
    usage = TokenUsageLog.objects.filter(begun | logged, **within)
    used = dict(usage.order_by().values_list(scope).annotate(added=used_sum(currency)))
    reservations = TokenReservation.objects.filter(_within(window, "created_at"), **within)
    held = reservations.order_by().values_list(scope).annotate(added=reserved_sum(currency))
    reserved = dict(held)
    return {
        each: Amounts(int(used.get(each) or 0), int(reserved.get(each) or 0))
        for each in used.keys() | reserved.keys()
    }


def used_sum(currency: str) -> Sum:
    """Return the sum of usage rows in a quota's unit: LLM tokens where there is no currency."""
    return sum_of_units("cost") if currency else Sum("total_tokens_used")


def reserved_sum(currency: str) -> Sum:
    """Return the sum of reservations in a quota's unit."""
    return Sum("cost_units") if currency else Sum("amount")


def _together(amounts: Iterable[Amounts]) -> Amounts:
    rows = list(amounts)
    return Amounts(sum(row.used for row in rows), sum(row.reserved for row in rows))


def _within(window: Window, column: str) -> Q:
    begun = Q(**{f"{column}__gte": window.starts_at})
    return begun & Q(**{f"{column}__lt": window.ends_at}) if window.ends_at else begun


def _containing(moment: datetime, sums: QuerySet[QuotaSum]) -> QuerySet[QuotaSum]:
    return sums.filter(Q(ends_at=None) | Q(ends_at__gt=moment), starts_at__lte=moment)


def _window_of(row: QuotaSum) -> Window:
    return Window(row.starts_at, row.ends_at)


def _add_sum(quota: Quota, window: Window) -> QuotaSum:
    """Make the sum of a period, or make it anew where another time zone gave it another end."""
    amounts = measure([quota], window)[quota.pk]
    row, _ = QuotaSum.objects.update_or_create(
        quota=quota,
        starts_at=window.starts_at,
        defaults={
            "ends_at": window.ends_at,
            "used": amounts.used,
            "reserved": amounts.reserved,
        },
    )
    return row
