"""Stored sentences in the reader's language, with numbers and days as that writes them.

Sentences are stored in English alone. Each is recognised by the template that it was made from
(``extraction.invoices.messages``), which gives its values back; what fits no template, such as a
sentence of an earlier version, is shown as it is. Pure, but for the language that is active.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from string import Formatter

from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from extraction.invoices import messages
from extraction.invoices.amounts import as_stated
from extraction.invoices.names import NAMES, ROWS, capitalised, name_of
from extraction.invoices.schema import (
    Check,
    InvoiceFields,
    LineItem,
    Number,
    PaymentDiscount,
    Reason,
    TaxLine,
)

Values = dict[str, str]

_MODELS = (InvoiceFields, LineItem, TaxLine, PaymentDiscount)
_NUMBERS = frozenset(
    name
    for model in _MODELS
    for name, field in model.model_fields.items()
    if field.annotation == Number | None
)
_DAYS = frozenset(
    name
    for model in _MODELS
    for name, field in model.model_fields.items()
    if field.annotation == date | None
)
# Digits of a number that is written anew; the schema lets one have 24, and a product twice that.
_MOST_DIGITS = 60
_TITLES = {capitalised(name): name for name in NAMES}
# In texts other than those about an invoice.
_NUMBERS_AND_TIMES = frozenset({"count", "day", "limit", "size"})
# What a check expects of each value of a list, and of one value that may be several.
_BETWEEN_ITEMS = "; "
_BETWEEN_CHOICES = ", "


def told(reason: Reason) -> Reason:
    """Return a reason whose text is in the reader's language."""
    return reason.model_copy(update={"text": said(reason.text, reason.path)})


def said(sentence: str, path: str = "") -> str:
    """Return a sentence in the reader's language; ``path`` is that of the value it is about."""
    title, colon, rest = sentence.partition(": ")
    name = _name_of_title(title) if colon else ""
    if name:
        found = _found(rest, _of_values())
        return f"{capitalised(name)}: {_filled(*found, path) if found else rest}"
    found = _found(sentence, _sentences(), name_of(path) if path else "")
    return _filled(*found, path) if found else sentence


def name(path: str) -> str:
    """Return what a value is called within a sentence of the reader's language."""
    return _name(name_of(path))


def translated(text: str, templates: tuple[str, ...]) -> str:
    """Return a text made of one of these templates in the reader's language.

    Numbers and times are written as that has them, all other values as they are.
    """
    found = _found(text, _exactest_first(templates))
    if found is None:
        return text
    template, values = found
    written = {
        key: _number_or_time(value) if key in _NUMBERS_AND_TIMES else value
        for key, value in values.items()
    }
    return gettext(template).format(**written)


def shown(check: Check) -> Check:
    """Return a check with what it expects and found in the reader's language."""
    sides = {"expected": check.expected, "actual": check.actual}
    update = {side: _several(text) for side, text in sides.items() if text}
    return check.model_copy(update=update)


def _several(text: str) -> str:
    return _BETWEEN_ITEMS.join(map(_value, text.split(_BETWEEN_ITEMS)))


# Templates


