"""The days of companies: each counts them in its own time zone."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from tokens.models import Company
from tokens.models.company import folded, zone_named


def by_zone() -> Iterator[tuple[ZoneInfo, Callable[[str], Q]]]:
    """Yield each time zone with what selects the rows of its companies.

    That is called with the column that holds the company's id, in whichever way it is written.
    Every row is selected once: the last zone, the site's, has also those of no company.
    """
    zones = _zones_elsewhere()
    for zone in zones:
        yield zone_named(zone), partial(_is_of, Company.objects.filter(time_zone=zone))
    elsewhere = Company.objects.filter(time_zone__in=zones)

    def others(column: str) -> Q:
        return Q(**{column: None}) | ~_is_of(elsewhere, column) if zones else Q()

    yield ZoneInfo(settings.DISPLAY_TIME_ZONE), others


def zones_of(company_ids: Iterable[str]) -> dict[str, ZoneInfo]:
    """Return the time zone of each company, by its id in whichever way that is written.

    One query. SQL Server takes 2,100 ids.
    """
    ids = {company_id: folded(company_id) for company_id in company_ids}
    rows = Company.objects.filter(folded_id__in=set(ids.values())).exclude(time_zone="")
    named = dict(rows.values_list("folded_id", "time_zone"))
    return {company_id: zone_named(named.get(key, "")) for company_id, key in ids.items()}


def zone_of(company_id: str) -> ZoneInfo:
    """Return the time zone of a company."""
    return zones_of([company_id])[company_id]


def between(first: date, last: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return when these days, both counted, begin, and when they have ended, in a time zone."""
    return midnight(first, zone), midnight(last + timedelta(days=1), zone)


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins in a time zone, in UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def today() -> date:
    """Return the latest day that has begun in any company's time zone."""
    zones = {ZoneInfo(settings.DISPLAY_TIME_ZONE), *map(zone_named, _zones_elsewhere())}
    return max(timezone.localdate(timezone=zone) for zone in zones)


def one_zone(company_ids: Iterable[str] | None = None) -> ZoneInfo | None:
    """Return the time zone in which the days of these companies are counted, by default of all.

    None where there are more.
    """
    if company_ids is not None:
        zones = set(zones_of(company_ids).values())
        return zones.pop() if len(zones) == 1 else None
    return None if _zones_elsewhere() else ZoneInfo(settings.DISPLAY_TIME_ZONE)


def _zones_elsewhere() -> list[str]:
    """The time zones of companies that are not the site's."""
    elsewhere = Company.objects.exclude(time_zone__in=["", settings.DISPLAY_TIME_ZONE])
    return sorted(elsewhere.order_by().values_list("time_zone", flat=True).distinct())


def _is_of(companies: QuerySet[Company], column: str) -> Q:
    spellings = companies.values_list("other_spellings", flat=True)
    others = [company_id for each in spellings for company_id in each]
    own = companies.values("company_id")
    return Q(**{f"{column}__in": own}) | Q(**{f"{column}__in": others})
