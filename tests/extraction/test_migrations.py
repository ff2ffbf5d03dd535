"""Rows of an earlier version after a migration of data."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps

from extraction.models import Extraction

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]

BEFORE = [("extraction", "0005_file_retention")]
DUE = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)


def migrate(targets: list[tuple[str, str]]) -> StateApps:
    """Migrate there and return the models of that time."""
    return MigrationExecutor(connection).migrate(targets).apps


@pytest.fixture
def before() -> Iterator[StateApps]:
    """The models before the migration, in a database that is brought up to date again."""
    executor = MigrationExecutor(connection)
    newest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "extraction"]
    yield migrate(BEFORE)
    migrate(newest)


def test_time_to_ask_again_is_copied_for_rows_that_failed_with_503(before: StateApps) -> None:
    def make(**fields: Any) -> Any:
        row = before.get_model("extraction", "Extraction")(
            company_id="NT047", size=1, page_count=1, due_at=DUE, **fields
        )
        row.save()
        return row.pk

    unavailable = make(state="failed", http_status=503)
    others = [make(state="failed", http_status=502), make(state="waiting")]

    migrate([("extraction", "0006_retry_after_at")])

    told = dict(Extraction.objects.values_list("pk", "retry_after_at"))
    assert told == {unavailable: DUE, **dict.fromkeys(others)}