@cache
def _parts(template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of a template's values, and the texts before, between and after them."""
    parsed = [(text, name) for text, name, _, _ in Formatter().parse(template)]
    names = tuple(name for _, name in parsed if name)
    texts = [text for text, _ in parsed]
    return names, (*texts, "") if len(texts) == len(names) else tuple(texts)


@cache
def _exactest_first(templates: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(templates, key=lambda text: (-sum(map(len, _parts(text)[1])), text)))


@cache
def _sentences() -> tuple[str, ...]:
    return _exactest_first(messages.SENTENCES)


@cache
def _of_values() -> tuple[str, ...]:
    return _exactest_first(messages.OF_VALUES)


def _found(text: str, templates: Iterable[str], name: str = "") -> tuple[str, Values] | None:
    """Return the template that a text was made from with its values.

    ``name`` is the value's name, where it is known: nothing else tells where it ends.
    """
    for template in templates:
        values = _values_in(text, template, name)
        if values is not None:
            return template, values
    return None


def _values_in(text: str, template: str, name: str = "") -> Values | None:
    """Return the values that make a text of a template; None where none do.

    Each ends at the first place where the template's next text follows: the time is linear.
    """
    names, (start, *texts) = _parts(template)
    if not text.startswith(start) or not text.endswith(texts[-1] if texts else start):
        return None
    values: Values = {}
    at = len(start)
    for number, (key, following) in enumerate(zip(names, texts, strict=True), 1):
        if key == "name" and name:
            end = at + len(name) if text.startswith(name + following, at) else -1
        elif number == len(names):
            end = len(text) - len(following)
        else:
            end = text.find(following, at)
        if end < at:
            return None
        values[key] = text[at:end]
        at = end + len(following)
    return values if at == len(text) else None


# Values


def _filled(template: str, values: Values, path: str) -> str:
    """Return a template in the reader's language with its values."""
    written = {key: _written(key, text, path) for key, text in values.items()}
    counted = _COUNTED.get(template)
    return (counted(values) if counted else gettext(template)).format(**written)


def _written(key: str, text: str, path: str) -> str:
    """Return a value of a sentence as the reader's language writes it."""
    match key:
        case "expected" | "actual" | "meant" | "other" | "day" | "count" | "limit":
            return _value(text)
        case "value" | "said":
            field = path.rpartition(".")[2]
            is_written_anew = field in _NUMBERS or field in _DAYS
            return (_plain_value(text) if is_written_anew else None) or text
        case "name":
            return _name(text)
        case "written":
            return gettext(text) if text == messages.THE_VALUE else text
        case "invoice":
            return _einvoice(text)
    return text


def _value(text: str) -> str:
    """Return what a check expects or finds; a text that is no number, day or phrase as it is."""
    written = [_phrase(choice) for choice in text.split(_BETWEEN_CHOICES)]
    return text if None in written else _BETWEEN_ITEMS.join(filter(None, written))


def _phrase(text: str) -> str | None:
    """Return a number, a day or a phrase about them as the language has it; None for others."""
    found = _found(text, messages.PHRASES)
    if found is None:
        return _plain_value(text)
    template, values = found
    written = {key: _plain_value(value) for key, value in values.items()}
    if template == messages.ID_OF:
        return gettext(template).format(**values)
    if None in written.values():
        return None
    counted = _COUNTED.get(template)
    return (counted(values) if counted else gettext(template)).format(**written)


def _plain_value(text: str) -> str | None:
    """Return a number or a day as the language writes it; None for any other text."""
    if _is_number(text):
        return as_stated(Decimal(text))
    return date_format(date.fromisoformat(text), "DATE_FORMAT") if _is_day(text) else None


def _number_or_time(text: str) -> str:
    """Return a number with its thousands grouped, or a time and its zone, as the language does."""
    number = text.replace(",", "")
    if _is_number(number):
        return as_stated(Decimal(number))
    time, _, zone = text.partition(" (")
    try:
        moment = datetime.strptime(time, "%Y-%m-%d %H:%M")  # in the zone that is named
    except ValueError:
        return text
    return f"{date_format(moment, 'DATETIME_FORMAT')} ({zone}"


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-").replace(".", "", 1)
    return len(text) <= _MOST_DIGITS and digits.isascii() and digits.isdecimal()


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _name(text: str) -> str:
    """Return a value's name in the reader's language; a text that is none as it is."""
    for template in ROWS.values():
        values = _values_in(text, template)
        if values and values["name"] in NAMES and values["number"].isdecimal():
            name, number = gettext(values["name"]), values["number"]
            return gettext(template).format(name=name, number=number)
    return gettext(text) if text in NAMES else text


def _name_of_title(title: str) -> str:
    """Return the name, in the reader's language, that a sentence begins with; "" for others."""
    for template in ROWS.values():
        values = _values_in(title, template)
        if values and values["name"] in _TITLES:
            return _name(template.format(**{**values, "name": _TITLES[values["name"]]}))
    return _name(_TITLES[title]) if title in _TITLES else ""


def _einvoice(text: str) -> str:
    """Return which e-invoice is meant: its number, and what is stated of day and amount."""
    if found := _values_in_last(text, messages.OVER_AMOUNT):
        number, _, currency = found["amount"].partition(" ")
        if _is_number(number):
            amount = f"{as_stated(Decimal(number))} {currency}".strip()
            rest = _einvoice(found["invoice"])
            return gettext(messages.OVER_AMOUNT).format(invoice=rest, amount=amount)
    found = _values_in_last(text, messages.OF_DAY)
    if found and _is_day(found["day"]):
        rest, day = _einvoice(found["invoice"]), _value(found["day"])
        return gettext(messages.OF_DAY).format(invoice=rest, day=day)
    return gettext(text) if text == messages.NO_NUMBER else text


def _values_in_last(text: str, template: str) -> Values | None:
    """Return the two values of a template whose text stands between them, at its last place."""
    (before, after), (_, between, _) = _parts(template)
    head, found, tail = text.rpartition(between)
    return {before: head, after: tail} if found else None


def _count(text: str) -> int:
    """Return a stored count; the plural for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 2


# Sentences that depend on a number
_COUNTED: Mapping[str, Callable[[Values], str]] = {
    messages.PAGES_UNREAD: lambda values: ngettext(
        "Page {numbers} could not be read for comparison.",
        "Pages {numbers} could not be read for comparison.",
        1 + values["numbers"].count(","),
    ),
    messages.MORE_DOUBTS: lambda values: ngettext(
        "{count} more value of the answer is doubtful.",
        "{count} more values of the answer are doubtful.",
        _count(values["count"]),
    ),
    messages.OF_CHECKS["lines_not_doubled"]: lambda values: ngettext(
        "One line was read twice.",
        "Each of {expected} lines was read twice.",
        _count(values["expected"]),
    ),
    messages.DAYS: lambda values: ngettext("{count} day", "{count} days", _count(values["count"])),
}
