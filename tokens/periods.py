"""The periods of quotas: from when to when each lasts, in the time zone of a company.

A period begins with a day: at midnight, or where clocks are set forward over midnight, when they
are. Where midnight comes twice it begins with the first one. Each ends when the next begins.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

# When the period begins that never ends: before any call.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_DAY = timedelta(days=1)


class Period(models.TextChoices):
    """How often a quota renews."""

    TOTAL = "total", _("total")
    DAILY = "daily", _("daily")
    WEEKLY = "weekly", _("weekly")
    MONTHLY = "monthly", _("monthly")


@dataclass(frozen=True, slots=True)
class Window:
    """One period, in UTC: from its first instant to that of the next; None: it never ends."""

    starts_at: datetime
    ends_at: datetime | None


def window_at(at: datetime, period: Period, zone: ZoneInfo, *, first_day: int = 1) -> Window:
    """Return the period that contains this moment.

    A week begins on Monday (ISO 8601), a month on its ``first_day`` (1 to 31), or on its last day
    where it has fewer.
    """
    if period is Period.TOTAL:
        return Window(BEGINNING, None)
    # The date alone does not tell, where clocks are set back over midnight and a date comes twice.
    first = _first_date(at.astimezone(zone).date() + _ONE_DAY, period, first_day)
    while _midnight(first, zone) > at:
        first = _first_date(first - _ONE_DAY, period, first_day)
    following = _next_date(first, period, first_day)
    return Window(_midnight(first, zone), _midnight(following, zone))


def _first_date(day: date, period: Period, first_day: int) -> date:
    """The first date of the period that contains this one."""
    match period:
        case Period.WEEKLY:
            return day - timedelta(days=day.weekday())
        case Period.MONTHLY:
            first = _clamped(day.year, day.month, first_day)
            if first <= day:
                return first
            before = day.replace(day=1) - _ONE_DAY
            return _clamped(before.year, before.month, first_day)
    return day


def _next_date(first: date, period: Period, first_day: int) -> date:
    """The first date of the period after the one that begins on this date."""
    match period:
        case Period.WEEKLY:
            return first + timedelta(days=7)
        case Period.MONTHLY:
            after = first.replace(day=1) + timedelta(days=32)
            return _clamped(after.year, after.month, first_day)
    return first + _ONE_DAY


def _clamped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a date begins. A midnight that is skipped is when the clocks are set (PEP 495)."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
