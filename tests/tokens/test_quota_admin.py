"""Staff see and change quotas: on the page of a key, and on a page of their own."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from logs.audit_entry import AuditEntry
from tests.tokens.rows import make_budget, make_price, make_quota, make_token
from tests.tokens.test_admin import posted
from tests.tokens.test_quota_audit import WHO, spend
from tokens import ledger, quotas
from tokens.models import Company, Quota, QuotaChange, TokenMaster
from tokens.periods import Period
from tokens.quota_forms import ANOTHER_ONE
from tokens.usage import Usage

pytestmark = pytest.mark.django_db

QUOTAS = "/admin/tokens/quota/"


def key_page(token: TokenMaster) -> str:
    return f"/admin/tokens/tokenmaster/{token.pk}/change/"


def row(number: int, quota: Quota | None = None, **fields: Any) -> dict[str, Any]:
    """What the inline of a key sends for one quota."""
    sent = {
        "quota_id": quota.pk if quota else "",
        "token": quota.token_id if quota else "",
        "period": quota.period if quota else "monthly",
        "limit": quota.limit if quota else "5000",
        "first_day": quota.first_day if quota else "1",
        "raised_by": quota.raised_by if quota else "",
        "raised_until_0": "",
        "raised_until_1": "",
        **fields,
    }
    return {f"quotas-{number}-{name}": value for name, value in sent.items()}


def form(*rows: dict[str, Any], initial: int, **fields: Any) -> dict[str, Any]:
    counts = {"quotas-TOTAL_FORMS": len(rows), "quotas-INITIAL_FORMS": initial}
    return posted(**counts, **fields) | dict(pair for each in rows for pair in each.items())


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_a_quota_is_made_and_changed_on_the_page_of_its_key(admin_client: Client) -> None:
    token = make_token()
    until = timezone.now() + timedelta(days=3)

    admin_client.post(key_page(token), form(row(0), initial=0, why="New contract."))
    quota = Quota.objects.get(token=token)
    assert (quota.period, quota.limit, quota.raised_by) == ("monthly", 5000, 0)

    raised = row(
        0,
        quota,
        raised_by="700",
        raised_until_0=f"{until:%Y-%m-%d}",
        raised_until_1="12:00:00",
    )
    admin_client.post(key_page(token), form(raised, initial=1, why="Year-end."))
    quota.refresh_from_db()
    assert quota.limit_at(timezone.now()) == 5700

    admin_client.post(
        key_page(token), form(row(0, quota, DELETE="on"), initial=1, why="Not needed.")
    )
    assert not Quota.objects.exists()
    recorded = QuotaChange.objects.filter(what__in=["limit", "raise"]).order_by("pk")
    assert list(recorded.values_list("what", "actor", "reason")) == [
        ("limit", "admin", "New contract."),
        ("raise", "admin", "Year-end."),
        ("limit", "admin", "Not needed."),
        ("raise", "admin", "Not needed."),
    ]


def test_the_page_of_a_key_shows_how_its_quotas_stand(admin_client: Client) -> None:
    token = make_token()
    make_quota(token, Period.DAILY, 5000)
    spend(token, 1200)

    page = text_of(admin_client.get(key_page(token)))

    assert "1,200" in page
    assert "3,800" in page


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"limit": "0"}, "greater than or equal to 1"),
        ({"first_day": "32"}, "less than or equal to 31"),
        ({"raised_by": "5"}, "Say until when it is raised."),
        ({"raised_until_0": "2020-01-01", "raised_until_1": "00:00:00"}, "This time has passed."),
        ({"raised_by": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    admin_client: Client, fields: dict[str, str], error: str
) -> None:
    token = make_token()

    response = admin_client.post(key_page(token), form(row(0, None, **fields), initial=0))

    assert response.status_code == 200
    assert error in text_of(response)
    assert not Quota.objects.exists()


def test_a_key_has_one_quota_of_each_period(admin_client: Client) -> None:
    token = make_token()
    two_new_ones = form(row(0, period="daily"), row(1, period="daily"), initial=0)
    assert ANOTHER_ONE in text_of(admin_client.post(key_page(token), two_new_ones))
    quota = make_quota(token, Period.MONTHLY, 5000)

    one_more = form(row(0, quota), row(1), initial=1)
    assert ANOTHER_ONE in text_of(admin_client.post(key_page(token), one_more))

    assert Quota.objects.count() == 1


def test_a_quota_of_a_company_has_a_page_of_its_own(admin_client: Client) -> None:
    token = make_token()
    fields = {
        **{"token": "", "company": "NT047", "period": "daily", "limit": "5000", "first_day": "1"},
        **{"raised_by": "", "raised_until_0": "", "raised_until_1": ""},
    }

    made = admin_client.post(f"{QUOTAS}add/", {**fields, "why": "New contract."})
    assert made.status_code == 302
    quota = Quota.objects.get()
    spend(token, 1200)
    assert quotas.of_company("NT047")[0].used == 1200

    listed = text_of(admin_client.get(QUOTAS))
    page = text_of(admin_client.get(f"{QUOTAS}{quota.pk}/change/"))
    assert all("3,800" in each for each in (listed, page))

    more = {**fields, "limit": "6000", "why": "More."}
    changed = admin_client.post(f"{QUOTAS}{quota.pk}/change/", more)
    assert changed.status_code == 302
    admin_client.post(f"{QUOTAS}{quota.pk}/delete/", {"post": "yes"})
    assert not Quota.objects.exists()
    limits = QuotaChange.objects.filter(what="limit").order_by("pk")
    assert list(limits.values_list("from_value", "to_value", "actor", "reason")) == [
        ("", "5000", "admin", "New contract."),
        ("5000", "6000", "admin", "More."),
        ("6000", "", "admin", ""),
    ]
    assert "5000 → 6000" in text_of(admin_client.get("/admin/tokens/quotachange/"))


@pytest.mark.parametrize("both", [True, False])
def test_a_quota_is_of_a_key_or_of_a_company(admin_client: Client, both: bool) -> None:
    token = make_token()
    response = admin_client.post(
        f"{QUOTAS}add/",
        {
            "token": token.pk if both else "",
            "company": "NT047" if both else "",
            **{"period": "daily", "limit": "5000", "first_day": "1", "raised_by": ""},
            **{"raised_until_0": "", "raised_until_1": "", "why": ""},
        },
    )

    assert "Choose a key or a company, not both." in text_of(response)


def test_the_list_needs_as_many_queries_for_many_quotas(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        token = make_token()
        for period in Period:
            make_quota(token, period, 5000)
        spend(token, 1)
    make_quota(Company.objects.get(), Period.MONTHLY, 9000)

    with django_assert_max_num_queries(20):
        admin_client.get(QUOTAS)


def test_an_unused_key_is_deleted_with_its_quotas(admin_client: Client) -> None:
    token = make_token()
    make_quota(token, Period.DAILY, 5000)
    quotas.of_company("NT047")

    admin_client.post(f"/admin/tokens/tokenmaster/{token.pk}/delete/", {"post": "yes"})

    assert not TokenMaster.objects.exists()
    assert not Quota.objects.exists()


def test_a_quota_in_money_is_entered_and_shown_as_money(admin_client: Client) -> None:
    token = make_token(model="gemini-x")
    make_price()
    until = timezone.now() + timedelta(days=3)

    made = admin_client.post(
        key_page(token), form(row(0, limit="250.00 EUR"), row(1, limit="5000"), initial=0)
    )
    assert made.status_code == 302
    quota = Quota.objects.get(unit="money")
    assert (quota.currency, quota.limit) == ("EUR", 250 * 10**10)
    assert Quota.objects.get(unit="tokens").limit == 5000

    raised = {"raised_by": "50.5 EUR", "raised_until_0": f"{until:%Y-%m-%d}"}
    raised |= {"raised_until_1": "12:00:00", "limit": "1,250.00 eur", "why": "Year-end."}
    fields = {"period": "monthly", "first_day": "1"}
    admin_client.post(f"{QUOTAS}{quota.pk}/change/", {**fields, **raised})
    quota.refresh_from_db()
    assert quota.limit_at(timezone.now()) == 13_005 * 10**9
    spend_money(token, 1_000_000)

    listed, page = (
        text_of(admin_client.get(address)) for address in (QUOTAS, f"{QUOTAS}{quota.pk}/change/")
    )
    assert "1,250.00 EUR" in listed
    assert all("1.00 EUR" in each and "1,299.50 EUR" in each for each in (listed, page))
    for address in (key_page(token), f"{QUOTAS}{quota.pk}/change/"):
        content = admin_client.get(address).content.decode()
        assert 'value="1250.00 EUR"' in content
        assert 'value="50.50 EUR"' in content
    changes = QuotaChange.objects.filter(quota="monthly, EUR", what__in=["limit", "raise"])
    assert list(changes.order_by("pk").values_list("from_value", "to_value"))[:2] == [
        ("", "250.00 EUR"),
        ("250.00 EUR", "1250.00 EUR"),
    ]
    assert "50.50 EUR until" in changes.get(what="raise").to_value
    assert "1,250.00 EUR" not in str(AuditEntry.objects.latest("pk").before)


def spend_money(token: TokenMaster, amount: int) -> None:
    attempt_id = uuid.uuid4()
    ledger.settle(attempt_id, token.pk, Usage(amount), **WHO, model="gemini-x")


def test_what_was_not_changed_is_not_recorded_however_it_is_written(admin_client: Client) -> None:
    token = make_token()
    quota = make_budget(token, Period.MONTHLY, "1250 EUR")
    QuotaChange.objects.all().delete()

    same = row(0, quota, limit="1,250.0 eur", raised_by="0")
    assert admin_client.post(key_page(token), form(same, initial=1)).status_code == 302

    assert not QuotaChange.objects.exists()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"limit": "250.00"}, "LLM tokens are whole."),
        ({"limit": "250,00 EUR"}, "Enter LLM tokens, such as 1000000, or money"),
        ({"limit": "0 EUR"}, "greater than or equal to 1"),
        ({"limit": "100000001 EUR"}, "less than or equal to 100000000.00 EUR"),
        ({"limit": "1000000000001"}, "less than or equal to 1000000000000"),
        ({"limit": "0.0000001 EUR"}, "at most 6 decimals"),
        ({"limit": "5 EUR", "raised_by": "5"}, "The limit is in EUR."),
        ({"limit": "5 EUR", "raised_by": "5 USD"}, "The limit is in EUR."),
        ({"limit": "5000", "raised_by": "5 EUR"}, "The limit is in LLM tokens."),
    ],
)
def test_an_amount_that_is_none_is_refused(
    admin_client: Client, fields: dict[str, str], error: str
) -> None:
    token = make_token()

    response = admin_client.post(key_page(token), form(row(0, None, **fields), initial=0))

    assert response.status_code == 200
    assert error in text_of(response)
    assert not Quota.objects.exists()


def test_a_quota_that_changes_its_unit_is_added_up_again(admin_client: Client) -> None:
    token = make_token(model="gemini-x")
    make_price()
    quota = make_quota(token, Period.MONTHLY, 5_000_000)
    spend_money(token, 1_000_000)

    admin_client.post(key_page(token), form(row(0, quota, limit="3 EUR"), initial=1))

    [state] = quotas.states(Quota.objects.all())
    assert state.quota.in_words(state.remaining) == "2.00 EUR"
    told = list(QuotaChange.objects.order_by("pk").values_list("what", "to_value"))[-2:]
    assert told == [("limit", "3.00 EUR"), ("period", "monthly, EUR")]


@pytest.mark.parametrize("where", ["key", "own"])
def test_staff_are_warned_of_a_quota_in_money_without_prices(
    admin_client: Client, where: str
) -> None:
    token = make_token(model="gemini-x")
    make_price(currency="USD")
    if where == "key":
        sent = key_page(token), form(row(0, limit="5 EUR"), initial=0, model="gemini-x")
    else:
        fields = {"token": "", "company": "NT047", "period": "daily", "first_day": "1"}
        more = {"limit": "5 EUR", "raised_by": "", "raised_until_0": "", "raised_until_1": ""}
        sent = f"{QUOTAS}add/", {**fields, **more, "why": ""}

    answered = admin_client.post(*sent, follow=True)

    assert "The model gemini-x has no price in EUR" in text_of(answered)
    make_price()
    Quota.objects.all().delete()
    assert "has no price" not in text_of(admin_client.post(*sent, follow=True))


def test_a_key_whose_quota_is_used_up_is_exceeded_until_that_renews(
    client: Client, admin_user: User
) -> None:
    keys = "/admin/tokens/tokenmaster/"
    with time_machine.travel(datetime(2026, 11, 30, 22, tzinfo=UTC), tick=False) as clock:
        client.force_login(admin_user)
        token = make_token()
        make_quota(token, Period.MONTHLY, 5000)
        company = Company.objects.get()
        make_quota(company, Period.DAILY, 100_000)
        assert "Monthly: 100 % 5,000 of 5,000" in text_of(client.get(keys))

        spend(token, 4800)
        page = text_of(client.get(keys))
        assert "Nearly used up" in page
        assert "Monthly: 4 % 200 of 5,000" in page

        spend(token, 200)
        page = text_of(client.get(keys))
        assert "Exceeded until 1 Dec 2026, 00:00 UTC" in page
        assert "95 % 95,000 of 100,000 Monthly: 0 % 0 of 5,000" in page
        assert "0 % 0 of 5,000" in text_of(client.get(QUOTAS))

        clock.shift(timedelta(hours=2))
        page = text_of(client.get(keys))
        assert "Active 95 % 95,000 of 100,000" in page
        assert "Exceeded" not in page.partition("Company id or name")[2].partition("Active 95")[2]


def test_a_quota_of_the_company_for_life_has_no_end(admin_client: Client) -> None:
    token = make_token()
    company = Company.objects.get()
    make_quota(company, Period.TOTAL, 5000)
    spend(token, 5000)

    page = text_of(admin_client.get("/admin/tokens/tokenmaster/"))

    assert "Total of the company: 0 % 0 of 5,000" in page
    assert "Exceeded 95 %" in page


def test_the_filter_finds_the_status_that_the_list_shows(admin_client: Client) -> None:
    made = {
        name: make_token(f"AIza{name}".ljust(30, "x"), company_id=f"C-{name}", status=status)
        for name, status in (
            *(("plain", "Active"), ("gone", "Active"), ("own", "Active"), ("whole", "Active")),
            *(("spent", "Exceeded"), ("off", "Disabled"), ("off-too", "Disabled")),
        )
    }
    TokenMaster.objects.filter(pk=made["gone"].pk).update(expires_at=timezone.now())
    make_quota(Company.objects.get(company_id="C-whole"), Period.DAILY, 1000)
    for name in ("own", "off-too", "plain"):
        make_quota(made[name], Period.DAILY, 1000 if name != "plain" else 9000)
    for name in ("own", "whole", "off-too", "plain"):
        ledger.settle(uuid.uuid4(), made[name].pk, Usage(1000), **WHO | {"company_id": f"C-{name}"})

    def found(status: str) -> set[str]:
        answer = admin_client.get("/admin/tokens/tokenmaster/", {"status__exact": status})
        return {row.company_id.removeprefix("C-") for row in answer.context["cl"].result_list}

    assert found("Active") == {"plain"}
    assert found("Expired") == {"gone"}
    assert found("Exceeded") == {"own", "whole", "spent"}
    assert found("Disabled") == {"off", "off-too"}
    assert found("nonsense") == set(made)


def test_the_quotas_of_many_keys_are_looked_up_at_once(admin_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            admin_client.get("/admin/tokens/tokenmaster/")
        return len(captured)

    make_quota(make_token(), Period.DAILY, 5000)
    few = queries()
    for number in range(5):
        make_quota(make_token(f"AIzaAnother{number}" * 4), Period.DAILY, 5000)

    assert queries() == few
