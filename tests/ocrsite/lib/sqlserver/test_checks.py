from typing import Any
from unittest import mock

import pytest
from django.core.checks import Tags, registry, run_checks
from django.db import connections

from ocrsite.lib.sqlserver import checks


def messages(row: tuple[str, bool] | None, vendor: str = "microsoft") -> list[Any]:
    """What is said where the server answers with this row."""
    connection = mock.MagicMock(vendor=vendor)
    connection.cursor.return_value.__enter__.return_value.fetchone.return_value = row
    with mock.patch.object(checks, "connections", {"default": connection}):
        return checks.check_read_committed_snapshot(databases=["default"])


def test_statement_that_is_missing_is_named() -> None:
    (warning,) = messages(("[ocr site]", False))

    assert warning.id == "ocrsite.W001"
    assert warning.hint == (
        "ALTER DATABASE [ocr site] SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE"
    )


@pytest.mark.parametrize("row", [("[ocr]", True), None])
def test_nothing_is_said_where_it_is_on_or_unknown(row: tuple[str, bool] | None) -> None:
    assert messages(row) == []


def test_other_databases_are_not_asked() -> None:
    assert messages(("ocr", False), vendor="postgresql") == []


@pytest.mark.django_db
def test_it_is_a_check_of_the_database() -> None:
    registered: set[object] = set(registry.registry.get_checks())
    assert checks.check_read_committed_snapshot in registered
    assert run_checks(tags=[Tags.database], databases=list(connections)) == []
    assert checks.check_read_committed_snapshot() == []
