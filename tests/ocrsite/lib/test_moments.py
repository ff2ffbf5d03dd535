"""One form of days and times, in the site's zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation
from environs import ValidationError

from ocrsite.lib.moments import day, known_time_zone, moment

EVENING = datetime(2026, 11, 27, 20, 15, 7, 89_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "27 Nov 2026, 20:15"),
        ("Asia/Kathmandu", "28 Nov 2026, 02:00"),
        ("America/New_York", "27 Nov 2026, 15:15"),
    ],
)
def test_time_is_shown_in_the_active_zone_with_utc_in_the_tooltip(zone: str, shown: str) -> None:
    with timezone.override(ZoneInfo(zone)):
        assert moment(EVENING) == (
            '<time datetime="2026-11-27T20:15:07+00:00" title="27 Nov 2026, 20:15 UTC">'
            f"{shown}</time>"
        )


def test_precise_time_has_milliseconds() -> None:
    with timezone.override(UTC):
        assert moment(EVENING, precise=True) == (
            '<time datetime="2026-11-27T20:15:07.089+00:00" '
            'title="27 Nov 2026, 20:15:07.089 UTC">27 Nov 2026, 20:15:07.089</time>'
        )


def test_day_of_a_document_moves_with_no_zone() -> None:
    with timezone.override(ZoneInfo("Pacific/Kiritimati")):
        assert day(date(2026, 3, 1)) == '<time datetime="2026-03-01">1 Mar 2026</time>'


def test_nothing_is_nothing() -> None:
    assert moment(None) == day(None) == ""


@pytest.mark.parametrize(
    ("language", "shown"), [("de", "1. März 2026"), ("en", "1 Mar 2026"), ("ne", "1 ")]
)
def test_day_is_in_the_language(language: str, shown: str) -> None:
    with translation.override(language):
        assert shown in day(date(2026, 3, 1))


@pytest.mark.parametrize("name", ["UTC", "Asia/Kathmandu", "Europe/Berlin"])
def test_time_zones_are_known(name: str) -> None:
    known_time_zone(name)


@pytest.mark.parametrize("name", ["", "Kathmandu", "../etc/passwd", "UTC+5:45", "Europe"])
def test_what_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="Name a time zone"):
        known_time_zone(name)
