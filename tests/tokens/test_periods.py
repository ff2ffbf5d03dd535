"""When the periods of quotas begin and end: in every time zone, and where clocks are set."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokens.periods import BEGINNING, Period, Window, window_at

KATHMANDU = ZoneInfo("Asia/Kathmandu")
UTC_ZONE = ZoneInfo("UTC")
INSTANT = timedelta(microseconds=1)

moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
zones = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})).map(ZoneInfo)
renewing = st.sampled_from([Period.DAILY, Period.WEEKLY, Period.MONTHLY])
days = st.integers(1, 31)


def dates(window: Window, zone: ZoneInfo = UTC_ZONE) -> tuple[str, str]:
    """The local times at which a period begins and ends."""
    assert window.ends_at
    begins, ends = window.starts_at.astimezone(zone), window.ends_at.astimezone(zone)
    return f"{begins:%Y-%m-%d %H:%M}", f"{ends:%Y-%m-%d %H:%M}"


def month(day: date, first_day: int) -> tuple[str, str]:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return dates(window_at(at, Period.MONTHLY, UTC_ZONE, first_day=first_day))


@settings(max_examples=500)
@given(moments, renewing, zones, days)
@example(datetime(2011, 12, 30, 10, tzinfo=UTC), Period.DAILY, ZoneInfo("Pacific/Apia"), 1)
@example(datetime(2007, 4, 1, 3, 15, tzinfo=UTC), Period.DAILY, ZoneInfo("America/St_Johns"), 1)
@example(datetime(2010, 11, 7, 2, 45, tzinfo=UTC), Period.DAILY, ZoneInfo("America/St_Johns"), 1)
@example(datetime(2018, 2, 18, 1, 30, tzinfo=UTC), Period.DAILY, ZoneInfo("America/Sao_Paulo"), 1)
@example(datetime(2026, 3, 8, 5, tzinfo=UTC), Period.DAILY, ZoneInfo("America/Havana"), 1)
def test_every_moment_is_in_one_period_and_periods_follow_one_another(
    at: datetime, period: Period, zone: ZoneInfo, first_day: int
) -> None:
    window = window_at(at, period, zone, first_day=first_day)

    def found(moment: datetime) -> Window:
        return window_at(moment, period, zone, first_day=first_day)

    assert window.ends_at is not None
    assert window.starts_at <= at < window.ends_at
    assert found(window.starts_at) == found(window.ends_at - INSTANT) == window
    assert found(window.ends_at).starts_at == window.ends_at
    assert found(window.starts_at - INSTANT).ends_at == window.starts_at


@settings(max_examples=500)
@given(moments, renewing, zones, days)
def test_a_period_begins_with_its_first_date(
    at: datetime, period: Period, zone: ZoneInfo, first_day: int
) -> None:
    begins = window_at(at, period, zone, first_day=first_day).starts_at.astimezone(zone)

    if period == Period.WEEKLY:
        assert begins.weekday() == 0
    if period == Period.MONTHLY:
        last = (begins.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        assert begins.day == min(first_day, last.day)
    # At midnight, unless clocks are set over it then.
    just_before = (begins.astimezone(UTC) - INSTANT).astimezone(zone)
    set_forward = begins.utcoffset() != just_before.utcoffset()
    assert begins.time() == datetime.min.time() or set_forward


@pytest.mark.parametrize(
    ("day", "first_day", "expected"),
    [
        (date(2026, 2, 27), 31, ("2026-01-31 00:00", "2026-02-28 00:00")),
        (date(2026, 2, 28), 31, ("2026-02-28 00:00", "2026-03-31 00:00")),
        (date(2028, 2, 28), 31, ("2028-01-31 00:00", "2028-02-29 00:00")),
        (date(2028, 2, 29), 30, ("2028-02-29 00:00", "2028-03-30 00:00")),
        (date(2028, 3, 29), 29, ("2028-03-29 00:00", "2028-04-29 00:00")),
        (date(2100, 3, 1), 29, ("2100-02-28 00:00", "2100-03-29 00:00")),
        (date(2026, 1, 14), 15, ("2025-12-15 00:00", "2026-01-15 00:00")),
        (date(2026, 12, 31), 1, ("2026-12-01 00:00", "2027-01-01 00:00")),
        (date(2026, 4, 30), 31, ("2026-04-30 00:00", "2026-05-31 00:00")),
    ],
)
def test_a_month_of_billing_begins_on_its_day_or_the_last_one(
    day: date, first_day: int, expected: tuple[str, str]
) -> None:
    assert month(day, first_day) == expected


def test_a_day_is_the_companys() -> None:
    at = datetime(2026, 11, 27, 18, 15, tzinfo=UTC)  # midnight in Kathmandu

    assert dates(window_at(at, Period.DAILY, KATHMANDU)) == ("2026-11-27 18:15", "2026-11-28 18:15")
    before = window_at(at - INSTANT, Period.DAILY, KATHMANDU)
    assert dates(before, KATHMANDU) == ("2026-11-27 00:00", "2026-11-28 00:00")


def test_a_week_begins_on_monday() -> None:
    sunday = datetime(2027, 1, 3, 23, 59, tzinfo=UTC)

    assert dates(window_at(sunday, Period.WEEKLY, UTC_ZONE)) == (
        "2026-12-28 00:00",
        "2027-01-04 00:00",
    )


@pytest.mark.parametrize(
    ("zone", "at", "hours"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 12), 23),
        ("Europe/Berlin", datetime(2026, 10, 25, 12), 25),
        ("America/Sao_Paulo", datetime(2018, 11, 4, 12), 23),  # no midnight: 0:00 becomes 1:00
        ("America/Sao_Paulo", datetime(2018, 2, 17, 12), 25),  # 24:00 becomes 23:00
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 12), 23.5),
        ("Atlantic/Azores", datetime(2026, 10, 25, 12), 25),  # midnight twice
    ],
)
def test_a_day_lasts_as_long_as_clocks_that_are_set_make_it(
    zone: str, at: datetime, hours: float
) -> None:
    window = window_at(at.replace(tzinfo=ZoneInfo(zone)), Period.DAILY, ZoneInfo(zone))

    assert window.ends_at
    assert window.ends_at - window.starts_at == timedelta(hours=hours)


def test_a_date_that_clocks_skip_has_no_period() -> None:
    apia = ZoneInfo("Pacific/Apia")  # which had no 30 December 2011
    skipped = datetime(2011, 12, 30, 10, tzinfo=UTC)

    before = window_at(skipped - INSTANT, Period.DAILY, apia)
    after = window_at(skipped, Period.DAILY, apia)

    assert dates(before, apia) == ("2011-12-29 00:00", "2011-12-31 00:00")
    assert dates(after, apia) == ("2011-12-31 00:00", "2012-01-01 00:00")


@given(moments, zones, days)
def test_the_total_never_renews(at: datetime, zone: ZoneInfo, first_day: int) -> None:
    assert window_at(at, Period.TOTAL, zone, first_day=first_day) == Window(BEGINNING, None)
