"""GET /api/v1/quota/: what may still be spent."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.extraction.conftest import Integrator
from tests.tokens.rows import make_budget, make_company, make_price, make_quota, make_token
from tokens import ledger
from tokens.models import TokenMaster
from tokens.periods import Period
from tokens.usage import Requester, Usage

URL = "/api/v1/quota/"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WHO = Requester(company_id="NT047", branch="", requested_by="")

pytestmark = pytest.mark.django_db


@pytest.fixture
def key() -> TokenMaster:
    """A key of NT047 with 700 LLM tokens used and 200 reserved, and one of NT048."""
    token = make_token(company_id="NT047", total_token_limit=10_000)
    make_token(company_id="NT048", api_key="another")
    company = make_company("NT047", time_zone="Asia/Kathmandu")
    make_quota(company, Period.MONTHLY, 5_000)
    make_quota(token, Period.DAILY, 1_000)
    ledger.settle(uuid.uuid4(), token.pk, Usage(700), **WHO)
    ledger.reserve(
        token.pk,
        attempt_id=uuid.uuid4(),
        amount=200,
        output_budget=100,
        lease=timedelta(minutes=5),
    )
    return token


def quotas(client: Any, **parameters: str) -> list[dict[str, Any]]:
    response = client.get(URL, parameters)
    assert response.status_code == 200, response.json()
    results: list[dict[str, Any]] = response.json()["results"]
    return results


@time_machine.travel(NOON, tick=False)
def test_quotas_are_told_as_they_stand_the_company_s_first(
    integrator: Integrator, request: pytest.FixtureRequest
) -> None:
    key = request.getfixturevalue("key")  # made at noon

    assert quotas(integrator.http) == [
        {
            "company_id": "NT047",
            "token_id": None,
            "period": "monthly",
            "unit": "tokens",
            "currency": None,
            "limit": 5_000,
            "used": 700,
            "reserved": 200,
            "remaining": 4_300,
            "starts_at": "2026-10-31T18:15:00Z",
            "resets_at": "2026-11-30T18:15:00Z",
        },
        {
            "company_id": "NT047",
            "token_id": key.pk,
            "period": "daily",
            "unit": "tokens",
            "currency": None,
            "limit": 1_000,
            "used": 700,
            "reserved": 200,
            "remaining": 300,
            "starts_at": "2026-11-23T18:15:00Z",
            "resets_at": "2026-11-24T18:15:00Z",
        },
        {
            "company_id": "NT047",
            "token_id": key.pk,
            "period": "total",
            "unit": "tokens",
            "currency": None,
            "limit": 10_000,
            "used": 700,
            "reserved": 200,
            "remaining": 9_300,
            "starts_at": None,
            "resets_at": None,
        },
    ]


@pytest.mark.usefixtures("key")
def test_people_need_the_permission_and_see_their_companies(
    signed_in: Client, operator: User, admin_client: Client
) -> None:
    assert signed_in.get(URL).status_code == 403

    operator.user_permissions.add(Permission.objects.get(codename="view_tokenusagelog"))

    assert {row["company_id"] for row in quotas(signed_in)} == {"NT047"}
    assert {row["company_id"] for row in quotas(admin_client)} == {"NT047", "NT048"}
    assert {row["company_id"] for row in quotas(admin_client, company="NT048")} == {"NT048"}
    assert admin_client.get(URL, {"company": "NOBODY"}).status_code == 400


@pytest.mark.parametrize("query", ["company=NT048", "colour=red", "company=NT047&company=NT047"])
def test_what_cannot_be_meant_is_rejected(integrator: Integrator, query: str) -> None:
    response = integrator.http.get(f"{URL}?{query}")

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"


@time_machine.travel(NOON, tick=False)
def test_money_is_told_with_its_currency_as_decimal_numbers(integrator: Integrator) -> None:
    token = make_token(company_id="NT047", total_token_limit=10_000_000)
    make_price()
    make_budget(make_company("NT047"), Period.TOTAL, "250.00 EUR")
    ledger.settle(uuid.uuid4(), token.pk, Usage(1_234_567), **WHO, model="gemini-x")

    assert quotas(integrator.http)[0] == {
        "company_id": "NT047",
        "token_id": None,
        "period": "total",
        "unit": "money",
        "currency": "EUR",
        "limit": "250",
        "used": "1.234567",
        "reserved": "0",
        "remaining": "248.765433",
        "starts_at": None,
        "resets_at": None,
    }
