"""Staff see and change quotas: on the page of a key, and on a page of their own."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.tokens.rows import make_quota, make_token
from tests.tokens.test_admin import posted
from tests.tokens.test_quota_audit import spend
from tokens import quotas
from tokens.models import Company, Quota, QuotaChange, TokenMaster
from tokens.periods import Period
from tokens.quota_admin import ANOTHER_ONE

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
