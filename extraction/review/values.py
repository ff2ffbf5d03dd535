"""What people type becomes a value of the canonical invoice. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import get_args

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from extraction.evidence.printed_numbers import values_of
from extraction.evidence.values import KIND_OF, Kind
from extraction.invoices.schema import DocumentType

DOCUMENT_TYPES: tuple[str, ...] = get_args(DocumentType)

NOT_A_NUMBER = gettext_noop("Enter a number, such as 1234.50.")
TWO_NUMBERS = gettext_noop("This can be read as {first} or as {second}: enter one of them.")
NOT_A_DATE = gettext_noop("Enter a date as year, month and day, such as 2026-11-27.")
NOT_A_CURRENCY = gettext_noop("Enter the three letters of a currency, such as EUR.")
NOT_A_TYPE = gettext_noop("Choose one of the types.")
CONTROL_CHARACTERS = gettext_noop("Remove the control characters.")
TOO_MANY_CHARACTERS = gettext_noop("Enter at most {limit} characters.")
TOO_MANY_DIGITS = gettext_noop("Enter at most {limit} digits.")

# The schema's limits.
_LONGEST = 2000
_MOST_DIGITS = 24
_PLAIN = re.compile(r"-?[0-9]{1,24}(?:\.[0-9]{1,24})?")
_WITH_MARKS = re.compile(r"([-−–]?)([0-9]{1,15}(?:[.,'’][0-9]{1,15}){1,6})")
_BLANKS = re.compile(r"[ \u00a0\u202f]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def normalised(text: str) -> str:
    """Return a text as it is compared and kept: forms send line breaks as CR and LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def parse(name: str, text: str) -> str | None:
    """Return the value of a field as JSON has it; None for an empty text.

    ``name`` is the last part of its path. Raises ValueError, whose text says what to enter.
    """
    text = normalised(text)
    if not text:
        return None
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text):
        raise ValueError(_(CONTROL_CHARACTERS))
    if name == "document_type":
        if text not in DOCUMENT_TYPES:
            raise ValueError(_(NOT_A_TYPE))
        return text
    match KIND_OF.get(name):
        case Kind.NUMBER:
            return _number(text)
        case Kind.DAY:
            return _day(text)
        case Kind.CURRENCY:
            return _currency(text)
    if len(text) > _LONGEST:
        raise ValueError(_(TOO_MANY_CHARACTERS).format(limit=_LONGEST))
    return text


def same(name: str, text: str, value: object) -> bool:
    """Whether a text says what the value of a field, as JSON, is already."""
    if value is None:
        return not normalised(text)
    if normalised(text) == normalised(str(value)):
        return True
    if KIND_OF.get(name) is not Kind.NUMBER:
        return False
    try:
        number = parse(name, text)
    except ValueError:
        return False
    return number is not None and Decimal(number) == Decimal(str(value))


def texts_of(fields: Mapping[str, object]) -> dict[str, str]:
    """Return the values of an invoice as JSON, or of one row, as texts by path."""
    texts: dict[str, str] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            nested = texts_of(value)
            texts |= {f"{name}.{path}": text for path, text in nested.items()}
        elif isinstance(value, list):
            for index, row in enumerate(value):
                texts |= {f"{name}.{index}.{path}": text for path, text in texts_of(row).items()}
        else:
            texts[name] = "" if value is None else str(value)
    return texts


def _number(text: str) -> str:
    text = _BLANKS.sub("", text)
    if sum(map(str.isdecimal, text)) > _MOST_DIGITS:
        raise ValueError(_(TOO_MANY_DIGITS).format(limit=_MOST_DIGITS))
    if _PLAIN.fullmatch(text):
        return text
    found = _WITH_MARKS.fullmatch(text)
    # "1.234" is plain, whatever it may mean elsewhere: so the page shows numbers itself.
    possible = sorted(values_of(found[2])) if found else []
    if found is None or not possible:
        raise ValueError(_(NOT_A_NUMBER))
    signed = [f"{'-' if found[1] else ''}{number:f}" for number in possible]
    if len(signed) > 1:
        raise ValueError(_(TWO_NUMBERS).format(first=signed[0], second=signed[1]))
    return signed[0]


def _day(text: str) -> str:
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(_(NOT_A_DATE)) from None


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text.upper()):
        raise ValueError(_(NOT_A_CURRENCY))
    return text.upper()
