"""A table as CSV: UTF-8, lines that end in CR LF, fields quoted where needed (RFC 4180)."""

import codecs
import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from extraction.exports.layout import Layout, rows_of
from extraction.exports.values import Exported, Value, getter
from ocrsite.lib.csv_text import Echo, inert
from ocrsite.lib.downloads import in_chunks

_BETWEEN_PARTS = " | "


def csv_file(exported: Iterable[Exported], layout: Layout) -> Iterator[bytes]:
    """Yield the file: the headings, then the rows.

    Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers keep
    their sign.
    """
    getters = [getter(column.path) for column in layout.columns]
    rows = (
        [get(row) for get in getters] for each in exported for row in rows_of(each, layout.rows_per)
    )
    return csv_table([column.heading for column in layout.columns], rows, layout)


def csv_table(
    headings: Sequence[str], rows: Iterable[Sequence[Value]], layout: Layout
) -> Iterator[bytes]:
    """Yield a file of any rows, written as the layout says; its columns are not looked at."""
    return in_chunks(_encoded(headings, rows, layout))


def _encoded(
    headings: Sequence[str], rows: Iterable[Sequence[Value]], layout: Layout
) -> Iterator[bytes]:
    if layout.byte_order_mark:
        yield codecs.BOM_UTF8
    for line in _lines(headings, rows, layout):
        yield line.encode("utf-8", "replace")


def _lines(
    headings: Sequence[str], rows: Iterable[Sequence[Value]], layout: Layout
) -> Iterator[str]:
    writer = csv.writer(Echo(), delimiter=layout.separator)
    yield writer.writerow([inert(heading) for heading in headings])
    for row in rows:
        yield writer.writerow([_cell(value, layout) for value in row])


def _cell(value: Value, layout: Layout) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, Decimal):
        return format(value, "f").replace(".", layout.decimal_sign)
    if isinstance(value, datetime):
        return value.strftime(f"{layout.date_format} %H:%M")
    if isinstance(value, date):
        return value.strftime(layout.date_format)
    if isinstance(value, tuple):
        return inert(_BETWEEN_PARTS.join(_cell(part, layout) for part in value))
    return str(value).lower()  # true, false, or a whole number
