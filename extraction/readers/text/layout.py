"""A document as lines of text, asked by the labels that are printed beside or above a value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from extraction.readers.text.labels import BASIS, IDENTIFIER
from extraction.readers.text.numbers import Amount, amounts_in, days_in, decimal_sign, month_first

MOST_LINES = 5000
WIDEST = 300
ROWS_BELOW = 5


@dataclass(frozen=True, slots=True)
class Cells:
    """What stands right of a label, and the cells in the rows under it, nearest first."""

    beside: str
    below: list[str]


class PrintedPage:
    """The lines of a document, and how it writes decimals and days."""

    def __init__(self, text: str) -> None:
        lines = (line[:WIDEST].rstrip() for line in text.replace("\f", "\n").split("\n"))
        self.lines = [line for line in lines if line][:MOST_LINES]
        self._sign = decimal_sign(text)
        self._month_first = month_first(text)

    def after(self, label: re.Pattern[str]) -> Iterator[Cells]:
        """Yield what stands beside and below each place of the label, from the top."""
        for index, line in enumerate(self.lines):
            for found in label.finditer(line):
                rows = self.lines[index + 1 : index + 1 + ROWS_BELOW]
                start = found.end() - len(found[0].lstrip())
                below = [_cell_under(row, start, found.end()) for row in rows]
                yield Cells(line[found.end() :], [cell for cell in below if cell])

    def word(self, label: re.Pattern[str]) -> str | None:
        """Return the first number-like word beside the label, or under it."""
        for cells in self.after(label):
            for text in (_value(cells.beside), *cells.below[:1]):
                if found := IDENTIFIER.match(text):
                    return found[0]
        return None

    def cell(self, label: re.Pattern[str]) -> str | None:
        """Return the words beside the label, up to the next gap."""
        for cells in self.after(label):
            if cell := re.split(r"\s{2,}", _value(cells.beside))[0]:
                return cell
        return None

    def day(self, label: re.Pattern[str]) -> date | None:
        """Return the first day beside the label, or under it."""
        for cells in self.after(label):
            for text in (_value(cells.beside), *cells.below[:2]):
                if day := self._first_day(text[:40]):
                    return day
        return None

    def day_in_line(self, label: re.Pattern[str]) -> date | None:
        """Return the first day in a line with the label: "Rechnung Nr. 471102 vom 05.03.2018"."""
        days = (self._first_day(line) for line in self.lines if label.search(line))
        return next((day for day in days if day), None)

    def amounts(self, names: tuple[re.Pattern[str], ...], *, below: bool = True) -> list[Decimal]:
        """Return the amounts at the labels, the strongest label first.

        Under one label the last amount comes first: sums stand at the end, and on a continued
        invoice the sums carried over stand before them.
        """
        found: list[Decimal] = []
        for name in names:
            at_name = []
            for cells in self.after(name):
                texts = [cells.beside, *(cells.below[:1] if below else [])]
                amounts = next(filter(None, map(self._money, texts)), [])
                at_name += [amount.value for amount in amounts[:1]]
            found += reversed(at_name)
        return found

    def numbers(self, line: str) -> list[Amount]:
        """Return the numbers of a line."""
        return amounts_in(line, self._sign)

    def _money(self, text: str) -> list[Amount]:
        """Return the amounts of money in a text; a whole number is one only when it stands alone.

        Days, and the basis in "VAT 13% on 1,000.00", are none.
        """
        text = BASIS.sub(" ", text)
        for day in days_in(text):
            text = text[: day.start] + " " * (day.end - day.start) + text[day.end :]
        amounts = self.numbers(text)
        alone = re.fullmatch(r"[\s:|=€$₹]*(?:Rs\.?|NPR|[A-Z]{3})?[\s:|]*-?[\d,]+(?:/-)?\s*", text)
        return [amount for amount in amounts if amount.has_cents or alone]

    def _first_day(self, text: str) -> date | None:
        for day in days_in(text):
            return day.readings[-1 if self._month_first else 0]
        return None


def _value(beside: str) -> str:
    return re.sub(r"^[\s:.#|-]+", "", beside).rstrip(" |")


def _cell_under(row: str, start: int, end: int) -> str:
    """Return the cell of a row that overlaps the columns of its heading; "Name:  X" is one."""
    for cell in re.finditer(r"\S+(?:\s\S+)*(?:(?<=:)\s{2,}\S+(?:\s\S+)*)?", row):
        if cell.start() < end and cell.end() > start:
            return cell[0]
    return ""
