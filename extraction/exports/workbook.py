"""Tables as an Excel workbook: one sheet of invoices and one of lines, real numbers and dates.

The file is sent while it is written: openpyxl's write-only mode keeps one row in memory, and its
strings in the sheets, which go into a ZIP file row by row. That takes one sheet after the other, so
that the lines wait in a temporary folder of ours.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

from extraction.documents.temp_dirs import temp_dir
from extraction.exports.layout import Column, Layout, rows_of, whole_invoices, whole_lines
from extraction.exports.texts import xml_text
from extraction.exports.values import Exported, Value, getter, is_of_line
from extraction.exports.zip_stream import ZipStream, chunks_of
from extraction.models import DateFormat, RowsPer
from ocrsite.lib.downloads import in_chunks

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# The most rows of a sheet (Excel's specifications and limits), the headings included.
MAX_ROWS = 1_048_576
# Of XML in a sheet. Above 2 GiB an entry of a ZIP file needs Zip64, which one that is sent while it
# is written has to announce before its size is known; Excel opens no such file, however small.
MAX_BYTES = 2_000_000_000
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

# Opens what the sheet of this path within the workbook is written to.
_Open: TypeAlias = Callable[[str], IO[bytes]]


def workbook(exported: Iterable[Exported], layout: Layout | None) -> Iterator[bytes]:
    """Yield the file while the invoices are read. The lines wait below DATA_DIR/tmp until then.

    The columns of lines make up the second sheet; without a layout, and where it has none, that
    shows every field of a line. Rows that a sheet has no room for go on in another. Raises OSError.
    """
    return in_chunks(_workbook(exported, layout))


def workbook_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[Value]]
) -> Iterator[bytes]:
    """Yield a file with one sheet of any rows, while they are read."""
    return in_chunks(_workbook_table(title, headings, rows))


def _workbook(exported: Iterable[Exported], layout: Layout | None) -> Iterator[bytes]:
    archive = ZipStream()
    with temp_dir() as folder, _book() as book:
        waiting = _Waiting(folder)
        invoices = _Table(
            book, "Invoices", _of_invoices(layout or whole_invoices()), _into(archive)
        )
        lines = _Table(book, "Lines", _of_lines(layout), waiting.open)
        for each in exported:
            invoices.add(each)
            lines.add(each)
            yield archive.take()
        invoices.end()
        lines.end()
        yield from waiting.added_to(archive)
        yield _ended(archive, book)


def _workbook_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[Value]]
) -> Iterator[bytes]:
    archive = ZipStream()
    with _book() as book:
        sheet = _Sheet(book, title, headings, DateFormat.ISO, _into(archive))
        for row in rows:
            sheet.append(row)
            yield archive.take()
        sheet.end()
        yield _ended(archive, book)


@contextlib.contextmanager
def _book() -> Iterator[Workbook]:
    """Make a workbook. What writes its sheets is closed even where an export breaks off."""
    book = Workbook(write_only=True)
    try:
        yield book
    finally:
        sheets: list[Any] = book.worksheets
        for sheet in sheets:
            if not sheet.closed:
                _abandon(sheet)


def _abandon(sheet: Any) -> None:
    """End what writes a sheet, which otherwise is told on stderr when it is collected."""
    for end in (sheet.close, sheet._writer.close, sheet._writer.out.close):
        with contextlib.suppress(Exception):  # whatever it was that ended the export
            end()


def _into(archive: ZipStream) -> _Open:
    return lambda path: archive.open(path, "w")


def _ended(archive: ZipStream, book: Workbook) -> bytes:
    """Add what is no sheet (now every style is known), and return what was written since."""
    _Parts(book, archive).write_data()
    return archive.end()


class _Parts(ExcelWriter):
    """Writes the parts of a workbook whose sheets stand in the archive already."""

    def _write_worksheets(self) -> None:
        for sheet in self.workbook.worksheets:
            self.manifest.append(sheet)


class _Waiting:
    """Sheets in files of a folder, until they are put into the archive."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, Path] = {}

    def open(self, path: str) -> IO[bytes]:
        """Open the file of a sheet."""
        self._files[path] = self._folder / Path(path).name
        return self._files[path].open("wb")

    def added_to(self, archive: ZipStream) -> Iterator[bytes]:
        """Put the sheets, which are whole now, into the archive, and yield what it has written."""
        for path, waiting in self._files.items():
            with waiting.open("rb") as file:
                yield from archive.add(path, chunks_of(file))


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

    def __init__(self, book: Workbook, title: str, layout: Layout, open_: _Open) -> None:
        headings = [column.heading for column in layout.columns]
        self._sheet = _Sheet(book, title, headings, DateFormat(layout.date_format), open_)
        self._rows_per = layout.rows_per
        self._getters = [getter(column.path) for column in layout.columns]

    def add(self, exported: Exported) -> None:
        """Append the rows of an invoice."""
        for row in rows_of(exported, self._rows_per):
            self._sheet.append([get(row) for get in self._getters])

    def end(self) -> None:
        """End the table."""
        self._sheet.end()


class _Sheet:
    """One table. A sheet that is full is followed by another of its name."""

    def __init__(
        self,
        book: Workbook,
        title: str,
        headings: Sequence[str],
        date_format: DateFormat,
        open_: _Open,
    ) -> None:
        self._book = book
        self._title = title
        self._headings = headings
        self._open = open_
        self._date_format = _DATE_FORMATS[date_format]
        self._sheets = 0
        self._begin()

    def append(self, row: Sequence[Value]) -> None:
        """Append a row."""
        if self._rows == MAX_ROWS or self._xml.size >= MAX_BYTES:
            self.end()
            self._begin()
        self._append([self._cell(value) for value in row])

    def end(self) -> None:
        """End the sheet, and close what it is written to."""
        self._sheet.close()
        self._xml.close()

    def _begin(self) -> None:
        self._sheets += 1
        title = self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        number = len(self._book.worksheets) + 1
        self._xml = _Xml(self._open(f"xl/worksheets/sheet{number}.xml"))
        self._sheet: Any = self._book.create_sheet(title)  # its types lack much
        self._sheet._id = number
        # openpyxl's own would write to a file in the machine's folder for temporary ones.
        self._sheet._writer = WorksheetWriter(self._sheet, out=self._xml)
        self._sheet.freeze_panes = "A2"
        for number in range(1, len(self._headings) + 1):
            letter = WriteOnlyCell(self._sheet, value=None)
            letter.column = number
            self._sheet.column_dimensions[letter.column_letter].width = _COLUMN_WIDTH
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


class _Xml:
    """What the XML of a sheet is written to, and how many bytes it has.

    Of a file by its name lxml would tell that the disk is full by an error that is no OSError.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0

    def write(self, data: "ReadableBuffer", /) -> None:
        """Write on."""
        self.size += memoryview(data).nbytes
        self._file.write(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _told(value: Value) -> str:
    if value is None:
        return ""
    return format(value, "f") if isinstance(value, Decimal) else str(value)
