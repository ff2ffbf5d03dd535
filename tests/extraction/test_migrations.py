"""Rows of an earlier version after a migration of data."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps

from extraction.invoices.listed import listed_fields
from extraction.models import Extraction
from tests.extraction.sample_invoices import make_invoice
from tests.old_database import migrate, old_database

introspection = connection.introspection
filling = import_module("extraction.migrations.0013_fill_listed_columns")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.vendor,
    pytest.mark.no_cover,  # migrations are not measured
]

DUE = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StateApps]:
    """The models before a migration."""
    with old_database(tmp_path, ("extraction", request.param)) as apps:
        yield apps


def columns() -> dict[str, set[str]]:
    """The columns of every table that is there now, by its name."""
    with connection.cursor() as cursor:
        return {
            name: {row.name for row in introspection.get_table_description(cursor, name)}
            for name in introspection.table_names(cursor)
        }


def test_migrations_are_undone_and_done_again() -> None:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    now = columns()

    migrate(("extraction", "0005_file_retention"), ("tokens", "0010_installation"))
    earlier = columns()
    migrate(*newest)

    assert earlier.keys() < now.keys()
    assert columns() == now


@pytest.mark.parametrize("before", ["0005_file_retention"], indirect=True)
def test_time_to_ask_again_is_copied_for_rows_that_failed_with_503(before: StateApps) -> None:
    def make(**fields: Any) -> Any:
        row = before.get_model("extraction", "Extraction")(
            company_id="NT047", size=1, page_count=1, due_at=DUE, **fields
        )
        row.save()
        return row.pk

    unavailable = make(state="failed", http_status=503)
    others = [make(state="failed", http_status=502), make(state="waiting")]

    migrate(("extraction", "0006_retry_after_at"))

    told = dict(Extraction.with_deleted.values_list("pk", "retry_after_at"))
    assert told == {unavailable: DUE, **dict.fromkeys(others)}


def stored(apps: StateApps, result: object, **fields: Any) -> uuid.UUID:
    """A row of before the columns of the list."""
    row = apps.get_model("extraction", "Extraction")(
        company_id="NT047",
        size=1,
        page_count=1,
        **{"state": "succeeded", "result": result, **fields},
    )
    row.save()
    pk: uuid.UUID = row.pk
    return pk


def columns_of(pk: uuid.UUID) -> dict[str, object]:
    names = listed_fields(make_invoice())
    return dict(Extraction.with_deleted.values(*names).get(pk=pk))


def of_version_1(**fields: Any) -> dict[str, Any]:
    """A stored invoice without anything that version 2 brought."""
    new = {
        *("reasons", "evidence", "further_invoices", "iban", "payment_terms"),
        *("payment_discounts", "withholding_total"),
    }
    result = make_invoice(**fields).model_dump(mode="json")
    return {name: value for name, value in result.items() if name not in new} | {
        "schema_version": "1"
    }


@pytest.mark.parametrize("before", ["0012_listed_columns"], indirect=True)
def test_columns_of_the_list_are_filled_from_stored_invoices(
    before: StateApps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "BATCH", 2)
    first = uuid.uuid4()
    fields = {"due_date": date(2026, 12, 3), "duplicate_of": str(first)}
    ordinary = stored(before, make_invoice(**fields).model_dump(mode="json"))
    old = [stored(before, of_version_1(total_amount=Decimal(number))) for number in range(5)]
    failed = stored(before, None, state="failed")

    migrate(("extraction", "0013_fill_listed_columns"))

    assert columns_of(ordinary) == listed_fields(make_invoice(**fields))
    for number, pk in enumerate(old):
        assert columns_of(pk) == listed_fields(make_invoice(total_amount=Decimal(number)))
    assert set(columns_of(failed).values()) == {None}


@pytest.mark.parametrize("before", ["0012_listed_columns"], indirect=True)
def test_odd_stored_results_fill_what_they_can(before: StateApps) -> None:
    odd = of_version_1() | {
        "supplier": {"name": "😀" * 1000, "tax_id": 7},
        "invoice_number": "n" * 2000,
        "invoice_date": "yesterday",
        "due_date": None,
        "currency": "EUROS",
        "total_amount": "NaN",
        "duplicate_of": "x",
    }
    filled = stored(before, odd)
    lists = stored(before, ["no", "invoice"])
    nothing = stored(before, {"supplier": "x", "total_amount": "1e999"})

    migrate(("extraction", "0013_fill_listed_columns"))

    assert columns_of(filled) == {
        "document_type": "invoice",
        "supplier_name": "😀" * 127,
        "supplier_tax_id": None,
        "invoice_number": "n" * 100,
        "invoice_date": None,
        "due_date": None,
        "currency": "EUR",
        "total_amount": None,
        "duplicate_of": None,
    }
    assert set(columns_of(lists).values()) == {None}
    assert set(columns_of(nothing).values()) == {None}


@pytest.mark.parametrize("before", ["0012_listed_columns"], indirect=True)
def test_interrupted_filling_goes_on_with_the_rows_that_are_left(
    before: StateApps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "BATCH", 2)
    rows = [stored(before, of_version_1()) for _ in range(6)]
    fill_row = filling.columns
    filled: list[object] = []

    def stop_after_three(result: dict[str, Any]) -> Any:
        if len(filled) == 3:
            raise KeyboardInterrupt
        filled.append(result)
        return fill_row(result)

    monkeypatch.setattr(filling, "columns", stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        migrate(("extraction", "0013_fill_listed_columns"))
    done = set(Extraction.with_deleted.filter(document_type="invoice").values_list("pk", flat=True))
    Extraction.with_deleted.filter(pk__in=done).update(invoice_number="kept")
    monkeypatch.setattr(filling, "columns", fill_row)
    migrate(("extraction", "0013_fill_listed_columns"))

    assert len(done) == 2  # a whole batch
    numbers = dict(Extraction.with_deleted.values_list("pk", "invoice_number"))
    assert numbers == {pk: "kept" if pk in done else "4711" for pk in rows}
