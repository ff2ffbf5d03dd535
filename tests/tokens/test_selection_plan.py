"""Choosing a key reads the company's active keys and no others."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tokens.rows import make_token
from tokens.selection import require_usable

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's"),
]


def test_selection_finds_the_keys_of_a_company_by_its_index() -> None:
    make_token()
    with CaptureQueriesContext(connection) as queries:
        require_usable("NT047")

    select = queries[0]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {select}")
        plan = [detail for *_, detail in cursor.fetchall()]

    [tokens] = [step for step in plan if "TokenMaster" in step and "Summary" not in step]
    assert tokens.endswith("USING INDEX IX_TokenMaster_Company (CompanyID=? AND Status=?)")
