"""The days of companies: each counts them in its own time zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from tokens.models import Company


def by_zone(column: str) -> Iterator[tuple[ZoneInfo, Q]]:
    """Yield each time zone with what selects the rows of its companies.

    ``column`` holds the company's id, in whichever way it is written. Every row is selected once:
    the last zone, that of the site, has also those of no company.
    """
    zones = _zones_elsewhere()
    for zone in zones:
        yield ZoneInfo(zone), _is_of(Company.objects.filter(time_zone=zone), column)
    others = Q()
    if zones:
        elsewhere = _is_of(Company.objects.filter(time_zone__in=zones), column)
        others = Q(**{column: None}) | ~elsewhere
    yield ZoneInfo(settings.DISPLAY_TIME_ZONE), others


def between(
    first: date, last: date, zone: ZoneInfo, column: str = "logged_at"
) -> dict[str, datetime]:
    """Return the lookups of these days, both counted, in a time zone."""
    return {
        f"{column}__gte": _midnight(first, zone),
        f"{column}__lt": _midnight(last + timedelta(days=1), zone),
    }


def today() -> date:
    """Return the latest day that has begun in any company's time zone."""
    zones = {ZoneInfo(settings.DISPLAY_TIME_ZONE), *map(ZoneInfo, _zones_elsewhere())}
    return max(timezone.localdate(timezone=zone) for zone in zones)


def one_zone() -> ZoneInfo | None:
    """Return the time zone in which every company's days are counted; None where there are more."""
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


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
