"""A table as CSV: UTF-8, lines that end in CR LF, fields quoted where needed (RFC 4180)."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

from extraction.exports.chunks import in_chunks
from extraction.exports.layout import Layout, rows_of
from extraction.exports.values import Exported, Value, getter

# A spreadsheet takes text that begins so for a formula, the wide forms in East Asian editions too
# (OWASP, "CSV Injection").
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_BETWEEN_PARTS = " | "


class _Echo:
    """A file whose ``write`` returns the text."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def csv_file(exported: Iterable[Exported], layout: Layout) -> Iterator[bytes]:
    """Yield the file: the headings, then the rows.

    Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers keep
    their sign.
    """
    return in_chunks(_encoded(exported, layout))


def _encoded(exported: Iterable[Exported], layout: Layout) -> Iterator[bytes]:
    if layout.byte_order_mark:
        yield codecs.BOM_UTF8
    for line in _lines(exported, layout):
        yield line.encode("utf-8", "replace")


def _lines(exported: Iterable[Exported], layout: Layout) -> Iterator[str]:
    writer = csv.writer(_Echo(), delimiter=layout.separator)
    getters = [getter(column.path) for column in layout.columns]
    yield writer.writerow([_inert(column.heading) for column in layout.columns])
    for each in exported:
        for row in rows_of(each, layout.rows_per):
            yield writer.writerow([_cell(get(row), layout) for get in getters])


def _cell(value: Value, layout: Layout) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _inert(value)
    if isinstance(value, Decimal):
        return format(value, "f").replace(".", layout.decimal_sign)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime(f"{layout.date_format} %H:%M")
    if isinstance(value, date):
        return value.strftime(layout.date_format)
    if isinstance(value, tuple):
        return _inert(_BETWEEN_PARTS.join(_cell(part, layout) for part in value))
    return str(value).lower()  # true, false, or a whole number


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
