"""GET /api/v1/usage/: sums of what was charged."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.extraction.conftest import Integrator
from tests.tokens.rows import make_company, make_token
from tokens.models import TokenUsageLog

URL = "/api/v1/usage/"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> int:
    """Five calls: of NT047 in two months and branches, one of NT048; the id of the first key."""
    ours, theirs = make_token(company_id="NT047"), make_token(company_id="NT048")
    for token, fields in (
        (ours, {"logged_at": datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)}),
        (ours, {"logged_at": datetime(2026, 11, 1, tzinfo=UTC), "branch": "North"}),
        (ours, {"logged_at": NOON, "requested_by": "asha"}),
        (ours, {"logged_at": NOON, "company_id": None}),
        (theirs, {"logged_at": NOON}),
    ):
        TokenUsageLog.objects.create(
            **{
                "token": token,
                "company_id": token.company_id,
                "input_tokens": 1_000,
                "output_tokens": 300,
                "thinking_tokens": 97,
                "total_tokens_used": 1_397,
                **fields,
            }
        )
    return ours.pk


def sums(integrator: Integrator, **parameters: Any) -> list[dict[str, Any]]:
    response = integrator.http.get(URL, parameters)
    assert response.status_code == 200, response.json()
    results: list[dict[str, Any]] = response.json()["results"]
    return results


@time_machine.travel(NOON, tick=False)
@pytest.mark.usefixtures("rows")
def test_current_month_is_summed_up_when_no_period_is_given(integrator: Integrator) -> None:
    body = integrator.http.get(URL).json()

    assert body == {
        "since": "2026-11-01",
        "until": "2026-11-24",
        "group_by": [],
        "results": [
            {
                "calls": 3,
                "input_tokens": 3_000,
                "cached_tokens": 0,
                "output_tokens": 900,
                "thinking_tokens": 291,
                "total_tokens": 4_191,
                "costs": [],
                "unpriced_calls": 3,
            }
        ],
    }


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("month", [("2026-10-01", 1), ("2026-11-01", 3)]),
        ("day", [("2026-10-31", 1), ("2026-11-01", 1), ("2026-11-24", 2)]),
        ("company_id", [("NT047", 4)]),
        ("branch", [("Default", 3), ("North", 1)]),
        ("requested_by", [("System", 3), ("asha", 1)]),
    ],
)
def test_sums_are_grouped(
    integrator: Integrator, groups: str, expected: list[tuple[str, int]]
) -> None:
    rows = sums(integrator, since="2026-10-01", until="2026-11-30", group_by=groups)

    assert [(row[groups], row["calls"]) for row in rows] == expected


def test_days_are_the_company_s_and_costs_are_told_by_model_and_currency(
    integrator: Integrator,
) -> None:
    make_company(company_id="NT047", time_zone="Asia/Kathmandu")
    token = make_token(company_id="NT047")
    for model, cost, currency in (
        ("gemini-3.5-flash", "0.1", "USD"),
        ("gemini-3.5-flash", "0.2", "USD"),
        ("gemini-3.5-flash", "0.5", "EUR"),
        ("gemini-99", None, None),
    ):
        TokenUsageLog.objects.create(
            token=token,
            company_id="NT047",
            total_tokens_used=9,
            logged_at=datetime(2026, 10, 31, 18, 15, tzinfo=UTC),
            model=model,
            cost=cost,
            currency=currency,
        )

    priced, unpriced = sums(
        integrator, since="2026-11-01", until="2026-11-30", group_by="day,model"
    )

    assert (priced["day"], priced["model"]) == ("2026-11-01", "gemini-3.5-flash")
    assert priced["costs"] == [
        {"currency": "EUR", "amount": "0.5"},
        {"currency": "USD", "amount": "0.3"},
    ]
    assert (priced["calls"], priced["unpriced_calls"]) == (3, 0)
    assert (unpriced["model"], unpriced["costs"], unpriced["unpriced_calls"]) == (
        "gemini-99",
        [],
        1,
    )


def test_several_groups_at_once(integrator: Integrator, rows: int) -> None:
    found = sums(
        integrator, since="2026-10-01", until="2026-11-30", group_by="month,token_id,branch"
    )

    assert [(row["month"], row["token_id"], row["branch"]) for row in found] == [
        ("2026-10-01", rows, "Default"),
        ("2026-11-01", rows, "Default"),
        ("2026-11-01", rows, "North"),
    ]


def test_nothing_used_is_zero(integrator: Integrator) -> None:
    [row] = sums(integrator)

    assert row.pop("costs") == []
    assert set(row.values()) == {0}
    assert sums(integrator, group_by="day") == []


@pytest.mark.usefixtures("rows")
def test_staff_see_the_companies_they_are_granted_and_superusers_all(
    signed_in: Client, operator: User, admin_client: Client
) -> None:
    period = {"since": "2026-11-24", "until": "2026-11-24", "group_by": "company_id"}
    assert signed_in.get(URL, period).status_code == 403

    operator.user_permissions.add(Permission.objects.get(codename="view_tokenusagelog"))

    assert [row["company_id"] for row in signed_in.get(URL, period).json()["results"]] == ["NT047"]
    everybody = admin_client.get(URL, period).json()["results"]
    assert [row["company_id"] for row in everybody] == ["NT047", "NT048"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"since": "soon"},
        {"until": "2026-02-30"},
        {"since": "2026-11-02", "until": "2026-11-01"},
        {"since": "2025-01-01", "until": "2026-11-01"},
        {"group_by": "colour"},
        {"group_by": "day,day"},
        {"company": "NT048"},
        {"colour": "red"},
        [("since", "2026-11-01"), ("since", "2026-11-02")],
    ],
    ids=urlencode,
)
def test_what_cannot_be_meant_is_rejected(integrator: Integrator, parameters: Any) -> None:
    response = integrator.http.get(f"{URL}?{urlencode(parameters)}")

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"
