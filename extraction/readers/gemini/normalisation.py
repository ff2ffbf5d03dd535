"""A model's answer → what ``InvoiceFields`` validates, with what was guessed on the way. Pure.

An answer that is right but for its form is not worth a second paid call: one is needed only where a
value without which there is no invoice cannot be understood.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from extraction.invoices.messages import (
    CREDIT_NOTE,
    MORE_DOUBTS,
    NOT_UNDERSTOOD,
    QUOTED,
    ROWS_CUT,
    SEVERAL_DOCUMENTS,
    THE_VALUE,
)
from extraction.invoices.names import name_of, titled
from extraction.invoices.schema import (
    Currency,
    InvoiceFields,
    LineItem,
    Number,
    PaymentDiscount,
    Reason,
    TaxLine,
    Text,
)
from extraction.readers.gemini import currencies, notations, numbers
from extraction.readers.gemini.document_types import document_type
from extraction.readers.gemini.json_text import objects_in, quoted_otherwise_in
from extraction.readers.gemini.notations import Unclear, Understood, cleaned, is_absent, plain

# Without these there is no invoice, so one that cannot be understood is asked for again.
KEY_FIELDS = frozenset({"invoice_number", "invoice_date", "total_amount"})
# Entries kept of each list: fifty pages, the most by default, of forty lines.
MOST_ENTRIES: dict[type[BaseModel], int] = {LineItem: 2_000, TaxLine: 100, PaymentDiscount: 100}
# Documents kept of an answer that holds several: one asks for one.
MOST_DOCUMENTS = 10
# Reasons kept: nobody reads more.
MOST_REASONS = 50
# Numbers that are written with their unit.
_QUANTITIES = frozenset({
    "quantity", "alternate_quantity", "price_base_quantity", "shortage", "breakage", "leakage",
})  # fmt: skip
_RATES = frozenset({"tax_rate", "rate", "percent"})
_NOT_LETTERS = re.compile(r"[\W_]+")
_SHOWN = 40
# Where rupees are from: countries in addresses, and the form of India's GST numbers.
_RUPEE_COUNTRIES = {
    "NPR": re.compile(r"\bnepal\b|नेपाल", re.IGNORECASE),
    "INR": re.compile(r"\bindia\b|भारत|\b\d\d[A-Z]{5}\d{4}[A-Z]\dZ\w\b", re.IGNORECASE),
}


class Unusable(Exception):
    """The answer must be asked for again; ``faults`` name what is wrong, not what it says."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Normalised:
    """An answer in the form asked for.

    ``warnings`` are sentences for people; ``reasons`` say which of them make the answer doubtful.
    ``further``: the other documents of an answer that holds several.
    """

    fields: InvoiceFields
    warnings: tuple[str, ...]
    reasons: tuple[Reason, ...]
    further: tuple[InvoiceFields, ...] = ()


def normalised(answer: str) -> Normalised:
    """Return what the text of an answer says. Raises Unusable."""
    objects = objects_in(answer, _has_type)
    if not objects and (objects := quoted_otherwise_in(answer, _has_type)):
        read = _read(objects)
        return replace(read, warnings=(QUOTED, *read.warnings))
    return _read(objects)


def _read(objects: list[dict[str, Any]]) -> Normalised:
    if not objects:
        raise Unusable("the whole answer (no JSON object with a document_type)")
    if all(found == objects[0] for found in objects):
        return _document(objects[0])
    understood = list(_understood(objects[:MOST_DOCUMENTS]))
    if not understood:
        return _document(objects[0])  # which raises why
    first, *others = understood
    text = SEVERAL_DOCUMENTS.format(count=len(objects))
    several = Reason(path="", code="several_documents", text=text)
    return replace(
        first,
        warnings=(text, *first.warnings),
        reasons=(several, *first.reasons),
        further=tuple(other.fields for other in others),
    )


def _understood(objects: list[dict[str, Any]]) -> Iterator[Normalised]:
    """Yield the documents of an answer, without those that cannot be understood.

    Such as a draft before the answer.
    """
    for found in objects:
        with suppress(Unusable):
            yield _document(found)


def _document(found: dict[str, Any]) -> Normalised:
    """Return what one object says. Raises Unusable."""
    shaped = _Shaping()
    values = shaped.entry(InvoiceFields, found, "")
    reading = _Values(
        sign=numbers.decimal_sign(_number_texts(InvoiceFields, values)),
        told=_told_currencies(values),
        reasons=shaped.reasons,
    )
    fields = InvoiceFields.model_validate(reading.entry(InvoiceFields, values, ""))
    if reading.faults:
        raise Unusable(*reading.faults)
    reasons = _bounded(reading.reasons)
    warnings = tuple(reason.text for reason in reasons)
    if fields.document_type == "invoice" and (fields.total_amount or 0) < 0:
        fields = fields.model_copy(update={"document_type": "credit_note"})
        warnings = (CREDIT_NOTE, *warnings)
    return Normalised(fields, warnings, reasons)


