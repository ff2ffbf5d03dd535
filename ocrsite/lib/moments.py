"""Days and times as every page shows them: in one form, in the site's time zone or another."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from environs import ValidationError

_NOTHING = SafeString()


def known_time_zone(name: str) -> None:
    """Raise environs' ValidationError for what is no time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError("Name a time zone, such as UTC or Asia/Kathmandu.") from error


def moment(
    value: datetime | None,
    *,
    precise: bool = False,
    zone: bool = False,
    of: tzinfo | None = None,
) -> SafeString:
    """Return a time as HTML that tells what it is in UTC, too; "" for None.

    ``precise``: with milliseconds. ``zone``: with the name of the time zone, or its offset. ``of``:
    the time zone to show it in, which is named where the others of the page are in another one.
    """
    if value is None:
        return _NOTHING
    utc = value.astimezone(UTC)
    here = timezone.get_current_timezone()
    local = timezone.localtime(value, of or here)
    named = f" {local:%Z}" if zone else ""
    if of is not None and str(of) != str(here):
        named = format_html(' <span class="zone">{}</span>', f"{local:%Z}")
    return format_html(
        '<time datetime="{}" title="{} UTC">{}{}</time>',
        utc.isoformat(timespec="milliseconds" if precise else "seconds"),
        _in_words(utc, precise=precise),
        _in_words(local, precise=precise),
        named,
    )


def day(value: date | None) -> SafeString:
    """Return a day of a document as HTML, which belongs to no time zone; "" for None."""
    if value is None:
        return _NOTHING
    text = date_format(value, "DATE_FORMAT")
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), text)


def span(length: timedelta) -> str:
    """Return a length of time in words, rounded down: "42 s", "7 min", "3 h 20 min", "2 days"."""
    seconds = int(length.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days >= 2:
        return gettext("{days} days").format(days=days)
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def _in_words(value: datetime, *, precise: bool) -> str:
    text: str = date_format(value, "DATETIME_FORMAT")
    return f"{text}:{value:%S}.{value.microsecond // 1000:03}" if precise else text
