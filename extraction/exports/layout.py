"""A table as it is to be written: what a writer has to know of a profile."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from extraction.exports import values
from extraction.exports.values import Exported, Row
from extraction.models import DateFormat, DecimalSign, ExportProfile, RowsPer, Separator

_KEY = ["extraction.id", "extraction.file_name"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the path of its values and what stands above them."""

    path: str
    heading: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a table, one row per invoice or per line, and how values are written."""

    columns: Sequence[Column]
    rows_per: RowsPer = RowsPer.INVOICE
    separator: str = Separator.COMMA
    decimal_sign: str = DecimalSign.POINT
    date_format: str = DateFormat.ISO
    byte_order_mark: bool = True


def layout_of(profile: ExportProfile) -> Layout:
    """Return what a profile says; its columns are read from the database."""
    return Layout(
        columns=[Column(column.path, column.heading) for column in profile.columns.all()],
        rows_per=RowsPer(profile.rows_per),
        separator=profile.separator,
        decimal_sign=profile.decimal_sign,
        date_format=profile.date_format,
        byte_order_mark=profile.byte_order_mark,
    )


def layout_named(format_: str, profile: str) -> Layout | None:
    """Return what the profile of a format with this id or name says; None where there is none."""
    of_format = ExportProfile.objects.filter(format=format_)
    try:
        found = of_format.filter(pk=uuid.UUID(profile)).first()
    except ValueError:
        found = of_format.filter(name=profile).first()
    return layout_of(found) if found else None


def whole_invoices() -> Layout:
    """Return the table that is written without a profile: every field that an invoice has once."""
    about = ["company_id", "branch", "created_at", "time_zone", "needs_review"]
    extraction = [*_KEY, *(f"extraction.{name}" for name in about)]
    return Layout(_named([*extraction, *values.invoice_paths()]))


def whole_lines() -> Layout:
    """Return the table of every field that a line has, with what tells its invoice."""
    key = [*_KEY, "invoice_number", "supplier.name", "currency"]
    return Layout(_named([*key, *values.line_paths()]), rows_per=RowsPer.LINE)


def rows_of(exported: Exported, rows_per: RowsPer) -> Iterator[Row]:
    """Yield the rows of one invoice.

    Where they are per line, one without lines has a row all the same: it must not be overlooked.
    """
    extraction, invoice = exported.extraction, exported.invoice
    if rows_per == RowsPer.INVOICE or not invoice.line_items:
        yield Row(extraction, invoice, labels=exported.labels, zone=exported.zone)
        return
    for number, line in enumerate(invoice.line_items, start=1):
        yield Row(extraction, invoice, line, number, exported.labels, exported.zone)


def _named(paths: Sequence[str]) -> list[Column]:
    return [Column(path, path) for path in paths]
