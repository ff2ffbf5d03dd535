"""The text of a document by its layout: what stands beside and below a label."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

from extraction.readers.text.labels import (
    BASIS,
    GAP,
    IDENTIFIER,
    NAME_LABEL,
    NOT_A_NAME,
    SUM_ROW,
    any_of,
)
from extraction.readers.text.numbers import (
    Amount,
    amounts_in,
    days_in,
    decimal_sign,
    groups_by_blanks,
    month_first,
)

MAX_LINES = 5000
MAX_WIDTH = 300
ROWS_BELOW = 5
MAX_OCCURRENCES = 5  # a line repeats a label at most for a second column and its tax
_ALONE = re.compile(r"(?:Rs\.?|NPR|[A-Z]{3})?[\s:|]{0,40}-?[\d,]{1,30}(?:/-)?")
_MARKS_BEFORE = re.compile(r"^[\s:.#|-]+")
_CELL = re.compile(r"\S+(?:\s\S+)*(?:(?<=:)\s{2,}\S+(?:\s\S+)*)?")


def cut_lines(text: str) -> list[str]:
    """Return the lines with text, at most MAX_LINES of at most MAX_WIDTH letters."""
    lines = (line[:MAX_WIDTH].rstrip() for line in text.replace("\f", "\n").split("\n"))
    return list(islice((line for line in lines if line), MAX_LINES))


@dataclass(frozen=True, slots=True)
class Cells:
    """The text right of a label, and the cells in the rows below it, nearest first."""

    beside: str
    below: list[str]


class TextLayout:
    """The lines of a document, with its decimal sign and its order of day and month."""

    def __init__(self, text: str) -> None:
        self.lines = cut_lines(text)
        self.text = "\n".join(self.lines)
        self._sign = decimal_sign(self.text)
        self._grouped = groups_by_blanks(self.text, SUM_ROW)
        self.month_first = month_first(self.text)

    def after(self, label: re.Pattern[str]) -> Iterator[Cells]:
        """Yield the cells of each occurrence of the label, from the top."""
        return self._after(label, enumerate(self.lines))

    def _after(self, label: re.Pattern[str], lines: Iterable[tuple[int, str]]) -> Iterator[Cells]:
        """Yield the cells of each occurrence of the label in lines with their index."""
        for index, line in lines:
            for found in islice(label.finditer(line), MAX_OCCURRENCES):
                rows = self.lines[index + 1 : index + 1 + ROWS_BELOW]
                start = found.end() - len(found[0].lstrip())
                below = [_cell_under(row, start, found.end()) for row in rows]
                yield Cells(line[found.end() :], [cell for cell in below if cell])

    def word(self, label: re.Pattern[str], form: re.Pattern[str] = IDENTIFIER) -> str | None:
        """Return the first word with a digit beside the label, or below it; or what has a form."""
        for cells in self.after(label):
            for text in (_value(cells.beside), *cells.below[:1]):
                if found := form.match(text):
                    return found[0]
        return None

    def cell(self, label: re.Pattern[str]) -> str | None:
        """Return the words beside the label, up to the next gap of two blanks."""
        for cells in self.after(label):
            if cell := GAP.split(_value(cells.beside))[0]:
                return cell
        return None

    def name(self, label: re.Pattern[str], *, surely: bool = False) -> str | None:
        """Return the name of a party beside the label, or below it.

        ``surely``: below it only where nothing else stands beside it.
        """
        for cells in self.after(label):
            beside = _value(GAP.split(cells.beside)[0])
            for cell in _name_cells(Cells(beside, []) if surely and beside else cells):
                name = NAME_LABEL.sub("", cell).strip(" :|,")
                if len(name) > 2 and not NOT_A_NAME.search(name):
                    return name
        return None

    def day(self, label: re.Pattern[str], *, below: bool = True) -> date | None:
        """Return the first day beside the label, or below it."""
        for cells in self.after(label):
            for text in (_value(cells.beside), *(cells.below[:2] if below else ())):
                if day := self._first_day(text[:40]):
                    return day
        return None

    def day_in_line(self, label: re.Pattern[str]) -> date | None:
        """Return the first day in a line with the label: "Rechnung Nr. 471102 vom 05.03.2018"."""
        days = (self._first_day(line) for line in self.lines if label.search(line))
        return next((day for day in days if day), None)

    def amounts(self, names: tuple[re.Pattern[str], ...], *, below: bool = True) -> list[Decimal]:
        """Return the amounts at the labels, in the order of ``names``.

        Of one label the last occurrence comes first: totals are at the end, after the subtotals
        that an invoice of several pages carries over.
        """
        found: list[Decimal] = []
        # Few lines have any of the labels: each label is looked for in those alone.
        label = any_of(names)
        lines = [(index, line) for index, line in enumerate(self.lines) if label.search(line)]
        for name in names:
            at_name = []
            for cells in self._after(name, lines):
                texts = [cells.beside, *(cells.below[:1] if below else [])]
                amounts = next(filter(None, map(self._money, texts)), [])
                at_name += [amount.value for amount in amounts[:1]]
            found += reversed(at_name)
        return found

    def numbers(self, line: str) -> list[Amount]:
        """Return the numbers of a line."""
        return amounts_in(line, self._sign, grouped=self._grouped)

    def _money(self, text: str) -> list[Amount]:
        """Return the amounts of money in a text; a whole number counts only when it stands alone.

        Days, and the basis in "VAT 13% on 1,000.00", do not count.
        """
        text = BASIS.sub(" ", text)
        for day in days_in(text):
            text = text[: day.start] + " " * (day.end - day.start) + text[day.end :]
        amounts = self.numbers(text)
        alone = _ALONE.fullmatch(text.strip().lstrip(" \t:|=€$₹"))
        return [amount for amount in amounts if amount.has_cents or alone]

    def _first_day(self, text: str) -> date | None:
        for day in days_in(text):
            return day.readings[-1 if self.month_first else 0]
        return None


def _name_cells(cells: Cells) -> Iterator[str]:
    # A cell with "Name:" first: it is the most certain of those below the heading.
    yield from (cell for cell in cells.below if NAME_LABEL.match(cell))
    yield GAP.split(cells.beside)[0]
    yield from cells.below[:2]


def _value(beside: str) -> str:
    return _MARKS_BEFORE.sub("", beside).rstrip(" |")


def _cell_under(row: str, start: int, end: int) -> str:
    """Return the cell of a row that overlaps the columns of a heading; "Name:  X" is one cell."""
    for cell in _CELL.finditer(row):
        if cell.start() < end and cell.end() > start:
            return cell[0]
    return ""
