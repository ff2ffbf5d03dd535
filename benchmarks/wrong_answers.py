"""Wrong answers made of right ones: each key value and each kind of corruption, one at a time."""

import copy
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

Answer = dict[str, Any]  # InvoiceFields as JSON

DIGIT = "one digit"
LETTER = "one letter"
NULL = "null"
NAME = "another name"
CURRENCY = "another currency"
DAY_AND_MONTH = "day and month exchanged"
OF_ANOTHER = "the value of another field"
# What concerns more than one value.
EXCHANGED = "supplier and customer exchanged"
NO_LINES = "all lines dropped"
ONE_LINE_LESS = "one line dropped"
DOUBLED = "all lines doubled"
OTHER = "another invoice altogether"
NOTHING = "everything null"
OF_VALUES = (DIGIT, LETTER, NULL, NAME, CURRENCY, DAY_AND_MONTH, OF_ANOTHER)
OF_PARTS = (EXCHANGED, NO_LINES, ONE_LINE_LESS, DOUBLED)
OF_ALL = (OTHER, NOTHING)

STRANGER = "Nordlicht Handels GmbH"
_CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "INR")
# Of the lines, and of the rows of the tax breakdown, so many are tried.
ROWS = 2
OTHERS = 2
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SWAPPED_FROM = {"invoice_date": "due_date", "total_amount": "taxable_amount"}


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """An answer that is wrong in one way.

    ``path`` is that of the value, "line_items" for all lines, "" for all of it; ``wrong`` is what
    it says instead.
    """

    kind: str
    path: str
    wrong: str | None
    answer: Answer

    @property
    def field(self) -> str:
        """The path without the numbers of rows."""
        return re.sub(r"\.\d+\.", "[].", self.path)

    def is_named_by(self, path: str) -> bool:
        """Whether a reason's path names what is wrong."""
        if self.path == "line_items":
            return path.startswith("line_items")
        if self.kind == EXCHANGED:
            return path in ("supplier.name", "customer.name")
        return path == self.path


def wrong_answers(
    answer: Answer, others: Sequence[Answer], chance: Random
) -> Iterator[WrongAnswer]:
    """Yield an answer with every corruption; ``others`` are answers to other documents."""
    for path, value in _key_values(answer, chance):
        for kind, wrong in _wrong_values(answer, path, value, chance):
            if wrong != value:
                yield WrongAnswer(kind, path, wrong, _with(answer, path, wrong))
    yield from _wrong_parts(answer)
    for other in others[:OTHERS]:
        yield WrongAnswer(OTHER, "", None, other)
    yield WrongAnswer(NOTHING, "", None, _emptied(answer))


def _key_values(answer: Answer, chance: Random) -> Iterator[tuple[str, str]]:
    """Yield path and text of each key value, of some rows only."""
    from extraction.evidence.values import is_key, values_of

    columns: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, _, value in values_of(answer):
        if is_key(path):
            columns[re.sub(r"\.\d+\.", "[].", path)].append((path, value))
    for found in columns.values():
        yield from sorted(chance.sample(found, min(ROWS, len(found))))


def _wrong_values(
    answer: Answer, path: str, value: str, chance: Random
) -> Iterator[tuple[str, str | None]]:
    from extraction.evidence.values import KIND_OF, Kind

    kind = KIND_OF[path.rpartition(".")[2]]
    if kind is not Kind.NUMBER or value.strip("-0."):  # no number says what 0 does
        yield NULL, None
    match kind:
        case Kind.NUMBER:
            yield DIGIT, _other_digit(_cents(value), chance)
        case Kind.DAY:
            yield DIGIT, _other_day(value, chance)
            yield DAY_AND_MONTH, _day_and_month_exchanged(value)
        case Kind.CODE:
            yield DIGIT, _other_digit(value, chance)
            yield LETTER, _other_letter(value, chance)
        case Kind.NAME:
            yield NAME, STRANGER
            yield LETTER, _other_letter(value, chance)
        case Kind.CURRENCY:
            yield CURRENCY, chance.choice([code for code in _CURRENCIES if code != value])
    if wrong := answer.get(_SWAPPED_FROM.get(path, "")):
        yield OF_ANOTHER, wrong


def _wrong_parts(answer: Answer) -> Iterator[WrongAnswer]:
    supplier, customer, lines = answer["supplier"], answer["customer"], answer["line_items"]
    if supplier["name"] and customer["name"]:
        exchanged = {**answer, "supplier": customer, "customer": supplier}
        yield WrongAnswer(EXCHANGED, "supplier.name", customer["name"], exchanged)
    parts = {NO_LINES: [], DOUBLED: [line for line in lines for _ in range(2)]}
    paid = [line for line in lines if Decimal(line["amount"] or 0)]
    if len(paid) > 1:
        parts[ONE_LINE_LESS] = [line for line in lines if line is not paid[-1]]
    for kind, wrong in parts.items() if lines else ():
        yield WrongAnswer(kind, "line_items", None, {**answer, "line_items": wrong})


def _with(answer: Answer, path: str, value: str | None) -> Answer:
    """Return a copy of an answer with another value."""
    changed = copy.deepcopy(answer)
    *parents, name = path.split(".")
    place: Any = changed
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]
    place[name] = value
    return changed


def _emptied(answer: Answer) -> Answer:
    """Return an answer that says that it is an invoice, and nothing of it."""
    from extraction.invoices.schema import EMPTY

    return {**EMPTY.model_dump(mode="json"), "document_type": answer["document_type"]}


def _cents(amount: str) -> str:
    """Return an amount without the digits that no bookkeeper sees: 12.5000 is 12.50."""
    whole, mark, decimals = amount.partition(".")
    return f"{whole}{mark}{decimals[:2]}"


def _other_digit(text: str, chance: Random) -> str:
    """Return a text with one digit changed, and its first one never to 0; itself without any."""
    at = [index for index, letter in enumerate(text) if letter.isdigit()]
    if not at:
        return text
    index = chance.choice(at)
    digits = [d for d in "0123456789" if d != text[index] and (index != at[0] or d != "0")]
    return _replaced(text, index, chance.choice(digits))


def _other_letter(text: str, chance: Random) -> str:
    """Return a text with one letter changed, in its case; itself without any."""
    at = [index for index, letter in enumerate(text) if letter.isalpha()]
    if not at:
        return text
    index = chance.choice(at)
    letter = chance.choice([other for other in _LETTERS if other != text[index].lower()])
    return _replaced(text, index, letter.upper() if text[index].isupper() else letter)


def _other_day(day: str, chance: Random) -> str:
    """Return a date with one digit changed to that of another day of these two centuries."""
    while True:
        wrong = _other_digit(day, chance)
        if wrong[:2] in ("19", "20") and _is_day(wrong):
            return wrong


def _day_and_month_exchanged(day: str) -> str:
    year, month, number = day.split("-")
    wrong = f"{year}-{number}-{month}"
    return wrong if _is_day(wrong) else day


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _replaced(text: str, index: int, letter: str) -> str:
    return text[:index] + letter + text[index + 1 :]
