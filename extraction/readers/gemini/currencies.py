"""ISO 4217 codes of currencies as models write them: in lower case, as signs, by name. Pure.

Codes and names are those of Unicode's CLDR, which Babel carries.
"""

import re
from collections.abc import Collection
from functools import cache
from unicodedata import category

from babel import Locale

from extraction.invoices.currency_signs import SIGNS
from extraction.invoices.messages import SEVERAL_CURRENCIES
from extraction.readers.gemini.notations import LONGEST_SCALAR, Doubt, Unclear, Understood, plain

_CODE = re.compile(r"\b[A-Z]{3}\b", re.ASCII)


@cache
def _names() -> dict[str, str]:
    """Return the codes by English name and by code, in lower case."""
    names = {name.casefold(): code for code, name in Locale("en").currencies.items()}
    return names | {code.casefold(): code for code in names.values()}


def is_money(word: str) -> bool:
    """Whether a word beside a number names its currency."""
    folded = word.casefold()
    sign = len(word) == 1 and category(word) == "Sc"
    return sign or folded in SIGNS or (len(word) == 3 and folded in _names())


def currency(written: str, told: Collection[str] = ()) -> Understood[str | None]:
    """Return the code of a currency written as code, sign or name. Raises Unclear for others.

    A sign of several currencies is that of them which the rest of the answer ``told``; if it told
    none, or more than one, the currency is None and in doubt.
    """
    shown = plain(written)
    if len(shown) > LONGEST_SCALAR:
        raise Unclear
    folded = shown.casefold().rstrip(".")
    if _CODE.fullmatch(shown) and folded not in SIGNS:  # RMB is no code
        return Understood(shown)
    names = _names()
    code = names.get(folded) or names.get(folded.removesuffix("s"))
    if code is not None:
        return Understood(code)
    candidates = SIGNS.get(folded) or {
        found for found in _CODE.findall(shown) if found.casefold() in names
    }
    if not candidates:
        raise Unclear
    meant = candidates if len(candidates) == 1 else candidates & set(told)
    if len(meant) == 1:
        return Understood(next(iter(meant)))
    several = SEVERAL_CURRENCIES.format(written=shown)
    return Understood(None, (Doubt("ambiguous_currency", several),))
