"""Quotas that renew, through the management API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from extraction.api.management.documentation import EXAMPLES
from logs.models import AuditEntry
from tests.extraction.api.management.conftest import BASE
from tests.tokens.rows import make_company, make_quota, make_token
from tokens.models import Quota, QuotaChange
from tokens.periods import Period
from tokens.quota_forms import SingleQuotaForm

URL = f"{BASE}quotas/"


def add(http: APIClient, once: str = "", **changed: Any) -> Any:
    headers = {"Idempotency-Key": once} if once else {}
    body = {**EXAMPLES["add_quota"], **changed}
    return http.post(URL, body, format="json", headers=headers)


@pytest.mark.vendor
def test_quota_is_made_raised_and_removed(http: APIClient) -> None:
    made, again, twice = add(http, "k"), add(http, "k"), add(http)
    told = made.json()
    address = f"{URL}{told['quota_id']}/"

    raised = http.patch(
        address, EXAMPLES["change_quota"], format="json", headers={"If-Match": made["ETag"]}
    )
    stale = http.patch(address, {"limit": 1}, format="json", headers={"If-Match": made["ETag"]})

    assert (made.status_code, told["limit"], told["remaining"]) == (201, 3_000_000, 3_000_000)
    assert (again.json(), twice.status_code) == (told, 400)
    assert (raised.json()["limit"], raised.json()["remaining"]) == (3_000_000, 3_500_000)
    assert stale.status_code == 412
    assert http.get(URL).json() == {"results": [raised.json()]}
    assert http.get(address).json() == raised.json()
    assert http.delete(address).status_code == 204
    assert http.get(address).status_code == 404
    changes = QuotaChange.objects.values_list("actor", flat=True).distinct()
    assert list(changes.order_by()) == ["API client Terraform"]
    entries = AuditEntry.objects.filter(object_type="quota").order_by("entry_id")
    assert [(entry.action, entry.actor, entry.why) for entry in entries] == [
        ("added", "Terraform", ""),
        ("changed", "Terraform", "Peak."),
        ("deleted", "Terraform", ""),
    ]


def test_quota_of_a_key_is_made_beside_that_of_its_company(http: APIClient) -> None:
    token = make_token("AIza-0123456789-0123456789")
    add(http)
    body = {"token_id": token.pk, "period": "daily", "limit": 5}

    told = http.post(URL, body, format="json").json()

    assert (told["company_id"], told["token_id"], told["period"]) == ("NT047", token.pk, "daily")
    assert len(http.get(URL).json()["results"]) == 2


def test_quota_in_money_is_made_and_raised(http: APIClient) -> None:
    made = add(http, limit="250.5", currency="EUR")
    told = made.json()
    address = f"{URL}{told['quota_id']}/"
    until = "2099-12-31T00:00:00Z"

    raised = http.patch(address, {"raised_by": "0.25", "raised_until": until}, format="json")
    tokens = http.patch(address, {"currency": None, "limit": 5, "raised_by": 0}, format="json")

    assert (told["unit"], told["currency"], told["limit"]) == ("money", "EUR", "250.5")
    assert [raised.json()[name] for name in ("raised_by", "remaining")] == ["0.25", "250.75"]
    assert (tokens.json()["unit"], tokens.json()["limit"]) == ("tokens", 5)


def test_quotas_of_others_are_not_seen(http: APIClient) -> None:
    elsewhere = make_token("AIza-0123456789-0123456789", company_id="NT048")
    theirs = [
        make_quota(elsewhere, Period.DAILY, 5),
        make_quota(make_company("NT048"), Period.DAILY, 5),
    ]

    assert http.get(URL).json() == {"results": []}
    for quota in theirs:
        assert http.delete(f"{URL}{quota.pk}/").status_code == 404
    body = {"token_id": elsewhere.pk, "limit": 5}
    assert http.post(URL, body, format="json").status_code == 404
    assert add(http, company_id="NT048").status_code == 403


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"token_id": 1}, "either company_id or token_id"),
        ({"limit": 0}, "limit"),
        ({"period": "hourly"}, "period"),
        ({"first_day": 32}, "first_day"),
        ({"raised_by": 5}, "until when"),
        ({"raised_by": 5, "raised_until": "2020-01-01T00:00:00Z"}, "This time has passed"),
        ({"unit": "pages"}, "unit: is no field"),
        ({"limit": 2.5}, "Write a whole number"),
        ({"limit": "2.5"}, "LLM tokens are whole"),
        ({"limit": True}, "Write a whole number"),
        ({"limit": "1000000000", "currency": "EUR"}, "less than or equal to 100000000.00 EUR"),
        ({"limit": 10**16}, "Write a whole number"),
        ({"currency": "euro"}, "currency"),
    ],
)
def test_quota_that_cannot_be_is_refused(
    http: APIClient, changed: dict[str, Any], words: str
) -> None:
    response = add(http, **changed)

    assert response.status_code == 400
    assert words in response.json()["detail"]
    assert not Quota.objects.exists()


@pytest.mark.parametrize("key", ["", "k"])
def test_same_that_somebody_made_meanwhile_is_told(
    http: APIClient, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Of two at a time each finds none; the second meets the constraint."""
    made = add(http)
    other = add(http, period="daily").json()["quota_id"]
    monkeypatch.setattr(SingleQuotaForm, "clean", lambda form: form.cleaned_data)
    monkeypatch.setattr(SingleQuotaForm, "validate_unique", lambda _: None)
    monkeypatch.setattr(Quota, "validate_constraints", lambda *_, **__: None)

    twice = add(http, key)
    changed = http.patch(f"{URL}{other}/", {"period": made.json()["period"]}, format="json")

    assert (twice.status_code, twice.json()["code"]) == (409, "exists_already")
    assert (changed.status_code, changed.json()["code"]) == (412, "changed_meanwhile")
    assert Quota.objects.count() == 2
