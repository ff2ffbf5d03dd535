"""Amounts of quotas: whole LLM tokens, or money in whole units of a cost's last place.

Money is told and entered as a decimal number with its currency: ``250.00 EUR``.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext, gettext_noop

from ocrsite.lib.numbers import grouped

# Places of a price for a million LLM tokens. A cost then has six more, so that none is rounded.
PRICE_PLACES = 4
COST_PLACES = PRICE_PLACES + 6
UNITS_OF_ONE = 10**COST_PLACES
ENTERED_PLACES = 6
_LEAST_PLACES = 2
_NUMBER = re.compile(r"\A(-?)([0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.([0-9]{1,10}))?\Z")
_CURRENCY = re.compile(r"\A[A-Za-z]{3}\Z")
HOW = gettext_noop("Enter LLM tokens, such as 1000000, or money, such as 250.00 EUR.")


class BadAmount(ValueError):
    """The text is no amount; its text says why."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in a quota's unit. Without a currency it is LLM tokens."""

    value: int
    currency: str = ""

    def __int__(self) -> int:
        return self.value

    def __str__(self) -> str:
        return money(self.value, self.currency) if self.currency else str(self.value)


def read(text: str) -> Amount:
    """Return what a text like ``1000000`` or ``1,250.00 EUR`` tells. Raises BadAmount."""
    number, _, currency = text.strip().partition(" ")
    found = _NUMBER.match(number)
    currency = currency.strip()
    if found is None or (currency and not _CURRENCY.match(currency)):
        raise BadAmount(gettext(HOW))
    sign, whole, part = found[1], found[2].replace(",", ""), found[3] or ""
    if not currency:
        if part:
            raise BadAmount(gettext("LLM tokens are whole. {how}").format(how=gettext(HOW)))
        return Amount(int(sign + whole))
    if len(part) > ENTERED_PLACES:
        told = gettext("Enter money with at most {places} decimals.")
        raise BadAmount(told.format(places=ENTERED_PLACES))
    return Amount(int(sign + whole + part.ljust(COST_PLACES, "0")), currency.upper())


def money(value: int, currency: str) -> str:
    """Return units of money exactly, with two decimals at least: ``1250.00 EUR``."""
    return f"{_decimal(value):f} {currency}"


def in_words(value: int, currency: str = "") -> str:
    """Return an amount with separators: ``1,250.00 EUR``, or ``1,250`` LLM tokens."""
    return f"{grouped(_decimal(value))} {currency}" if currency else grouped(value)


def _decimal(value: int) -> Decimal:
    """Units as an exact number without zeros at its end, but with two decimals."""
    found = Decimal(value).scaleb(-COST_PLACES).normalize()
    places = -int(found.as_tuple().exponent)
    return found if places >= _LEAST_PLACES else found.quantize(Decimal(1).scaleb(-_LEAST_PLACES))
