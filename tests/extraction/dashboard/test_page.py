"""The admin's first page: its numbers are those of the lists that they lead to."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models import F, Sum
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from django.utils import timezone, translation

from extraction import document_days, queue_state
from extraction.dashboard.page import dashboard, seconds
from extraction.document_days import Recounter
from extraction.models import Extraction, State, Worker
from logs.models import ErrorGroup
from ocrsite.lib.audit import ActorKind, Who
from tests.extraction.dashboard.rows import make_documents, make_key, make_price, spend
from tests.extraction.factories import make_extraction
from tests.tokens import rows as token_rows
from tokens import dashboard as use
from tokens import ledger, quotas, services
from tokens.dashboard import forecast
from tokens.models import (
    Company,
    CoolDown,
    LedgerAlert,
    Quota,
    QuotaSum,
    SiteAlert,
    ThresholdAlert,
    TokenMaster,
    TokenStatus,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.periods import BEGINNING, Period
from tokens.usage import Requester, Usage

pytestmark = pytest.mark.django_db

# In the middle of a month, in the middle of a day.
NOW = datetime(2026, 3, 17, 12, 30, tzinfo=UTC)
LINK = re.compile(r'<a href="([^"]+)">([\d,]+)</a>')
COST = re.compile(r'<a href="([^"]+)">([\d,.]+) USD</a>')


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def site() -> dict[str, TokenMaster]:
    """Two companies with documents and use today, yesterday, last month and long ago."""
    make_price()
    keys = {company: make_key(company, total_token_limit=10_000) for company in ("NT047", "NT048")}
    ages = (timedelta(0), timedelta(hours=13), timedelta(days=20), timedelta(days=40))
    for age in ages:
        for company, key in keys.items():
            make_documents(NOW - age, company)
            spend(key, NOW - age, model="gemini-3.8-flash")
        spend(keys["NT047"], NOW - age, calls=1)
    make_extraction(created_at=NOW, state=State.SUCCEEDED, deleted_at=NOW)
    return keys


def page(client: Client) -> str:
    response = client.get("/admin/")
    assert response.status_code == 200
    return response.content.decode()


def linked(text: str) -> list[tuple[str, int]]:
    """The addresses and numbers of all numbers that are links."""
    return [(unescape(at), int(number.replace(",", ""))) for at, number in LINK.findall(text)]


def measured(user: User, address: str) -> set[int]:
    """What the list at an address adds up to: its rows; of usage its requests or LLM tokens.

    The list is not drawn: there are hundreds, and other tests look at them.
    """
    request = RequestFactory().get(address)
    request.user = user
    view, arguments, named = resolve(request.path)
    response = view(request, *arguments, **named)
    assert response.status_code == 200, address
    changelist = response.context_data["cl"]
    if "/extraction/worker/" in address:
        return {Worker.objects.living().count()}
    rows = changelist.queryset.order_by()
    if "tokenusagelog" not in address:
        return {rows.count()}
    sums = rows.aggregate(Sum("request_count"), Sum("total_tokens_used"))
    return {value or 0 for value in sums.values()}


def assert_numbers_are_those_of_their_lists(client: Client) -> int:
    user = get_user(client)
    assert isinstance(user, User)
    found = linked(page(client))
    for address, number in found:
        assert number in measured(user, address), address
    return len(found)


@pytest.mark.no_cover  # lists that other tests open
@pytest.mark.parametrize("are_counted", [False, True])
def test_every_number_is_that_of_the_list_it_leads_to(
    admin_client: Client, site: dict[str, TokenMaster], are_counted: bool
) -> None:
    Worker.objects.create(name="w", host="eu1", process_id=7, since=NOW, last_sign=NOW, processes=4)
    if are_counted:
        Recounter().look()

    assert assert_numbers_are_those_of_their_lists(admin_client) > 40


def test_every_cost_is_that_of_the_calls_it_leads_to(
    admin_client: Client, site: dict[str, TokenMaster]
) -> None:
    shown = page(admin_client)

    found = COST.findall(shown)
    # Today and this month, two companies, the model with a price, and three days.
    assert len(found) == 2 + 2 + 1 + 3
    assert len(re.findall(r"[\d.]+ USD", shown)) == len(found), "each is a link"
    for address, cost in found:
        rows = admin_client.get(unescape(address)).context["cl"].queryset.order_by()
        assert f"{rows.aggregate(sum=Sum('cost'))['sum']:,.2f}" == cost


def test_disk_and_log_lead_to_what_was_told_of_them(
    admin_client: Client, site: dict[str, TokenMaster]
) -> None:
    found = re.search(
        r'on the disk</dt><dd><a href="([^"]+)">[\d.,]+ GiB</a>.*<a href="([^"]+)">\d+ files?</a>',
        page(admin_client),
        re.DOTALL,
    )

    assert found is not None
    alerts, log = (admin_client.get(address) for address in found.groups())
    assert (alerts.status_code, log.status_code) == (200, 200)
    assert "Disk almost full" in alerts.content.decode()


def test_numbers_are_those_of_the_rows(admin_client: Client, site: dict[str, TokenMaster]) -> None:
    shown = dashboard(User.objects.get())

    today = Extraction.objects.filter(created_at__date=NOW.date())
    assert shown["received"].value == today.count() == 24
    assert {each.label: each.number.value for each in shown["outcomes"]} == {
        "Queued": 2,
        "Processing": 2,
        "Waiting": 4,
        "Succeeded": 8,
        "Failed": 6,
        "Cancelled": 2,
        "To review": 2,
    }
    assert [(each.label, each.number.value) for each in shown["reasons"]] == [
        ("Provider overloaded", 4),
        ("Key rejected", 2),
    ]
    assert (shown["waiting"].value, shown["reading"].value) == (24, 8)
    assert shown["to_review"].value == 8
    # Of 1, 2, 3 and 4 s, of two companies.
    assert shown["times"] == (8, "2.0 s", "4.0 s")
    usage = TokenUsageLog.objects.order_by()
    for label, since in (("Today", NOW.date()), ("This month", NOW.date().replace(day=1))):
        rows = usage.filter(logged_at__date__gte=since)
        ((_, requests, tokens, cost),) = [row for row in shown["usage"] if row[0] == label]
        assert requests.value == rows.count()
        assert tokens.value == rows.aggregate(total=Sum("total_tokens_used"))["total"]
        known = rows.filter(cost__isnull=False)
        assert f">{sum(row.cost or 0 for row in known):,.2f} USD</a>" in cost
    assert [(each.name, each.tokens.value) for each in shown["by_company"]] == [
        ("NT047", 1080),
        ("NT048", 720),
    ]
    assert [(each.name, each.tokens.value) for each in shown["by_model"]] == [
        ("gemini-3.8-flash", 1440),
        ("not known", 360),
    ]


@pytest.mark.parametrize("are_counted", [False, True])
def test_dashboard_takes_few_queries(
    admin_client: Client, site: dict[str, TokenMaster], are_counted: bool
) -> None:
    make_attention(site)
    if are_counted:
        Recounter().look()
    page(admin_client)

    with CaptureQueriesContext(connection) as queries:
        page(admin_client)

    assert len(queries) < 15


def test_number_of_queries_does_not_depend_on_the_rows(
    admin_client: Client, site: dict[str, TokenMaster]
) -> None:
    page(admin_client)
    with CaptureQueriesContext(connection) as few:
        page(admin_client)
    for number in range(5):
        key = make_key(f"C{number}", total_token_limit=200)
        spend(key, NOW)
        make_documents(NOW - timedelta(days=number), key.company_id)

    with CaptureQueriesContext(connection) as many:
        page(admin_client)

    assert len(many) == len(few)


def make_attention(keys: dict[str, TokenMaster]) -> None:
    """A key near its limit, one that cools down and expires soon, one that is disabled."""
    first, second = keys.values()
    TokenMaster.objects.filter(pk=first.pk).update(total_token_limit=1500)
    services.update_statuses()
    TokenMaster.objects.filter(pk=second.pk).update(expires_at=NOW + timedelta(days=9, hours=1))
    CoolDown.objects.create(token=second, blocked_until=NOW + timedelta(minutes=5), reason="x")
    third = make_key("NT049")
    TokenMaster.objects.filter(pk=third.pk).update(status=TokenStatus.DISABLED)
    LedgerAlert.objects.create(findings="Wrong.", fingerprint="x")
    for company_id in ("", "NT048"):
        SiteAlert.objects.create(
            kind="failures",
            subject=company_id,
            company_id=company_id,
            text=f"Alert of {company_id or 'all'}",
        )
    SiteAlert.objects.create(kind="disk", subject="x", text="Over", resolved_at=NOW)
    ThresholdAlert.objects.all().delete()
    services.raise_alerts(token_id=first.pk)
    ErrorGroup.objects.create(
        fingerprint="x",
        place="a:b:1",
        logger="a",
        message="m",
        count=12,
        first_seen=NOW,
        last_seen=NOW,
        exception_type="ValueError",
    )


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(hours=23), "Expires within a day"),
        (timedelta(hours=30), "Expires in 1 day"),
        (timedelta(days=3), "Expires in 3 days"),
    ],
)
def test_when_a_key_expires_is_told_in_whole_days(
    site: dict[str, TokenMaster], admin_client: Client, left: timedelta, words: str
) -> None:
    TokenMaster.objects.filter(pk=site["NT047"].pk).update(expires_at=NOW + left)

    told = {each.token.company_id: each for each, _ in dashboard(User.objects.get())["attention"]}

    assert words in [said for _, said in told["NT047"].reasons]


def test_what_needs_attention_is_told(admin_client: Client, site: dict[str, TokenMaster]) -> None:
    make_attention(site)

    shown = dashboard(User.objects.get())
    told = {each.token.company_id: each for each, _ in shown["attention"]}

    assert list(told) == ["NT047", "NT048", "NT049"]
    near = told["NT047"]
    assert [words for _, words in near.reasons] == ["Near its limit"]
    # Three calls of 120 at four times.
    assert (near.share, near.token.unspent) == (100 * 1440 // 1500, 60)
    assert [words for _, words in told["NT048"].reasons] == ["Cooling down", "Expires in 9 days"]
    assert [words for _, words in told["NT049"].reasons] == [
        "Disabled",
        "Company without a usable key",
    ]
    assert told["NT049"].used_up_on is None
    text = page(admin_client)
    for words in ("The ledger is wrong", "ValueError at a:b:1", "12 times", "GiB"):
        assert words in text
    assert sorted(words for words, _, _ in shown["alerts"]) == [
        "A key's quota runs out",
        "Alert of NT048",
        "Alert of all",
        "The ledger is wrong",
    ]
    for _, address, _ in shown["alerts"]:
        assert admin_client.get(address).status_code == 200


def test_budgets_are_those_of_the_ledger(
    admin_client: Client, site: dict[str, TokenMaster]
) -> None:
    key = site["NT048"]
    company, _ = Company.objects.get_or_create(company_id="NT047")
    Quota.objects.create(token=key, period="daily", limit=1_000)
    Quota.objects.create(company=company, period="monthly", limit=5_000)
    TokenUsageSummary.objects.update(quota_free=None)
    for each in site.values():
        attempt_id = uuid.uuid4()
        assert ledger.reserve(
            each.pk,
            attempt_id=attempt_id,
            amount=100,
            output_budget=50,
            lease=timedelta(minutes=5),
        )
        spend(each, NOW)

    shown = dashboard(User.objects.get())["budgets"]

    told = {str(each.quota.token or each.quota.company): each for each, _, _ in shown}
    for state in quotas.states(Quota.objects.all()):
        each = told[str(state.quota.token or state.quota.company)]
        assert (each.used, each.limit, each.resets_at) == (
            state.used,
            state.limit,
            state.resets_at,
        )
    assert len(told) == 2
    text = page(admin_client)
    assert "Budgets that renew" in text
    assert f"/admin/tokens/tokenmaster/{key.pk}/change/" in text
    assert [each.used for each, _, _ in dashboard(bound("NT048"))["budgets"]] == [
        told[str(key)].used
    ]


def test_budgets_nearest_to_their_limits_come_first_however_large_they_are() -> None:
    shares = {}
    for number in range(14):
        limit, used, raised_by = 10 ** (number % 5 + 2), 10 ** (number % 5) * number, 0
        if number == 3:
            limit, used = 0, 0
        elif number == 13:
            limit, used, raised_by = 100, 130, 900
        key = make_key(f"C{number:02}")
        quota = Quota.objects.create(
            token=key,
            period="daily",
            limit=limit,
            raised_by=raised_by,
            raised_until=NOW + timedelta(hours=1) if raised_by else None,
        )
        QuotaSum.objects.create(
            quota=quota, starts_at=NOW, ends_at=NOW + timedelta(hours=9), used=used
        )
        shares[key.company_id] = 100 if limit == 0 else 100 * used // (limit + raised_by)

    shown = use.budgets()

    assert [each.share for each in shown] == sorted(shares.values(), reverse=True)[:10]
    assert [each.quota.token and each.quota.token.company_id for each in shown[:3]] == [
        *("C03", "C13", "C12"),
    ]


def test_keys_nearest_to_their_limits_come_first_and_those_out_of_use_last() -> None:
    for number in range(8):
        key = make_key(f"C{number}", total_token_limit=1000 * (number + 1))
        used = (80 + number) * 10 * (number + 1)
        TokenUsageSummary.objects.filter(token=key).update(
            total_used_tokens=used, total_remaining_tokens=F("total_remaining_tokens") - used
        )
        out_of_use = make_key(f"D{number}")
        TokenMaster.objects.filter(pk=out_of_use.pk).update(status=TokenStatus.DISABLED)
    without_limit = make_key("E")
    TokenMaster.objects.filter(pk=without_limit.pk).update(total_token_limit=0)

    shown = use.attention(NOW.date(), {})

    assert [each.token.company_id for each in shown][:9] == [
        *("E", "C7", "C6", "C5", "C4", "C3", "C2", "C1", "C0")
    ]
    assert [each.share for each in shown][:9] == [100, 87, 86, 85, 84, 83, 82, 81, 80]
    assert len(shown) == use.SHOWN + 1
    assert {each.token.status for each in shown[9:]} == {TokenStatus.DISABLED}


def test_quotas_near_their_limits_need_attention(admin_client: Client) -> None:
    half_a_day = timedelta(hours=12)
    shown = {}
    for company_id, used in (("C01", 79), ("C02", 80), ("C03", 100), ("C04", 70)):
        quota = Quota.objects.create(token=make_key(company_id), period="daily", limit=100)
        QuotaSum.objects.create(
            quota=quota, starts_at=NOW - half_a_day, ends_at=NOW + half_a_day, used=used
        )
    company, _ = Company.objects.get_or_create(company_id="C04")
    own = Quota.objects.create(
        company=company, period="total", unit="money", currency="EUR", limit=10**12
    )
    QuotaSum.objects.create(quota=own, starts_at=BEGINNING, used=95 * 10**10)

    for each, _, address, used_up_at in dashboard(User.objects.get())["near_budgets"]:
        whose = each.quota.token.company_id if each.quota.token else each.quota.company_id
        shown[whose] = (*each.reason, each.left_in_words, used_up_at)
        assert admin_client.get(address).status_code == 200

    assert shown == {
        "C03": ("exceeded", "Daily quota used up", "0", None),
        "C04": ("warning", "Near its total quota", "5.00 EUR", None),
        "C02": ("warning", "Near its daily quota", "20", NOW + timedelta(hours=3)),
    }
    assert "Near its daily quota" in page(admin_client)


def test_quota_that_lasts_until_it_renews_is_not_used_up() -> None:
    quota = Quota(period="daily", limit=100)
    day = (NOW - timedelta(hours=23), NOW + timedelta(minutes=6))
    for used, limit in ((90, 100), (99, 100), (50, 50), (60, 50), (0, 100)):
        assert use.Budget(quota, used, limit, *day).used_up_at(NOW) is None


def test_budgets_in_money_are_told_in_it_beside_those_in_llm_tokens(admin_client: Client) -> None:
    token = token_rows.make_token(model="gemini-x")
    token_rows.make_price()
    token_rows.make_quota(token, Period.TOTAL, 10_000)
    token_rows.make_budget(token, Period.TOTAL, "1250 EUR")
    attempt_id = uuid.uuid4()
    assert ledger.reserve(
        token.pk,
        attempt_id=attempt_id,
        amount=6_000,
        output_budget=0,
        lease=timedelta(minutes=5),
        model="gemini-x",
    )
    who = Requester(company_id="NT047", branch="", requested_by="")
    ledger.settle(attempt_id, token.pk, Usage(6_000), **who, model="gemini-x")

    shown = dashboard(User.objects.get())["budgets"]

    # Those nearest to their limits come first, whatever they count.
    assert [(each.used_in_words, each.limit_in_words) for each, _, _ in shown] == [
        ("6,000", "10,000"),
        ("0.006 EUR", "1,250.00 EUR"),
    ]
    assert "1,250.00 EUR" in page(admin_client)


def bound(company_id: str) -> User:
    staff("view_tokenmaster", companies=(company_id,))
    return User.objects.get(username="clerk")


def test_forecast_goes_by_the_last_days(site: dict[str, TokenMaster]) -> None:
    key = site["NT048"]
    key.refresh_from_db()
    TokenMaster.objects.filter(pk=key.pk).update(created_at=NOW - timedelta(days=400))
    key = TokenMaster.objects.select_related("summary").get(pk=key.pk)
    assert key.unspent == 10_000 - 8 * 120
    today = NOW.date()
    # 9040 left, 300 a day: gone on the 31st day.
    assert forecast(today, key, 9_000) == today + timedelta(days=30)
    assert forecast(today, key, 0) is None
    assert forecast(today, key, 1) is None
    key.created_at = NOW - timedelta(days=2)
    assert forecast(today, key, 9_000) == today + timedelta(days=3)
    key.total_token_limit = 1
    assert forecast(today, key, 9_000) == today


def test_paused_queue_and_missing_workers_are_told(admin_client: Client) -> None:
    assert "No worker lives" in page(admin_client)

    Worker.objects.create(name="w", host="eu1", process_id=7, since=NOW, last_sign=NOW, processes=4)
    text = page(admin_client)
    assert "No worker lives" not in text
    assert "eu1:7, last sign" in text
    assert "Reading is paused" not in text

    make_extraction(due_at=NOW - timedelta(hours=2), created_at=NOW - timedelta(hours=2))
    assert "The queue is stuck" in page(admin_client)
    Worker.objects.update(last_taken_at=NOW)
    text = page(admin_client)
    assert "stuck" not in text
    assert "2 h 0 min" in text

    queue_state.pause_queue(who=Who(ActorKind.USER, "asha"))
    assert "Reading is paused" in page(admin_client)
    Worker.objects.update(last_sign=NOW - timedelta(hours=1))
    assert ">No sign</span>" in page(admin_client)


def staff(*codenames: str, companies: tuple[str, ...] = ()) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    for company_id in companies:
        company, _ = Company.objects.get_or_create(company_id=company_id)
        user.staff_companies.create(company=company)
    client = Client()
    client.force_login(user)
    return client


def headings(text: str) -> list[str]:
    return re.findall(r"<h[23] id=\"board-[a-z-]+\">([^<]+)</h", text)


def test_staff_see_what_their_permissions_allow(site: dict[str, TokenMaster]) -> None:
    assert headings(page(staff())) == []
    User.objects.all().delete()
    assert headings(page(staff("view_extraction"))) == [
        "Documents today",
        "Why documents failed today",
        "Queue and workers",
        "Documents by the day on which they were received",
    ]
    User.objects.all().delete()
    assert headings(page(staff("view_tokenusagelog"))) == [
        "Use",
        "LLM tokens by day",
        "LLM tokens by company",
        "LLM tokens by model",
    ]
    User.objects.all().delete()
    assert headings(page(staff("view_tokenmaster", "view_errorgroup", "view_worker"))) == [
        "Queue and workers",
        "Newest errors by kind",
        "Keys and companies that need attention",
    ]


@pytest.mark.no_cover  # lists that other tests open
def test_bound_staff_see_numbers_of_their_companies_alone(site: dict[str, TokenMaster]) -> None:
    make_attention(site)
    codenames = (
        *("view_extraction", "view_tokenusagelog", "view_tokenmaster", "view_thresholdalert"),
        *("view_ledgeralert", "view_errorgroup", "view_applicationlog", "view_sitealert"),
    )
    client = staff(*codenames, companies=("NT048",))

    text = page(client)

    assert "Alert of NT048" in text
    for hidden in (
        "NT047",
        "NT049",
        "Alert of all",
        "The ledger is wrong",
        "ValueError",
        "Disk and log",
    ):
        assert hidden not in text
    assert dashboard(User.objects.get())["received"].value == 12
    assert assert_numbers_are_those_of_their_lists(client) > 30


def test_short_times_have_tenths() -> None:
    assert seconds(timedelta(seconds=3.14)) == "3.1 s"
    with translation.override("de"):
        assert seconds(timedelta(seconds=3.14)) == "3,1 s"
    assert seconds(timedelta(minutes=3)) == "3 min"


def test_first_page_of_an_empty_site_opens(admin_client: Client) -> None:
    text = page(admin_client)

    assert "None failed." in text
    assert "Nothing was used." in text
    assert ": nothing." in text


def test_day_ends_at_midnight_of_utc(admin_client: Client) -> None:
    for at in ("2026-03-16T23:59:59Z", "2026-03-17T00:00:00Z"):
        make_extraction(created_at=datetime.fromisoformat(at), state=State.FAILED)
    make_extraction(created_at=timezone.now() + timedelta(days=1), state=State.FAILED)

    assert document_days.today() == NOW.date()
    assert dashboard(User.objects.get())["received"].value == 1
