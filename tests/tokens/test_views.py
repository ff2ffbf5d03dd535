from datetime import UTC, datetime

import pytest

from tests.tokens.rows import insert_by_sql, make_token
from tokens.models import (
    TokenMaster,
    TokenStatusRow,
    TokenUsageLog,
    TokenUsageSummary,
    UsageSummaryRow,
)

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]


def test_a_key_inserted_by_sql_and_never_used_is_healthy() -> None:
    insert_by_sql()

    row = TokenStatusRow.objects.get()
    assert (row.company_id, row.company_name) == ("NT047", "RUBI TRADERS")
    assert (row.provider, row.status) == ("Gemini", "Active")
    assert (row.total_used_tokens, row.total_remaining_tokens, row.threshold) == (0, 100_000, 3_000)
    assert (row.health_status, row.last_updated) == ("OK", None)
    assert row.created_at == TokenMaster.objects.get().created_at


@pytest.mark.parametrize(
    ("used", "status", "health"),
    [
        (97_000, "Active", "OK"),
        (97_001, "Active", "WARNING"),
        (99_999, "Active", "WARNING"),
        (100_000, "Active", "EXCEEDED"),
        (100_001, "Active", "EXCEEDED"),
        (0, "Exceeded", "EXCEEDED"),
        (0, "Disabled", "OK"),
    ],
)
def test_health_of_a_key(used: int, status: str, health: str) -> None:
    token = make_token(status=status)
    # The stored remainder is not what counts: limit − used is.
    TokenUsageSummary.objects.filter(token=token).update(
        total_used_tokens=used, total_remaining_tokens=50_000
    )

    row = TokenStatusRow.objects.get()
    assert (row.health_status, row.total_remaining_tokens) == (health, 100_000 - used)


def test_usage_summary_adds_up_each_company() -> None:
    first, second = make_token(), make_token()
    other = make_token(company_id="NT048", company_name=None)
    for token, branch, user, tokens, day in [
        (first, "North", "ann", 100, 3),
        (first, "South", "ann", 200, 5),
        (second, "North", "bob", 601, 4),
        (other, "Default", "System", 7, 4),
    ]:
        TokenUsageLog.objects.create(
            token=token,
            branch=branch,
            requested_by=user,
            total_tokens_used=tokens,
            request_count=2,
            logged_at=datetime(2026, 11, day, 23, 59, tzinfo=UTC),
        )

    row, other_row = UsageSummaryRow.objects.all()
    assert (row.company_id, row.company_name) == ("NT047", "RUBI TRADERS")
    assert (row.total_branches, row.total_users, row.total_requests) == (2, 2, 6)
    assert (row.total_tokens_used, row.average_tokens) == (901, 901 / 6)
    assert (row.last_used, row.days_active) == (datetime(2026, 11, 5, 23, 59, tzinfo=UTC), 3)
    assert (other_row.company_id, other_row.total_tokens_used) == ("NT048", 7)
    assert other_row.days_active == 1


def test_usage_summary_shows_a_company_that_used_nothing() -> None:
    make_token()

    row = UsageSummaryRow.objects.get()
    assert (row.total_branches, row.total_users, row.total_requests) == (0, 0, 0)
    assert (row.total_tokens_used, row.average_tokens) == (0, None)
    assert (row.last_used, row.days_active) == (None, 0)


def test_usage_summary_counts_charges_without_a_key() -> None:
    TokenUsageLog.objects.create(company_id="NT049", total_tokens_used=5)
    TokenUsageLog.objects.create(total_tokens_used=6)

    usage = UsageSummaryRow.objects.values_list("company_id", "total_tokens_used")
    assert list(usage) == [("", 6), ("NT049", 5)]
