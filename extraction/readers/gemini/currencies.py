"""ISO 4217 codes of currencies as models write them: in lower case, as signs, by name. Pure.

Codes and names are those of Unicode's CLDR, which Babel carries.
"""

import re
from collections.abc import Collection
from functools import cache
from unicodedata import category

from babel import Locale

from extraction.readers.gemini.notations import LONGEST_SCALAR, Doubt, Unclear, Understood, plain

_CODE = re.compile(r"\b[A-Z]{3}\b", re.ASCII)
_RUPEES = frozenset({"NPR", "INR", "PKR", "LKR"})

# Signs and abbreviations beside the codes, in lower case. CLDR's English has the signs of one
# country each; the rest are those that invoices print.
_SIGNS = {
    "€": {"EUR"}, "£": {"GBP"}, "₹": {"INR"}, "₽": {"RUB"}, "₩": {"KRW"}, "₺": {"TRY"},
    "₫": {"VND"}, "₱": {"PHP"}, "₪": {"ILS"}, "฿": {"THB"}, "₴": {"UAH"}, "₦": {"NGN"},
    "₡": {"CRC"}, "₲": {"PYG"}, "₸": {"KZT"}, "₮": {"MNT"}, "₵": {"GHS"}, "₾": {"GEL"},
    "₼": {"AZN"}, "৳": {"BDT"}, "us$": {"USD"}, "ca$": {"CAD"}, "c$": {"CAD"}, "a$": {"AUD"},
    "au$": {"AUD"}, "nz$": {"NZD"}, "hk$": {"HKD"}, "sg$": {"SGD"}, "s$": {"SGD"}, "r$": {"BRL"},
    "mx$": {"MXN"}, "nt$": {"TWD"}, "cn¥": {"CNY"}, "jp¥": {"JPY"}, "円": {"JPY"}, "元": {"CNY"},
    "zł": {"PLN"}, "kč": {"CZK"}, "ft": {"HUF"}, "lei": {"RON"}, "лв": {"BGN"}, "руб": {"RUB"},
    "sfr": {"CHF"}, "fr": {"CHF"}, "नेरू": {"NPR"}, "नेरु": {"NPR"}, "nrs": {"NPR"}, "inrs": {"INR"},
    "¥": {"JPY", "CNY"}, "kr": {"SEK", "NOK", "DKK"}, "rs": _RUPEES, "re": _RUPEES,
    "₨": _RUPEES, "रु": _RUPEES, "रू": _RUPEES, "rupee": _RUPEES, "rupees": _RUPEES,
    "$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"},
}  # fmt: skip


@cache
def _names() -> dict[str, str]:
    """Return the codes by English name and by code, in lower case."""
    names = {name.casefold(): code for code, name in Locale("en").currencies.items()}
    return names | {code.casefold(): code for code in names.values()}


def is_money(word: str) -> bool:
    """Whether a word beside a number names its currency."""
    folded = word.casefold()
    sign = len(word) == 1 and category(word) == "Sc"
    return sign or folded in _SIGNS or (len(word) == 3 and folded in _names())


def currency(written: str, told: Collection[str] = ()) -> Understood[str | None]:
    """Return the code of a currency written as code, sign or name. Raises Unclear for others.

    A sign of several currencies is that of them which the rest of the answer ``told``; if it told
    none, or more than one, the currency is None and in doubt.
    """
    shown = plain(written)
    if len(shown) > LONGEST_SCALAR:
        raise Unclear
    if _CODE.fullmatch(shown):
        return Understood(shown)
    folded = shown.casefold().rstrip(".")
    names = _names()
    code = names.get(folded) or names.get(folded.removesuffix("s"))
    if code is not None:
        return Understood(code)
    candidates = _SIGNS.get(folded) or {
        found for found in _CODE.findall(shown) if found.casefold() in names
    }
    if not candidates:
        raise Unclear
    meant = candidates if len(candidates) == 1 else candidates & set(told)
    if len(meant) == 1:
        return Understood(next(iter(meant)))
    several = f'"{shown}" stands for several currencies.'
    return Understood(None, (Doubt("ambiguous_currency", several),))
