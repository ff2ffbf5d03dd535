"""Tables as an Excel workbook: one sheet of invoices and one of lines, real numbers and dates.

openpyxl's write-only mode keeps one row in memory and its strings in the sheets; what it has
written so far lies in a temporary folder of ours.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet._writer import WorksheetWriter

from extraction.documents.temp_dirs import temp_dir
from extraction.exports.layout import Column, Layout, rows_of, whole_invoices, whole_lines
from extraction.exports.texts import xml_text
from extraction.exports.values import Exported, Value, getter, is_of_line
from extraction.models import DateFormat, RowsPer
from ocrsite.lib.downloads import CHUNK_BYTES

# The most rows of a sheet (Excel's specifications and limits), the headings included.
MAX_ROWS = 1_048_576
_COLUMN_WIDTH = 18  # in characters
# Excel counts days from 1900, which it takes for a leap year: only from March on are they right.
_FIRST_DAY = date(1900, 3, 1)
_DATE_FORMATS = {
    DateFormat.ISO: "yyyy-mm-dd",
    DateFormat.GERMAN: "dd.mm.yyyy",
    DateFormat.BRITISH: "dd/mm/yyyy",
    DateFormat.AMERICAN: "mm/dd/yyyy",
}
_BETWEEN_PARTS = " | "


def workbook(exported: Iterable[Exported], layout: Layout | None) -> Iterator[bytes]:
    """Yield the file. Nothing comes before all of it is written, below DATA_DIR/tmp.

    The columns of lines make up the second sheet; without a layout, and where it has none, that
    shows every field of a line. Rows that a sheet has no room for go on in another. Raises OSError.
    """

    def fill(book: Workbook, folder: Path) -> None:
        invoices = _Table(book, "Invoices", _of_invoices(layout or whole_invoices()), folder)
        lines = _Table(book, "Lines", _of_lines(layout), folder)
        for each in exported:
            invoices.add(each)
            lines.add(each)

    return _written(fill)


def workbook_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[Value]]
) -> Iterator[bytes]:
    """Yield a file with one sheet of any rows, as ``workbook`` does. Raises OSError."""

    def fill(book: Workbook, folder: Path) -> None:
        sheet = _Sheet(book, title, headings, DateFormat.ISO, folder)
        for row in rows:
            sheet.append(row)

    return _written(fill)


def _written(fill: Callable[[Workbook, Path], None]) -> Iterator[bytes]:
    with temp_dir() as folder:
        path = folder / "book.xlsx"
        book = Workbook(write_only=True)
        try:
            fill(book, folder)
            book.save(path)
        except BaseException:
            _abandon(book)
            raise
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def _abandon(book: Workbook) -> None:
    """End what writes the sheets, which otherwise is told on stderr when it is collected."""
    sheets: list[Any] = book.worksheets
    for sheet in sheets:
        if not sheet.closed:
            with contextlib.suppress(Exception):  # whatever it was that ended the export
                sheet.close()


def _of_invoices(layout: Layout) -> Layout:
    columns = [column for column in layout.columns if not is_of_line(column.path)]
    return Layout(columns, date_format=layout.date_format)


def _of_lines(layout: Layout | None) -> Layout:
    if layout is None:
        return whole_lines()
    columns: Sequence[Column] = layout.columns
    if layout.rows_per == RowsPer.INVOICE:
        columns = whole_lines().columns
    return Layout(columns, rows_per=RowsPer.LINE, date_format=layout.date_format)


class _Table:
    """The rows of invoices, as a layout says."""

    def __init__(self, book: Workbook, title: str, layout: Layout, folder: Path) -> None:
        headings = [column.heading for column in layout.columns]
        self._sheet = _Sheet(book, title, headings, DateFormat(layout.date_format), folder)
        self._rows_per = layout.rows_per
        self._getters = [getter(column.path) for column in layout.columns]

    def add(self, exported: Exported) -> None:
        """Append the rows of an invoice."""
        for row in rows_of(exported, self._rows_per):
            self._sheet.append([get(row) for get in self._getters])


class _Sheet:
    """One table. A sheet that is full is followed by another of its name."""

    def __init__(
        self,
        book: Workbook,
        title: str,
        headings: Sequence[str],
        date_format: DateFormat,
        folder: Path,
    ) -> None:
        self._book = book
        self._title = title
        self._headings = headings
        self._folder = folder
        self._date_format = _DATE_FORMATS[date_format]
        self._sheets = 0
        self._begin()

    def append(self, row: Sequence[Value]) -> None:
        """Append a row."""
        if self._rows == MAX_ROWS:
            self._begin()
        self._append([self._cell(value) for value in row])

    def _begin(self) -> None:
        self._sheets += 1
        title = self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        self._sheet: Any = self._book.create_sheet(title)  # its types lack much
        self._sheet.freeze_panes = "A2"
        for number in range(1, len(self._headings) + 1):
            letter = WriteOnlyCell(self._sheet, value=None)
            letter.column = number
            self._sheet.column_dimensions[letter.column_letter].width = _COLUMN_WIDTH
        self._sheet._writer = _Writer(self._sheet, self._folder / f"{title}.xml")
        self._sheet._writer.write_top()
        self._rows = 0
        self._append([self._heading(heading) for heading in self._headings])

    def _append(self, cells: list[Any]) -> None:
        self._sheet.append(cells)
        self._rows += 1

    def _heading(self, heading: str) -> Any:
        cell = self._text(heading)
        cell.font = Font(bold=True)
        return cell

    def _cell(self, value: Value) -> Any:
        if value is None or isinstance(value, (bool, int, Decimal)):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, tuple):
            return self._text(_BETWEEN_PARTS.join(_told(part) for part in value))
        return self._moment(value)

    def _moment(self, value: date) -> Any:
        is_moment = isinstance(value, datetime)
        if not is_moment and value < _FIRST_DAY:
            return self._text(value.isoformat())
        if isinstance(value, datetime):
            value = value.replace(tzinfo=None)  # Excel knows no zones
        cell: Any = WriteOnlyCell(self._sheet)
        cell.value = value
        cell.number_format = f"{self._date_format} hh:mm" if is_moment else self._date_format
        return cell

    def _text(self, text: str) -> Any:
        """A string whatever it begins with, and never a formula."""
        cell = WriteOnlyCell(self._sheet, value=xml_text(text))
        cell.data_type = "s"
        return cell


class _Writer(WorksheetWriter):
    """Writes a sheet to a file of ours instead of one in the machine's folder for such files."""

    def __init__(self, sheet: WriteOnlyWorksheet, path: Path) -> None:
        # Not by its name: lxml's own writing tells of a full disk by an error that is no OSError.
        self._file = path.open("wb")
        self._path = path
        super().__init__(sheet, out=self._file)
        self.out = str(path)  # what is put into the workbook

    def close(self) -> None:
        """End the sheet and its file."""
        try:
            super().close()
        finally:
            self._file.close()

    def cleanup(self) -> None:
        """Remove the file; it is not in openpyxl's list of files to remove."""
        self._path.unlink()


def _told(value: Value) -> str:
    if value is None:
        return ""
    return format(value, "f") if isinstance(value, Decimal) else str(value)
