"""A company's quotas are on its page, as a key's are on the key's."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from logs.audit_entry import AuditEntry
from tests.tokens.rows import make_company, make_quota, make_token
from tests.tokens.test_quota_audit import spend
from tokens.models import Quota, QuotaChange
from tokens.periods import Period

pytestmark = pytest.mark.django_db

PAGE = "/admin/tokens/company/NT047/change/"


def row(quota: Quota | None = None, **fields: Any) -> dict[str, Any]:
    """What the page sends for one quota, the first."""
    sent = {
        "quota_id": quota.pk if quota else "",
        "company": "NT047",
        "period": quota.period if quota else "monthly",
        "limit": quota.limit if quota else "5000",
        "first_day": quota.first_day if quota else "1",
        "raised_by": quota.raised_by if quota else "",
        "raised_until_0": "",
        "raised_until_1": "",
        **fields,
    }
    return {f"quotas-0-{name}": value for name, value in sent.items()}


def form(*rows: dict[str, Any], initial: int, why: str) -> dict[str, Any]:
    return {
        "name": "RUBI TRADERS",
        **dict.fromkeys(("time_zone", "branches", "default_reader", "default_model"), ""),
        "export_as": "",
        "why": why,
        "quotas-TOTAL_FORMS": len(rows),
        "quotas-INITIAL_FORMS": initial,
        **dict(pair for each in rows for pair in each.items()),
    }


def test_quotas_are_made_changed_and_removed_on_the_page_of_their_company(
    admin_client: Client,
) -> None:
    make_company("NT047", folded_id="nt047", name="RUBI TRADERS")

    made = admin_client.post(PAGE, form(row(), initial=0, why="New contract."))
    assert made.status_code == 302
    quota = Quota.objects.get()
    assert (quota.company_id, quota.token_id, quota.limit) == ("NT047", None, 5000)

    admin_client.post(PAGE, form(row(quota, limit="7000"), initial=1, why="Year-end."))
    admin_client.post(PAGE, form(row(quota, DELETE="on"), initial=1, why="Not needed."))

    assert not Quota.objects.exists()
    recorded = QuotaChange.objects.filter(what="limit").order_by("pk")
    assert list(recorded.values_list("company", "from_value", "to_value", "actor", "reason")) == [
        ("NT047", "", "5000", "admin", "New contract."),
        ("NT047", "5000", "7000", "admin", "Year-end."),
        ("NT047", "7000", "", "admin", "Not needed."),
    ]
    entries = AuditEntry.objects.filter(object_type="quota").order_by("pk")
    told = list(entries.values_list("action", "before", "after"))
    assert ("changed", "limit: 5000", "limit: 7000") in told
    assert [action for action, *_ in told] == ["added", "changed", "deleted"]


def test_the_page_shows_how_the_quotas_of_the_company_stand(admin_client: Client) -> None:
    token = make_token()
    make_quota(make_company("NT047"), Period.DAILY, 5000)
    spend(token, 1200)

    page = admin_client.get(PAGE).content.decode()

    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "1,200" in text
    assert "3,800" in text


def test_staff_without_the_right_to_quotas_see_none(client: Client) -> None:
    make_quota(make_company("NT047", folded_id="nt047"), Period.DAILY, 5000)
    staff = User.objects.create_user("asha", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="change_company"))
    client.force_login(staff)

    page = client.get(PAGE).content.decode()

    assert "quotas-TOTAL_FORMS" not in page
    assert client.post(PAGE, form(row(), initial=0, why="")).status_code == 302
    assert Quota.objects.count() == 1
