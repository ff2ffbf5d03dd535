"""Words of a page become the text of a field: amounts and dates in the field's own form. Pure."""

from django.utils.translation import gettext, gettext_noop

from extraction.documents.words import Word
from extraction.evidence.currencies import currencies_of
from extraction.evidence.lines import Line
from extraction.evidence.printed_days import Order, days_in
from extraction.evidence.printed_numbers import numbers_in
from extraction.evidence.values import KIND_OF, Kind
from extraction.review import values

TWO_DAYS = gettext_noop("This can be read as {first} or as {second}: enter one of them.")
NOTHING = gettext_noop("There is no text.")
# Signs at the end of a printed word that are no part of a code or name.
_ENDS = ",;:"


def value_printed(path: str, text: str, *, mark: str = "", order: Order | None = None) -> str:
    """Return what the field of a value gets for words as a page prints them.

    ``mark``: the page's decimal mark, "" where it is not known; ``order``: which of two numbers
    of a date it prints first, None where that is not known. Raises ValueError, whose text says
    what to enter: for words that are no such value, or can be read in two ways.
    """
    name = path.rpartition(".")[2]
    match KIND_OF.get(name):
        case Kind.NUMBER:
            text = _number(text, mark)
        case Kind.DAY:
            text = _day(text, order)
        case Kind.CURRENCY:
            text = _currency(text)
        case Kind.CODE | Kind.NAME:
            text = values.normalised(text).rstrip(_ENDS)
    value = values.parse(name, text)
    if value is None:
        raise ValueError(gettext(NOTHING))
    return value


def _number(text: str, mark: str) -> str:
    """Return the only number of some words, the longest of its groups of digits."""
    found = list(numbers_in(_line(text), mark))
    if not found:
        raise ValueError(gettext(values.NOT_A_NUMBER))
    widest = max(each.box[2] - each.box[0] for each in found)
    longest = [each for each in found if each.box[2] - each.box[0] == widest]
    signed = {
        f"{'-' if each.negative else ''}{value:f}" for each in longest for value in each.values
    }
    if not signed:
        raise ValueError(gettext(values.NOT_A_NUMBER))
    if len(signed) > 1:
        first, second, *_ = sorted(signed)
        raise ValueError(gettext(values.TWO_NUMBERS).format(first=first, second=second))
    return signed.pop()


def _day(text: str, order: Order | None) -> str:
    found = list(days_in(_line(text)))
    days = {each.day for each in found if not each.ambiguous or order in (None, each.order)}
    if not days:
        raise ValueError(gettext(values.NOT_A_DATE))
    if len(days) > 1:
        first, second, *_ = sorted(days)
        raise ValueError(gettext(TWO_DAYS).format(first=first, second=second))
    return days.pop().isoformat()


def _currency(text: str) -> str:
    codes = list(currencies_of([_line(text)]))
    if len(codes) != 1:
        raise ValueError(gettext(values.NOT_A_CURRENCY))
    return codes[0]


def _line(text: str) -> Line:
    """Return words as if they stood beside each other, a letter's half apart."""
    words = []
    left = 0.0
    for word in text.split():
        right = left + len(word)
        words.append(Word(word, (left, 0.0, right, 1.0)))
        left = right + 0.5
    return Line(1, from_ocr=False, words=words)
