"""What is printed on a document, and where each value of an invoice stands in it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property

from extraction.documents.words import PageWords
from extraction.evidence.currencies import currencies_of
from extraction.evidence.lines import Line, lines_of
from extraction.evidence.printed_days import Order, PrintedDay, days_in, order_of
from extraction.evidence.printed_numbers import PrintedNumber, decimal_mark, numbers_in
from extraction.evidence.printed_texts import Place, TextIndex
from extraction.evidence.values import Kind
from extraction.readers.text.page_layout import text_of

# The share of the words of an address or description that must stand on the page.
_ENOUGH_WORDS = 0.6
# The exponent of a number with two decimals, and how many of them show that amounts have cents.
_CENTS = -2
_FEWEST_WITH_CENTS = 3
# By how much of the page's width numbers of one column may differ at the side where they align.
_ALIGNED = 0.004


class PageIndex:
    """The pages' numbers, dates and texts, found once; ``find`` looks a value up."""

    def __init__(self, pages: Sequence[PageWords]) -> None:
        self._pages = [lines_of(page) for page in pages]
        self.lines: list[Line] = [line for lines in self._pages for line in lines]
        self.mark = decimal_mark(self.lines)
        self.texts = TextIndex(self.lines)

    @property
    def text(self) -> str:
        """The pages' text in its layout, a form feed between two pages."""
        return "\f".join(text_of([line.words for line in lines]) for lines in self._pages)

    @cached_property
    def numbers(self) -> dict[Decimal, list[PrintedNumber]]:
        """The printed numbers by each value, without sign, that they can stand for."""
        found: dict[Decimal, list[PrintedNumber]] = defaultdict(list)
        for line in self.lines:
            for number in numbers_in(line, self.mark):
                for value in number.values:
                    found[value].append(number)
        return dict(found)

    def amounts(self, value: str) -> list[Place]:
        """Return the places of an amount, best first.

        Where the document prints cents, digits alone are no amount: the number of a house, a
        quantity or a position. But for those that stand in a column of amounts.
        """
        found = self.numbers.get(abs(Decimal(value)), [])
        return [
            Place(number.page, number.from_ocr, number.box)
            for number in found
            if not (number.bare and self._prints_cents) or self._is_in_column(number)
        ]

    def numbers_beside(self, place: Place) -> set[frozenset[Decimal]]:
        """Return what the numbers that end right of a place in its line may mean, unsigned."""
        middle = (place.box[1] + place.box[3]) / 2
        return {
            number.values
            for numbers in self.numbers.values()
            for number in numbers
            if number.page == place.page
            and number.box[2] > place.box[2]
            and number.box[1] <= middle <= number.box[3]
        }

    @cached_property
    def _with_cents(self) -> list[PrintedNumber]:
        return [
            number
            for value, numbers in self.numbers.items()
            if value.as_tuple().exponent == _CENTS
            for number in numbers
        ]

    @cached_property
    def _prints_cents(self) -> bool:
        return len(self._with_cents) >= _FEWEST_WITH_CENTS

    def _is_in_column(self, number: PrintedNumber) -> bool:
        """Whether an amount with cents begins or ends below or above a number."""
        left, _, right, _ = number.box
        return any(
            other.page == number.page
            and min(abs(other.box[0] - left), abs(other.box[2] - right)) < _ALIGNED
            for other in self._with_cents
        )

    @cached_property
    def days(self) -> dict[date, list[PrintedDay]]:
        """The printed dates by each day that they can stand for."""
        found: dict[date, list[PrintedDay]] = defaultdict(list)
        for line in self.lines:
            for day in days_in(line):
                found[day.day].append(day)
        return dict(found)

    @cached_property
    def order(self) -> Order | None:
        """Whether the document puts the day or the month first, where it shows that."""
        return order_of(day for days in self.days.values() for day in days)

    @cached_property
    def _is_in_dollars(self) -> bool:
        return "USD" in self.currencies

    @cached_property
    def currencies(self) -> dict[str, Place]:
        """The first place of each currency that the document may name."""
        return currencies_of(self.lines)

    def find(self, kind: Kind, value: str) -> list[Place]:
        """Return the places of a value, best first; none when it is not printed."""
        match kind:
            case Kind.NUMBER:
                numbers = self.numbers.get(abs(Decimal(value)), [])
                return [Place(n.page, n.from_ocr, n.box) for n in numbers]
            case Kind.DAY:
                return self._places_of_day(date.fromisoformat(value))
            case Kind.CODE:
                return list(self.texts.codes(value))
            case Kind.NAME:
                return list(self.texts.names(value))
            case Kind.WORDS:
                share, place = self.texts.words_of(value)
                return [place] if place and share >= _ENOUGH_WORDS else []
            case Kind.CURRENCY:
                return [self.currencies[value]] if value in self.currencies else []

    def has_other_sign(self, value: str) -> bool:
        """Whether a number is only printed with the other sign; OCR may overlook one."""
        number = Decimal(value)
        signs = {
            found.negative for found in self.numbers.get(abs(number), []) if not found.from_ocr
        }
        return bool(signs) and (number < 0) not in signs

    def _places_of_day(self, day: date) -> list[Place]:
        """Return where a day stands, without the readings that the document's order rules out.

        Where no date of the document shows its order, the day is first, but for dollars.
        """
        return [
            Place(found.page, found.from_ocr, found.box)
            for found in self.days.get(day, [])
            if not found.ambiguous
            or found.order == self.order
            or (self.order is None and (found.order is Order.DAY_FIRST or self._is_in_dollars))
        ]
