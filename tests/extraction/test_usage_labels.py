"""Usage by the labels of documents: the sums of the rows, on the page, in files and in the API."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from extraction.labels import grouping, known_keys, rows_of
from extraction.models import Attempt, Label, StaffCompany
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.test_usage_report import PAGE, staff, table_of
from tests.extraction.test_usage_report import rows_of as csv_of
from tests.tokens.rows import make_company, make_token
from tokens import usage_days
from tokens.models import TokenUsageLog
from tokens.usage_report import COUNTS, Group, Grouping, total, usage_sums

pytestmark = [pytest.mark.django_db, pytest.mark.vendor, pytest.mark.usefixtures("_november")]

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
PROJECT = grouping("label:project")
ZONES = {"NT047": ZoneInfo("Asia/Kathmandu"), "NT048": ZoneInfo("UTC")}
LABELS: Sequence[dict[str, str]] = (
    {},
    {"project": "Alpha"},
    {"project": "Beta", "team": "Alpha"},
    {"team": "Beta"},
    {"project": "a, b=“c”", "team": "x"},
)


@pytest.fixture
def _november() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def calls() -> list[tuple[TokenUsageLog, str | None]]:
    """Usage rows with the project of their documents; of some calls nobody knows the document."""
    pick = random.Random(7)
    make_company("NT047", time_zone="Asia/Kathmandu")
    make_company("NT048")
    keys = {company: make_token(company_id=company) for company in ZONES}
    found = []
    for number in range(60):
        company = pick.choice(list(ZONES))
        labels = pick.choice(LABELS)
        extraction = make_extraction(
            company_id=company, deleted_at=NOON if number % 9 == 0 else None
        )
        Label.objects.bulk_create(rows_of(extraction, labels))
        for attempt_number in range(pick.randint(0, 3)):
            attempt = Attempt.objects.create(
                extraction=extraction,
                number=attempt_number + 1,
                token=keys[company],
                model="m",
                reserved=9,
            )
            found.append((_charge(pick, keys[company], attempt), labels.get("project")))
        found.append((_charge(pick, keys[company], None), None))
    return found


def _charge(pick: random.Random, key: Any, attempt: Attempt | None) -> TokenUsageLog:
    cost, currency = pick.choice([("0.1", "USD"), ("0", "USD"), ("0.25", "EUR"), (None, None)])
    counts = {name: pick.randint(0, 500) for name in ("input", "output", "thinking")}
    return TokenUsageLog.objects.create(
        attempt_id=attempt.pk if attempt else None,
        token=key,
        company_id=pick.choice([key.company_id, None]),
        branch=pick.choice(["North", "South"]),
        model=pick.choice(["m", "n", None]),
        cost=cost and Decimal(cost),
        currency=currency,
        logged_at=datetime(2026, 10, 30, tzinfo=UTC) + timedelta(minutes=pick.randint(0, 50_000)),
        total_tokens_used=sum(counts.values()),
        **{f"{name}_tokens": count for name, count in counts.items()},
    )


def added_up(
    calls: list[tuple[TokenUsageLog, str | None]], groups: Sequence[Grouping]
) -> dict[tuple[Any, ...], Counter[str]]:
    """What the rows of November add up to, one by one."""
    found: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for row, project in calls:
        assert row.token
        company = row.token.company_id
        day = row.logged_at.astimezone(ZONES[company]).date()
        if not FIRST <= day <= LAST:
            continue
        values: dict[Grouping, Any] = {
            PROJECT_OF[groups]: project,
            Group.DAY: day,
            Group.COMPANY: company,
            Group.MODEL: row.model,
            Group.BRANCH: row.branch,
        }
        sums = found[tuple(values[group] for group in groups)]
        sums["calls"] += 1
        for name in ("input", "output", "thinking"):
            sums[f"{name}_tokens"] += getattr(row, f"{name}_tokens")
        sums["total_tokens"] += row.total_tokens_used
        if row.cost is None:
            sums["unpriced_calls"] += 1
        else:
            sums[row.currency or ""] += int(row.cost * 10**10)
    return {key: +counter for key, counter in found.items()}


class _Projects(dict[Any, Grouping]):
    def __missing__(self, groups: Sequence[Grouping]) -> Grouping:
        return next(group for group in groups if not isinstance(group, Group))


PROJECT_OF = _Projects()


@pytest.mark.parametrize("with_daily_sums", [False, True])
@pytest.mark.parametrize(
    "groups",
    [
        (PROJECT,),
        (PROJECT, Group.DAY),
        (Group.COMPANY, PROJECT),
        (Group.MODEL, PROJECT, Group.COMPANY),
        (PROJECT, Group.BRANCH),
    ],
    ids=lambda groups: "-".join(getattr(group, "value", "label") for group in groups),
)
def test_sums_by_label_are_what_the_rows_add_up_to(
    calls: list[tuple[TokenUsageLog, str | None]],
    groups: tuple[Grouping, ...],
    with_daily_sums: bool,
) -> None:
    if with_daily_sums:
        usage_days.correct()

    rows = usage_sums(None, FIRST, LAST, groups)

    told = {
        tuple(row.values[group] for group in groups): +Counter(
            {name: getattr(row.sums, name) for name in COUNTS} | dict(row.sums.cost_units)
        )
        for row in rows
    }
    assert told == added_up(calls, groups)
    assert len(told) == len(rows)
    assert [total(rows)] == [row.sums for row in usage_sums(None, FIRST, LAST, [])]


def test_label_that_nobody_has_leaves_all_calls(
    calls: list[tuple[TokenUsageLog, str | None]],
) -> None:
    [row] = usage_sums(None, FIRST, LAST, [grouping("label:colour")])

    assert list(row.values.values()) == [None]
    assert row.sums == usage_sums(None, FIRST, LAST, [])[0].sums


@pytest.mark.parametrize("name", ["label:", "label: ", "colour", "", "Label:project"])
def test_what_is_no_group_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid Group"):
        grouping(name)


def test_report_tells_a_month_by_label_and_leads_to_the_calls(
    admin_client: Client, calls: list[tuple[TokenUsageLog, str | None]]
) -> None:
    asked = {"month": "2026-11", "by": "company_id", "then_by": "label:project"}
    page = admin_client.get(PAGE, asked).content.decode()
    heading, *rows, foot = csv_of(admin_client, **asked)
    addresses = [part.split('"')[0] for part in table_of(page).split('<a href="')[1:]]
    listed = [admin_client.get(address).context["cl"].result_count for address in addresses]
    api = admin_client.get(
        "/api/v1/usage/",
        {"since": "2026-11-01", "until": "2026-11-30", "group_by": "company_id,label:project"},
    ).json()

    assert heading[:3] == ["Company", "Label project", "Requests"]
    assert {row[1] for row in rows} == {"Alpha", "Beta", "a, b=“c”", "no such label"}
    assert listed == [int(row[2]) for row in rows]
    for column in range(2, 9):
        assert sum(int(row[column]) for row in rows) == int(foot[column])
    assert api["group_by"] == ["company_id", "label:project"]
    assert [
        [row["company_id"], row["label"] or "no such label", row["calls"], row["total_tokens"]]
        for row in api["results"]
    ] == [[row[0], row[1], int(row[2]), int(row[7])] for row in rows]


def test_list_of_calls_takes_a_label_of_any_value(
    admin_client: Client, calls: list[tuple[TokenUsageLog, str | None]]
) -> None:
    projects = Counter(project for _, project in calls)
    expected = {
        "project=Alpha": projects["Alpha"],
        "project": projects.total() - projects[None],
        "project=": projects[None],
        "project=alpha, beta": 0,
        "colour": 0,
    }

    for label, count in expected.items():
        page = admin_client.get("/admin/tokens/tokenusagelog/", {"label": label})
        assert page.context["cl"].result_count == count, label


def test_two_labels_at_once_are_refused(
    admin_client: Client, integrator: Integrator, calls: list[tuple[TokenUsageLog, str | None]]
) -> None:
    page = admin_client.get(PAGE, {"by": "label:project", "then_by": "label:team"})
    same = admin_client.get(PAGE, {"by": "label:team", "then_by": "label:team"})

    assert "Choose one label at most." in page.content.decode()
    assert "Label team" in table_of(same.content.decode())
    for groups in ("label:project,label:team", "label:", "label:project,label:project"):
        response = integrator.http.get("/api/v1/usage/", {"group_by": groups})
        assert (response.status_code, response.json()["code"]) == (400, "invalid_request")


def test_clients_and_bound_staff_see_labels_of_their_companies_alone(
    integrator: Integrator, calls: list[tuple[TokenUsageLog, str | None]]
) -> None:
    secret = make_extraction(company_id="NT048")
    Label.objects.bulk_create(rows_of(secret, {"secret": "x", "project": "Hidden"}))
    client = staff("view_tokenusagelog")
    StaffCompany.objects.create(user=User.objects.get(username="gita"), company_id="NT047")

    page = client.get(PAGE, {"by": "label:project"}).content.decode()
    refused = client.get(PAGE, {"by": "label:secret"}).content.decode()
    rows = integrator.http.get(
        "/api/v1/usage/",
        {"since": "2026-11-01", "until": "2026-11-30", "group_by": "label:project"},
    ).json()["results"]

    assert "label:project" in page
    assert "label:secret" not in page
    assert "Select a valid choice" in refused
    assert known_keys() == ["project", "secret", "team"]
    own = [call for call in calls if call[0].token and call[0].token.company_id == "NT047"]
    right = added_up(own, (PROJECT,))
    assert {row["label"]: row["calls"] for row in rows} == {
        project: sums["calls"] for (project,), sums in right.items()
    }
