"""Sums of usage are what the ledger's rows add up to, in each company's own days."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries, Settings

from tests.tokens.rows import make_company, make_token
from tokens import company_days, usage_days, usage_report
from tokens.costs import Money
from tokens.models import TokenUsageLog, UsageDay
from tokens.usage_report import Group, Sums, UsageRow, total, usage_sums

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

FIRST, LAST = date(2026, 10, 1), date(2026, 11, 30)
KATHMANDU, NEW_YORK = ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/New_York")
ZONES = {"NT047": KATHMANDU, "US1": NEW_YORK, "PLAIN": ZoneInfo("UTC"), None: ZoneInfo("UTC")}
MODELS = ["gemini-3.5-flash", "gemini-3.8-flash", None]


def book(logged_at: datetime, company_id: str | None = "PLAIN", **fields: Any) -> TokenUsageLog:
    given = {"input_tokens": 1000, "output_tokens": 100, "total_tokens_used": 1100, **fields}
    return TokenUsageLog.objects.create(logged_at=logged_at, company_id=company_id, **given)


@pytest.fixture
def companies() -> None:
    make_company(company_id="NT047", time_zone="Asia/Kathmandu")
    make_company(company_id="US1", time_zone="America/New_York", other_spellings=["us1"])
    make_company(company_id="PLAIN")


@pytest.fixture
def ledger(companies: None) -> list[TokenUsageLog]:
    """Rows of two months of everything, over clock changes, in two currencies and without."""
    pick = random.Random(4)
    keys = {name: make_token(company_id=name or "PLAIN", api_key=f"key{name}") for name in ZONES}
    # At every midnight of the zones, so that each row on a wrong side of one is noticed.
    begin = datetime(2026, 9, 30, 12, tzinfo=UTC)
    rows = []
    for number in range(900):
        company = pick.choice(list(ZONES))
        cost, currency = pick.choice(
            [
                (Decimal(pick.randint(0, 10**9)).scaleb(-10), "USD"),
                (Decimal("0.1"), "EUR"),
                (None, None),
            ]
        )
        counts = {
            f"{kind}_tokens": pick.randint(0, 5000) for kind in ("input", "output", "thinking")
        }
        rows.append(
            TokenUsageLog(
                logged_at=begin + timedelta(minutes=105 * number),
                company_id="us1" if company == "US1" and number % 2 else company,
                token=pick.choice([keys[company], None]),
                branch=pick.choice(["Default", "North"]),
                requested_by=pick.choice(["asha", "sita"]),
                model=pick.choice(MODELS),
                cost=cost,
                currency=currency,
                cached_tokens=pick.randint(0, 99),
                total_tokens_used=sum(counts.values()),
                request_count=pick.choice([1, 1, 2]),
                **counts,
            )
        )
    TokenUsageLog.objects.bulk_create(rows)
    return list(TokenUsageLog.objects.select_related("token"))


def company_of(row: TokenUsageLog) -> str | None:
    name = row.company_id or (row.token.company_id if row.token else None)
    return "US1" if name == "us1" else name


def day_of(row: TokenUsageLog) -> date:
    return row.logged_at.astimezone(ZONES[company_of(row)]).date()


def sum_days(since: date) -> None:
    """Make the daily sums from a day on, as an audit does that has not come further yet."""
    usage_days.correct()
    UsageDay.objects.filter(day__lt=since).delete()


KEYS: dict[Group, Callable[[TokenUsageLog], Any]] = {
    Group.DAY: day_of,
    Group.MONTH: lambda row: day_of(row).replace(day=1),
    Group.KEY: lambda row: row.token_id,
    Group.COMPANY: company_of,
    Group.BRANCH: lambda row: row.branch,
    Group.REQUESTER: lambda row: row.requested_by,
    Group.MODEL: lambda row: row.model,
}


def added_up(rows: list[TokenUsageLog], groups: Sequence[Group]) -> dict[tuple[Any, ...], Any]:
    """What the rows add up to, one by one."""
    found: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for row in rows:
        if FIRST <= day_of(row) <= LAST:
            sums = found[tuple(KEYS[group](row) for group in groups)]
            sums["calls"] += row.request_count
            for name in ("input", "cached", "output", "thinking"):
                sums[f"{name}_tokens"] += getattr(row, f"{name}_tokens")
            sums["total_tokens"] += row.total_tokens_used
            if row.cost is None:
                sums["unpriced_calls"] += row.request_count
            else:
                sums[row.currency or ""] += int(row.cost * 10**10)
    return {key: +counter for key, counter in found.items()}


def told(row: UsageRow, groups: Sequence[Group]) -> tuple[tuple[Any, ...], Counter[str]]:
    counts = {name: getattr(row.sums, name) for name in usage_report.COUNTS}
    return tuple(row.values[group] for group in groups), +Counter(
        counts | dict(row.sums.cost_units)
    )


@pytest.mark.parametrize(
    "groups",
    [
        [],
        *([group] for group in Group if group != Group.DAY),
        [Group.DAY, Group.COMPANY],
        [Group.COMPANY, Group.MONTH, Group.MODEL],
        [Group.MONTH, Group.DAY],
        [Group.BRANCH, Group.REQUESTER, Group.KEY],
    ],
    ids=lambda groups: "-".join(groups) or "all",
)
def test_sums_are_what_the_rows_add_up_to(ledger: list[TokenUsageLog], groups: list[Group]) -> None:
    assert_added_up(ledger, groups)


@pytest.mark.parametrize("summed_from", [date(2026, 1, 1), date(2026, 11, 10)], ids=str)
def test_sums_with_those_of_days_are_what_the_rows_add_up_to(
    ledger: list[TokenUsageLog], summed_from: date
) -> None:
    sum_days(summed_from)

    assert_added_up(ledger, [Group.COMPANY, Group.KEY, Group.MODEL])
    assert_added_up(ledger, [Group.DAY])
    assert_added_up(ledger, list(Group))


def assert_added_up(ledger: list[TokenUsageLog], groups: list[Group]) -> None:
    rows = usage_sums(None, FIRST, LAST, groups)

    keyed = [told(row, groups) for row in rows]
    assert dict(keyed) == added_up(ledger, groups)
    assert len(dict(keyed)) == len(keyed)
    assert [total(rows)] == [row.sums for row in usage_sums(None, FIRST, LAST, [])]


def test_sums_of_chosen_companies_are_those_of_their_rows(ledger: list[TokenUsageLog]) -> None:
    chosen = [row for row in ledger if company_of(row) in ("NT047", "US1")]
    sum_days(date(2026, 10, 20))

    rows = usage_sums(["NT047", "US1", "us1"], FIRST, LAST, [Group.DAY])

    assert dict(told(row, [Group.DAY]) for row in rows) == added_up(chosen, [Group.DAY])


@pytest.mark.usefixtures("companies")
@pytest.mark.parametrize(
    ("company_id", "last_of_october", "first_of_november"),
    [
        ("NT047", "2026-10-31T18:14:59Z", "2026-10-31T18:15:00Z"),
        ("US1", "2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z"),
        ("us1", "2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z"),
        ("PLAIN", "2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z"),
        ("UNLISTED", "2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z"),
        (None, "2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z"),
    ],
)
def test_month_begins_at_midnight_of_the_company(
    company_id: str | None, last_of_october: str, first_of_november: str
) -> None:
    for moment, used in ((last_of_october, 1), (first_of_november, 2)):
        book(datetime.fromisoformat(moment), company_id, total_tokens_used=used)

    months = usage_sums(None, FIRST, LAST, [Group.MONTH])

    assert [(row.values[Group.MONTH], row.sums.total_tokens) for row in months] == [
        (date(2026, 10, 1), 1),
        (date(2026, 11, 1), 2),
    ]


def test_days_are_those_of_the_site_where_the_company_has_no_zone(settings: Settings) -> None:
    settings.DISPLAY_TIME_ZONE = "Asia/Kathmandu"
    make_company(company_id="PLAIN")
    make_company(company_id="LONDON", time_zone="UTC")
    for company_id in ("PLAIN", "LONDON"):
        book(datetime(2026, 10, 31, 18, 15, tzinfo=UTC), company_id)

    rows = usage_sums(None, FIRST, LAST, [Group.COMPANY, Group.DAY])

    assert [tuple(row.values.values()) for row in rows] == [
        ("LONDON", date(2026, 10, 31)),
        ("PLAIN", date(2026, 11, 1)),
    ]


def test_whole_days_come_from_the_daily_sums_where_they_tell_the_groups_apart() -> None:
    for day in (1, 2, 3):
        book(datetime(2026, 11, day, 12, tzinfo=UTC))
    usage_days.correct()
    UsageDay.objects.update(total_tokens=7)

    def told_by(group: Group) -> list[int]:
        return [row.sums.total_tokens for row in usage_sums(None, FIRST, LAST, [group])]

    # The first of the sums may still be in the making.
    assert told_by(Group.DAY) == [1100, 7, 7]
    assert told_by(Group.COMPANY) == told_by(Group.MODEL) == told_by(Group.KEY) == [1114]
    assert told_by(Group.BRANCH) == told_by(Group.REQUESTER) == [3300]


def test_part_of_a_month_is_told_under_its_first_day() -> None:
    for day in (9, 10, 20, 21):
        book(datetime(2026, 10, day, tzinfo=UTC))

    [row] = usage_sums(None, date(2026, 10, 10), date(2026, 10, 20), [Group.MONTH])

    assert (row.values[Group.MONTH], row.sums.calls) == (date(2026, 10, 1), 2)


def test_days_of_a_change_of_the_clocks_have_23_and_25_hours() -> None:
    make_company(company_id="US1", time_zone="America/New_York")
    for hour in range(72):
        book(datetime(2026, 10, 31, tzinfo=NEW_YORK).astimezone(UTC) + timedelta(hours=hour), "US1")
    for hour in range(48):
        book(datetime(2026, 3, 8, tzinfo=NEW_YORK).astimezone(UTC) + timedelta(hours=hour), "US1")

    autumn = usage_sums(["US1"], date(2026, 10, 31), date(2026, 11, 2), [Group.DAY])
    spring = usage_sums(["US1"], date(2026, 3, 8), date(2026, 3, 8), [Group.DAY])

    assert [row.sums.calls for row in autumn] == [24, 25, 23]
    assert [row.sums.calls for row in spring] == [23]


def test_costs_are_told_by_currency_and_what_is_unknown_is_no_zero() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    book(noon, cost=Decimal("0.1"), currency="USD", model="a")
    book(noon, cost=Decimal("0.2"), currency="USD", model="a")
    book(noon, cost=Decimal("0.5"), currency="EUR", model="a")
    book(noon, model="b")

    rows = usage_sums(None, FIRST, LAST, [Group.MODEL])

    assert [(row.sums.costs, row.sums.unpriced_calls) for row in rows] == [
        ([Money(Decimal("0.5"), "EUR"), Money(Decimal("0.3"), "USD")], 0),
        ([], 1),
    ]


def test_nothing_used_is_one_row_of_nothing_and_none_of_any_group() -> None:
    assert usage_sums(None, FIRST, LAST, []) == [UsageRow({}, Sums())]
    assert usage_sums([], FIRST, LAST, [Group.COMPANY]) == []


@pytest.mark.usefixtures("companies")
@pytest.mark.parametrize(
    ("moment", "day"),
    [("2026-11-24T18:14:00Z", 24), ("2026-11-24T18:15:00Z", 25), ("2026-11-25T04:00:00Z", 25)],
)
def test_today_is_the_latest_day_that_has_begun_anywhere(moment: str, day: int) -> None:
    with time_machine.travel(datetime.fromisoformat(moment), tick=False):
        assert company_days.today() == date(2026, 11, day)


@pytest.mark.usefixtures("companies")
def test_queries_depend_on_the_zones_and_days_and_on_no_company(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(20):
        make_company(company_id=f"C{number}", time_zone="Asia/Kathmandu")
        book(datetime(2026, 11, 24, tzinfo=UTC), f"C{number}")

    # Names, the first daily sum, zones, their spellings, and each zone's sums.
    with django_assert_num_queries(9):
        usage_sums(None, FIRST, LAST, [Group.COMPANY])