def _bounded(reasons: list[Reason]) -> tuple[Reason, ...]:
    more = len(reasons) - MOST_REASONS
    if more <= 0:
        return tuple(reasons)
    text = MORE_DOUBTS.format(count=more)
    return *reasons[:MOST_REASONS], Reason(path="", code="more", text=text)


# What the schema has in each place


class _Scalar(Enum):
    TYPE = auto()
    TEXT = auto()
    NUMBER = auto()
    DATE = auto()
    CURRENCY = auto()


@dataclass(frozen=True, slots=True)
class _List:
    of: type[BaseModel]


_Kind = _Scalar | _List | type[BaseModel]
_OPTIONAL = {
    _Scalar.TEXT: Text | None,
    _Scalar.NUMBER: Number | None,
    _Scalar.DATE: date | None,
    _Scalar.CURRENCY: Currency | None,
}


@cache
def _kinds(model: type[BaseModel]) -> dict[str, _Kind]:
    return {name: _kind(info.annotation) for name, info in model.model_fields.items()}


def _kind(annotation: Any) -> _Kind:
    if get_origin(annotation) is list:
        return _List(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(
        (kind for kind, optional in _OPTIONAL.items() if annotation == optional), _Scalar.TYPE
    )


def _spelling(key: str) -> str:
    """Return a key in the one spelling in which invoiceNumber is invoice_number."""
    return _NOT_LETTERS.sub("", key).casefold()


def _has_type(found: dict[str, Any]) -> bool:
    return any(_spelling(key) == "documenttype" for key in found)


# First the shape


@dataclass
class _Shaping:
    """Gives an answer the schema's keys and nesting: unknown keys go, missing ones are null."""

    reasons: list[Reason] = field(default_factory=list)

    def entry(self, model: type[BaseModel], raw: Any, path: str) -> dict[str, Any]:
        """Return an object with the model's keys; its values are not touched."""
        if not isinstance(raw, dict):
            # A party given as its name, a line as its description.
            first = next(iter(model.model_fields))
            raw = {} if is_absent(raw) or raw == [] else {first: raw}
        kinds = _kinds(model)
        if not raw.keys() <= kinds.keys():
            spelled = {_spelling(key): value for key, value in raw.items()}
            raw = {name: spelled.get(_spelling(name)) for name in kinds} | raw
        return {
            name: self.value(kind, raw.get(name), _joined(path, name))
            for name, kind in kinds.items()
        }

    def value(self, kind: _Kind, raw: Any, path: str) -> Any:
        """Return a value with the nesting of its kind."""
        if isinstance(kind, _List):
            return self.entries(kind.of, raw, path)
        if kind is _Scalar.TYPE:
            return raw
        raw = _unwrapped(raw)
        return raw if isinstance(kind, _Scalar) else self.entry(kind, raw, path)

    def entries(self, model: type[BaseModel], raw: Any, path: str) -> list[dict[str, Any]]:
        """Return the entries that say anything, at most MOST_ENTRIES."""
        if isinstance(raw, dict) and raw and all(isinstance(one, dict) for one in raw.values()):
            raw = list(raw.values())  # {"1": {…}, "2": {…}}
        given = raw if isinstance(raw, list) else [] if is_absent(raw) else [raw]
        most = MOST_ENTRIES[model]
        if len(given) > most:
            text = ROWS_CUT.format(count=len(given), name=name_of(path), limit=most)
            self.reasons.append(Reason(path=path, code="cut", text=text))
        shaped = (self.entry(model, entry, path) for entry in given[:most])
        return [entry for entry in shaped if not all(map(is_absent, entry.values()))]


def _unwrapped(raw: Any) -> Any:
    """Return a value alone that stands with its confidence or place: {"value": 5, …}; or in a list.

    A list of several stays: it may be the lines of an address.
    """
    if isinstance(raw, list) and len(raw) == 1 and not isinstance(raw[0], list):
        [raw] = raw
    return raw["value"] if isinstance(raw, dict) and "value" in raw else raw


def _joined(path: str, name: str | int) -> str:
    return f"{path}.{name}" if path else str(name)


def _number_texts(model: type[BaseModel], shaped: dict[str, Any]) -> Iterator[str]:
    """Yield every number that is written as a text."""
    for name, kind in _kinds(model).items():
        value = shaped[name]
        if isinstance(kind, _List):
            for entry in value:
                yield from _number_texts(kind.of, entry)
        elif kind is _Scalar.NUMBER and isinstance(value, str):
            yield value


def _told_currencies(shaped: dict[str, Any]) -> set[str]:
    """Return the currencies of rupees that parties or a Nepali date tell."""
    parties = " ".join(
        str(shaped[party][name])[: notations.LONGEST_TEXT]
        for party in ("supplier", "customer")
        for name in ("address", "tax_id")
    )
    told = {code for code, signs in _RUPEE_COUNTRIES.items() if signs.search(parties)}
    return told if is_absent(shaped["invoice_miti"]) else told | {"NPR"}


# Then the values


@dataclass
class _Values:
    """Gives every value its type; collects what was guessed (reasons) and what is wrong (faults).

    ``sign`` is the decimal sign of the answer's numbers, ``told`` what it says of the currency.
    """

    sign: str
    told: set[str]
    reasons: list[Reason]
    faults: list[str] = field(default_factory=list)

    def entry(self, model: type[BaseModel], shaped: dict[str, Any], path: str) -> dict[str, Any]:
        """Return the values of an object in the model's types."""
        return {
            name: self.value(kind, shaped[name], _joined(path, name))
            for name, kind in _kinds(model).items()
        }

    def value(self, kind: _Kind, raw: Any, path: str) -> Any:
        """Return one value in its type."""
        if isinstance(kind, _List):
            return [
                self.entry(kind.of, entry, f"{path}.{number}") for number, entry in enumerate(raw)
            ]
        if not isinstance(kind, _Scalar):
            return self.entry(kind, raw, path)
        if kind is _Scalar.TYPE:
            return self._type(raw)
        return None if is_absent(raw) else self._scalar(kind, raw, path)

    def _type(self, raw: Any) -> str:
        found = document_type(raw) if isinstance(raw, str) else None
        if found is None:
            self.faults.append("document_type (not one of the values allowed)")
        return found or "other"

    def _scalar(self, kind: _Scalar, raw: Any, path: str) -> Any:
        try:
            understood = self._understood(kind, raw, path)
        except Unclear:
            if path in KEY_FIELDS:
                self.faults.append(f"{path} (not a {kind.name.lower()})")
            else:
                told = NOT_UNDERSTOOD.format(written=_shown(raw))
                self._doubt(path, "not_understood", told)
            return None
        for doubt in understood.doubts:
            self._doubt(path, doubt.code, doubt.text)
        return understood.value

    def _understood(self, kind: _Scalar, raw: Any, path: str) -> Understood[Any]:
        """Return what a value means. Raises Unclear."""
        if kind is _Scalar.NUMBER:
            return self._number(raw, path)
        if kind is _Scalar.TEXT:
            return _text(raw)
        if kind is _Scalar.DATE:
            return notations.day(_text_of(raw))
        return currencies.currency(_text_of(raw), self.told)

    def _number(self, raw: Any, path: str) -> Understood[Decimal]:
        if not isinstance(raw, str | Decimal):
            raise Unclear
        name = path.rpartition(".")[2]
        if name in _RATES and isinstance(raw, str):
            raw = numbers.rate_in(raw)
        return numbers.number(raw, self.sign, unit_allowed=name in _QUANTITIES)

    def _doubt(self, path: str, code: str, text: str) -> None:
        self.reasons.append(Reason(path=path, code=code, text=f"{titled(path)}: {text}"))


def _text(raw: Any) -> Understood[str]:
    """Return a text; lines of an address may come as a list or an object."""
    if isinstance(raw, dict):
        raw = list(raw.values())
    if isinstance(raw, list):
        raw = ", ".join(_text_of(part) for part in raw if not is_absent(part))
    understood = notations.text(_text_of(raw))
    if not understood.value:
        raise Unclear
    return understood


def _text_of(raw: Any) -> str:
    """Return a text or a number of JSON as text. Raises Unclear for anything else."""
    if not isinstance(raw, str | Decimal):
        raise Unclear
    return str(raw)


def _shown(raw: Any) -> str:
    """Return the beginning of a value for people, on one line."""
    if not isinstance(raw, str | Decimal):
        return THE_VALUE
    written = plain(cleaned(str(raw)[: notations.LONGEST_TEXT]))
    return f'"{written if len(written) <= _SHOWN else written[:_SHOWN] + "…"}"'
