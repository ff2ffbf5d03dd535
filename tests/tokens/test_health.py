"""How much of its limit a key has left, as lists and pages say it."""

import pytest
from django.test import Client

from tests.tokens.rows import insert_by_sql, make_token
from tokens import health
from tokens.health import Health
from tokens.models import TokenMaster, TokenStatusRow, TokenUsageSummary

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

LIST = "/admin/tokens/tokenmaster/"

# Of a limit of 100,000, with an alert threshold of 3,000 unless another is given.
CASES = [
    (0, 3_000, "Active", Health.ENOUGH, "100 %", "Active"),
    (79_999, 3_000, "Active", Health.ENOUGH, "20 %", "Active"),
    (80_000, 3_000, "Active", Health.LOW, "20 %", "Low"),
    (80_001, 3_000, "Active", Health.LOW, "19 %", "Low"),
    (94_999, 3_000, "Active", Health.LOW, "5 %", "Low"),
    (95_000, 3_000, "Active", Health.NEARLY_USED_UP, "5 %", "Nearly used up"),
    (99_500, 100, "Active", Health.NEARLY_USED_UP, "0.5 %", "Nearly used up"),
    (99_999, 0, "Active", Health.NEARLY_USED_UP, "less than 0.1 %", "Nearly used up"),
    (50_000, 50_000, "Active", Health.ENOUGH, "50 %", "Active"),
    (50_001, 50_000, "Active", Health.NEARLY_USED_UP, "49 %", "Nearly used up"),
    (100_000, 0, "Active", Health.USED_UP, "0 %", "Used up"),
    (123_456, 0, "Active", Health.USED_UP, "0 %", "Used up"),
    (10, 0, "Exceeded", Health.USED_UP, "99 %", "Exceeded"),
    (99_500, 0, "Disabled", Health.NEARLY_USED_UP, "0.5 %", "Disabled"),
]


def key(used: int, threshold: int, status: str) -> TokenMaster:
    token = make_token(status=status)
    TokenUsageSummary.objects.filter(token=token).update(
        total_used_tokens=used, threshold=threshold
    )
    return TokenMaster.objects.select_related("summary").get(pk=token.pk)


@pytest.mark.parametrize(("used", "threshold", "status", "left", "percent", "pill"), CASES)
def test_the_list_shows_what_is_left(
    admin_client: Client,
    used: int,
    threshold: int,
    status: str,
    left: Health,
    percent: str,
    pill: str,
) -> None:
    token = key(used, threshold, status)

    page = admin_client.get(LIST).content.decode()

    assert health.health_of(token) == left
    assert f'aria-label="{percent} left"></meter><span>{percent}</span>' in page
    assert f">{pill}</span>" in page
    assert ("pill-active" in page) == (pill == "Active")


def test_the_filter_finds_what_the_list_shows(admin_client: Client) -> None:
    for used, threshold, status, *_ in CASES:
        key(used, threshold, status)
    insert_by_sql()
    rows = {row.pk: health.health_of(row) for row in TokenMaster.objects.all()}
    assert set(rows.values()) == set(Health)

    for left in Health:
        response = admin_client.get(LIST, {"left": left.value})
        found = {row.pk for row in response.context["cl"].result_list}
        assert found == {pk for pk, each in rows.items() if each == left}
    unknown = admin_client.get(LIST, {"left": "lots"})
    assert len(unknown.context["cl"].result_list) == len(rows)


def test_no_key_is_called_better_than_by_the_view_of_the_contract() -> None:
    for used, threshold, status, *_ in CASES:
        key(used, threshold, status)

    bad = {"EXCEEDED": {Health.USED_UP}, "WARNING": {Health.NEARLY_USED_UP}}
    for row in TokenStatusRow.objects.exclude(health_status="OK"):
        token = TokenMaster.objects.get(pk=row.token_id)
        assert health.health_of(token) in bad[row.health_status]


def test_the_list_is_sorted_by_the_share_that_is_left(admin_client: Client) -> None:
    half, most, none = key(50_000, 0, "Active"), key(1, 0, "Active"), key(200_000, 0, "Active")
    TokenMaster.objects.filter(pk=half.pk).update(total_token_limit=100_001)
    new = insert_by_sql()

    column = 2  # counted from 0: what is left
    for prefix, expected in (("", [none, half, most, new]), ("-", [new, most, half, none])):
        response = admin_client.get(LIST, {"o": f"{prefix}{column}"})
        assert list(response.context["cl"].result_list) == expected


def test_a_limit_of_nothing_set_by_sql_is_used_up_and_sorted(admin_client: Client) -> None:
    token = make_token()
    TokenMaster.objects.filter(pk=token.pk).update(total_token_limit=0)

    page = admin_client.get(LIST, {"o": "2"}).content.decode()

    assert "0 of 0" in page
    assert "<span>0 %</span>" in page
