"""Tables as CSV."""

import csv
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from extraction.exports.csv_file import csv_file
from extraction.exports.layout import Column, Layout, whole_invoices
from extraction.exports.values import Exported, invoice_paths, known_paths
from extraction.invoices.schema import Party, TaxLine
from extraction.models import RowsPer
from tests.extraction.exports.made_up import columns, make_exported
from tests.extraction.sample_invoices import LINE


def text(layout: Layout, *exported: Exported) -> str:
    return b"".join(csv_file(exported, layout)).decode()


def cells(layout: Layout, *exported: Exported) -> list[list[str]]:
    """The rows below the headings, as a program reads them."""
    written = text(layout, *exported).removeprefix("\ufeff")
    rows = csv.reader(written.splitlines(keepends=True), delimiter=layout.separator)
    return list(rows)[1:]


def test_headings_stand_above_the_values_in_order() -> None:
    layout = Layout([Column("total_amount", "Betrag"), Column("invoice_number", "Nr")])

    assert text(layout, make_exported()) == "\ufeffBetrag,Nr\r\n119.00,4711\r\n"


def test_nothing_exported_is_headings_alone() -> None:
    assert text(columns("invoice_number")) == "\ufeffinvoice_number\r\n"


@pytest.mark.parametrize(("marked", "beginning"), [(True, b"\xef\xbb\xbf"), (False, b"iban")])
def test_byte_order_mark_is_an_option(marked: bool, beginning: bytes) -> None:
    written = b"".join(csv_file([], columns("iban", byte_order_mark=marked)))

    assert written.startswith(beginning)


def test_german_profile_writes_semicolons_decimal_commas_and_days_first() -> None:
    layout = columns(
        *("total_amount", "invoice_date", "supplier.name"),
        **{"separator": ";", "decimal_sign": ",", "date_format": "%d.%m.%Y"},
    )
    exported = make_exported(
        total_amount=Decimal("-1234.50"), supplier=Party(name="Müller; Söhne „Ost“ €")
    )

    assert text(layout, exported).splitlines()[1] == '-1234,50;03.11.2026;"Müller; Söhne „Ost“ €"'


@pytest.mark.parametrize(
    "beginning", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
)
def test_text_that_begins_a_formula_gets_an_apostrophe(beginning: str) -> None:
    [row] = cells(columns("extraction.file_name"), make_exported(file_name=f"{beginning}cmd|' /C'"))

    assert row == [f"'{beginning}cmd|' /C'"]


def test_formulas_are_inert_in_headings_and_in_joined_values() -> None:
    taxes = [TaxLine(rate=Decimal(rate), tax_amount=Decimal(1)) for rate in ("-7", "19")]
    layout = Layout([Column("tax_breakdown.rate", "=1+1")])

    assert text(layout, make_exported(tax_breakdown=taxes)) == "\ufeff'=1+1\r\n'-7 | 19\r\n"


def test_negative_numbers_stay_numbers() -> None:
    assert cells(columns("total_amount"), make_exported(total_amount=Decimal("-5"))) == [["-5"]]


@pytest.mark.parametrize(
    "value", ['say "no",\nthen <b>é</b>', "a\r\nb", "שלום \u202eabc", "日本語", "1E5", " =1"]
)
def test_text_stays_as_it_is(value: str) -> None:
    assert cells(columns("extraction.file_name"), make_exported(file_name=value)) == [[value]]


def test_one_row_per_line_repeats_the_invoice() -> None:
    layout = columns(
        *("invoice_number", "line_items.position", "line_items.description", "line_items.amount"),
        rows_per=RowsPer.LINE,
    )
    lines = [LINE, LINE.model_copy(update={"description": "Water", "amount": Decimal("1.5")})]

    assert cells(layout, make_exported(line_items=lines)) == [
        ["4711", "1", "Soap", "100.00"],
        ["4711", "2", "Water", "1.5"],
    ]


def test_invoice_without_lines_is_not_lost_among_lines() -> None:
    layout = columns("invoice_number", "line_items.amount", rows_per=RowsPer.LINE)

    assert cells(layout, make_exported(line_items=[])) == [["4711", ""]]


def test_absent_values_and_unknown_paths_are_empty() -> None:
    layout = columns("due_date", "", "field_of_former_times", "payment_discounts.percent")

    assert cells(layout, make_exported()) == [["", "", "", ""]]


@pytest.mark.parametrize(
    ("fields", "amount", "side"),
    [
        ({}, "119.00", "S"),
        ({"document_type": "credit_note"}, "119.00", "H"),
        ({"total_amount": Decimal("-119.00")}, "119.00", "H"),
        ({"document_type": "credit_note", "total_amount": Decimal("-7")}, "7", "H"),
        ({"total_amount": None}, "", ""),
    ],
)
def test_booking_has_an_amount_without_sign_and_a_side(
    fields: dict[str, Any], amount: str, side: str
) -> None:
    layout = columns("booking.amount", "booking.side")

    assert cells(layout, make_exported(**fields)) == [[amount, side]]


def test_document_is_told_by_id_name_company_and_time_of_receipt() -> None:
    exported = make_exported()
    layout = columns(
        *("extraction.id", "extraction.company_id", "extraction.branch", "extraction.created_at"),
        *("extraction.state", "extraction.needs_review"),
    )

    assert cells(layout, exported) == [
        [str(exported.extraction.pk), "NT047", "North", "2026-11-04 09:30", "succeeded", "false"]
    ]


def test_every_known_path_can_be_written() -> None:
    layout = columns(*known_paths(), rows_per=RowsPer.LINE)
    exported = make_exported(due_date=date(2026, 12, 1), duplicate_of="x")

    [row] = cells(layout, exported)

    told = dict(zip(known_paths(), row, strict=True))
    assert told["due_date"] == "2026-12-01"
    assert told["tax_breakdown.rate"] == "19"
    assert told["line_items.unit_price"] == "50.00"
    assert told["supplier.address"] == "Street 1\nTown"
    assert told["duplicate_of"] == "x"


def test_without_a_profile_every_field_of_an_invoice_has_a_column() -> None:
    paths = [column.path for column in whole_invoices().columns]

    assert set(invoice_paths()) <= set(paths)
    assert {"total_amount", "supplier.tax_id", "iban"} <= set(paths)
    assert not any(path.startswith("line_items") for path in paths)


def test_lone_surrogates_do_not_end_the_export() -> None:
    assert cells(columns("extraction.file_name"), make_exported(file_name="a\ud800b")) == [["a?b"]]
