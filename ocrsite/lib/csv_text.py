"""Tables as CSV text: written so that no cell is a formula, and read back as they were written."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.utils.translation import gettext as _

# A spreadsheet takes text that begins so for a formula, the wide forms in East Asian editions too
# (OWASP, "CSV Injection").
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_DISARM = "'"
MOST_ROWS = 500
LARGEST = 256 * 1024  # bytes; web server and Django keep so much in memory, never in a file
_SEPARATORS = ",;\t"


class UnreadableTable(Exception):
    """A file that is no table of the columns expected; its text says why."""


class Echo:
    """A file whose ``write`` returns the text."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def lines(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[bytes]:
    """Yield a file in UTF-8 with a byte order mark: headings, then rows (RFC 4180)."""
    writer = csv.writer(Echo())
    yield codecs.BOM_UTF8 + writer.writerow(columns).encode()
    for row in rows:
        cells = [inert(row.get(column, "")) for column in columns]
        yield writer.writerow(cells).encode("utf-8", "replace")


def read(content: bytes, *, known: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a file by their headings, cells without blanks around.

    The separator is a comma, a semicolon or a tab. Raises UnreadableTable for what is no such
    file, for a heading that is not ``known`` or given twice, and above MOST_ROWS.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTable(_("The file is not in UTF-8. Save it as CSV UTF-8.")) from error
    if "\0" in text:
        raise UnreadableTable(_("The file is no text."))
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise UnreadableTable(_("The file is no CSV: {error}.").format(error=error)) from error
    if not any(table):
        raise UnreadableTable(_("The file is empty."))
    headings = [heading.strip().lower() for heading in table[0]]
    _check_headings(headings, known)
    rows = [row for row in table[1:] if any(cell.strip() for cell in row)]
    if len(rows) > MOST_ROWS:
        told = _("The file has {count} rows; at most {limit} are taken.")
        raise UnreadableTable(told.format(count=len(rows), limit=MOST_ROWS))
    return [_by_heading(headings, row, number) for number, row in enumerate(rows, start=2)]


def _check_headings(headings: list[str], known: Sequence[str]) -> None:
    unknown = [heading for heading in headings if heading not in known]
    if unknown:
        told = _("There is no column “{name}”. The columns are {known}.")
        raise UnreadableTable(told.format(name=unknown[0][:50], known=", ".join(known)))
    if len(set(headings)) < len(headings):
        raise UnreadableTable(_("A column is given twice."))


def _by_heading(headings: list[str], row: list[str], number: int) -> dict[str, str]:
    if len(row) > len(headings):
        told = _("Row {number} has more cells than there are headings.")
        raise UnreadableTable(told.format(number=number))
    cells = [*row, *[""] * (len(headings) - len(row))]
    return {heading: _armed(cell.strip()) for heading, cell in zip(headings, cells, strict=True)}


def inert(text: str) -> str:
    """Return text with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"{_DISARM}{text}" if text.startswith(_FORMULA) else text


def _armed(text: str) -> str:
    """Undo what ``inert`` did, so that a file that is read back changes nothing."""
    return text[1:] if text.startswith(_DISARM) and text[1:].startswith(_FORMULA) else text
