"""Supplier and customer as EN 16931 wants them: country, VAT identifier and lines of an address."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from babel import Locale

from extraction.exports.texts import xml_text
from extraction.invoices.schema import Party

# Greece and Northern Ireland have prefixes of VAT identifiers that are no codes of countries.
_OF_PREFIX = {"EL": "GR", "XI": "GB"}
# In CLDR, and no codes of ISO 3166-1.
_NO_COUNTRIES = {
    *("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ")
}
# Languages in which addresses name countries.
_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "ne")
_BETWEEN_LINES = re.compile(r"[,;\n]")
_CODE = re.compile(r"[A-Z]{2}")
_POSTAL = re.compile(r"([0-9]{4,6}) (\S.*)")
_GROUPING = re.compile(r"[\s./-]")


@dataclass(frozen=True, slots=True)
class TradeParty:
    """A party. ``lines`` are those of its address that are neither city nor country, at most 3."""

    name: str
    lines: Sequence[str]
    post_code: str | None
    city: str | None
    country: str
    vat_id: str | None
    other_id: str | None


def country_of(party: Party) -> str | None:
    """Return the code of the country that the last line of an address names.

    Else that of the prefix of the VAT identifier, since invoices inside a country do not name it;
    None where neither says it.
    """
    lines = _lines(party)
    if lines and (code := _country(lines[-1])):
        return code
    vat_id = vat_id_of(party)
    return None if vat_id is None else _OF_PREFIX.get(vat_id[:2], vat_id[:2])


def vat_id_of(party: Party) -> str | None:
    """Return a tax id that begins with a country, without blanks and dots (BR-CO-09); else None."""
    tax_id = _GROUPING.sub("", party.tax_id or "").upper()
    prefix = tax_id[:2]
    known = prefix in _OF_PREFIX or prefix in _codes()
    return tax_id if known and any(letter.isdigit() for letter in tax_id) else None


def trade_party(party: Party, country: str) -> TradeParty:
    """Return a party with its address in parts."""
    lines = _lines(party)
    if lines and _country(lines[-1]):
        lines.pop()
    post_code = city = None
    for at, line in enumerate(lines):
        if match := _POSTAL.fullmatch(line):
            post_code, city = match.groups()
            del lines[at]
            break
    vat_id = vat_id_of(party)
    return TradeParty(
        name=xml_text(party.name or ""),
        lines=[*lines[:2], *filter(None, [", ".join(lines[2:])])],
        post_code=post_code,
        city=city,
        country=country,
        vat_id=vat_id,
        other_id=None if vat_id or party.tax_id is None else xml_text(party.tax_id),
    )


def _lines(party: Party) -> list[str]:
    parts = _BETWEEN_LINES.split(xml_text(party.address or ""))
    return [line for part in parts if (line := " ".join(part.split()))]


def _country(line: str) -> str | None:
    if _CODE.fullmatch(line):
        return line if line in _codes() else None
    return _countries().get(line.casefold())


@functools.cache
def _countries() -> dict[str, str]:
    """The codes of ISO 3166-1 by the names of the countries."""
    return {
        name.casefold(): code
        for language in _LANGUAGES
        for code, name in Locale(language).territories.items()
        if _CODE.fullmatch(code) and code not in _NO_COUNTRIES
    }


@functools.cache
def _codes() -> frozenset[str]:
    return frozenset(_countries().values())
