"""Typed values from e-invoice XML by local names, since profiles differ in namespaces."""

import codecs
import re
from datetime import date
from decimal import Decimal

from lxml import etree

from extraction.invoices.schema import DocumentType

# The codes that EN 16931 allows for a credit note. 384, a corrected invoice, may be either.
CREDIT_NOTE_CODES = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"}
)
MAX_TEXT = 2000  # the canonical invoice's limit
# XML Schema part 2, 3.2.3: decimal. "300.", ".5" and "+007" are numbers, "1E3" and "1,5" are not.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
# The canonical invoice holds 24 digits.
_WHOLE_DIGITS = 14
_PLACES = 10
_CURRENCY = re.compile(r"[A-Z]{3}")
_DAY = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
_BLANKS = b" \t\r\n\0"
# Bytes that are UTF-8 are nothing else, whatever they are declared as. Windows' code page is what
# most of those declared as UTF-8 are written in that are not.
_ENCODINGS = ("utf-8", None, "windows-1252")


class Node:
    """An element or, for a path without one, an empty node whose values are all None."""

    def __init__(self, element: etree._Element | None) -> None:
        self._element = element

    def __bool__(self) -> bool:
        return self._element is not None

    def first(self, *paths: str) -> "Node":
        """Return the first element under the first of the paths that leads to one."""
        return next(iter(self.all(*paths)), Node(None))

    def all(self, *paths: str) -> list["Node"]:
        """Return the elements under each of the paths of local names."""
        if self._element is None:
            return []
        queries = ("/".join(f"{{*}}{name}" for name in path.split("/")) for path in paths)
        return [Node(element) for query in queries for element in self._element.findall(query)]

    @property
    def name(self) -> str:
        """The local name of the element."""
        return "" if self._element is None else etree.QName(self._element).localname

    def attribute(self, name: str) -> str | None:
        """Return an attribute of the element, None where it is blank."""
        return None if self._element is None else _on_one_line(self._element.get(name))

    def text(self, *paths: str) -> str | None:
        """Return the text at the first path that has some, or its own, on one line."""
        for node in [self] if not paths else (node for path in paths for node in self.all(path)):
            if value := _on_one_line(None if node._element is None else node._element.text):
                return value
        return None

    def texts(self, path: str) -> str | None:
        """Return the texts of all elements under a path, in one line."""
        return _on_one_line(" ".join(filter(None, (node.text() for node in self.all(path)))))

    def truth(self, path: str) -> bool:
        """Whether the text at a path says true."""
        return self.text(path) in ("true", "1")

    def number(self, *paths: str) -> Decimal | None:
        """Return the text at the first path that has some as a decimal; None if it is none."""
        value = self.text(*paths)
        return _decimal(value) if value and _NUMBER.fullmatch(value) else None

    def day(self, *paths: str) -> date | None:
        """Return the text at the first path that has some as a date: 20180305 or 2018-03-05…"""
        found = _DAY.match(self.text(*paths) or "")
        try:
            return date(*map(int, found.groups())) if found else None
        except ValueError:
            return None


def _on_one_line(text: str | None) -> str | None:
    return " ".join((text or "").split())[:MAX_TEXT].strip() or None


def parsed(xml: bytes) -> Node:
    """Return the root of a document; an empty node for what is not XML, or hostile.

    Blanks and a byte order mark before the XML declaration are left out. An encoding may be
    declared wrongly.
    """
    xml = _without_utf_16(xml).lstrip(codecs.BOM_UTF8 + _BLANKS).rstrip(_BLANKS)
    for encoding in _ENCODINGS:
        # Tried with billion laughs and an attachment of 800 MB: both were rejected. Without
        # comments, since a value ends for lxml where one begins.
        parser = etree.XMLParser(
            encoding=encoding,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            return Node(etree.fromstring(xml, parser))
        except (etree.XMLSyntaxError, ValueError):
            continue
    return Node(None)


def _without_utf_16(xml: bytes) -> bytes:
    """Return UTF-16, with or without a byte order mark, as UTF-8, and everything else as it is."""
    if xml.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in xml[:2]:
        encoding = "utf-16-be" if xml[:1] == b"\0" else "utf-16-le"
    else:
        return xml
    return xml.decode(encoding, "replace").encode("utf-8", "replace")


def _decimal(text: str) -> Decimal | None:
    """Return a number, rounded where it has more places than the invoice holds."""
    value = Decimal(text)
    if value.adjusted() >= _WHOLE_DIGITS:
        return None
    if -int(value.as_tuple().exponent) > _PLACES:
        value = round(value, _PLACES)
    return value or abs(value)  # no "-0.00"


def document_type(code: str | None, total_amount: Decimal | None) -> DocumentType:
    """Return the type of a UNTDID 1001 code; a negative total is a credit note anyway."""
    credited = code in CREDIT_NOTE_CODES or (total_amount is not None and total_amount < 0)
    return "credit_note" if credited else "invoice"


def total(numbers: list[Decimal | None]) -> Decimal | None:
    """Return the sum of the present numbers, or None without any."""
    present = [number for number in numbers if number is not None]
    return sum(present, Decimal()) if present else None


def price_of(
    price: Node, quantity: Decimal | None, amount: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """Return a price as it is stated, and the quantity that it is for; None where that is one.

    Odoo states the billed quantity as base quantity but the price of one: the amount shows it.
    """
    stated = price.number("ChargeAmount", "PriceAmount")
    base = price.number("BasisQuantity", "BaseQuantity")
    if stated is None or not base or base == 1 or (quantity and quantity * stated == amount):
        return stated, None
    return stated, base


def difference(whole: Decimal | None, part: Decimal | None) -> Decimal | None:
    """Return what is left of a sum without one of its parts, where both are known."""
    return None if whole is None or part is None else whole - part


def account(number: str | None) -> str | None:
    """Return the number of an account without the blanks that people group it by."""
    return "".join((number or "").split()) or None


def currency(code: str | None) -> str | None:
    """Return the code, in capitals, if it has the form of ISO 4217, else None."""
    code = (code or "").upper()
    return code if _CURRENCY.fullmatch(code) else None


def own_tax(amounts: list[Node], money: str | None, tax: Decimal | None) -> list[int]:
    """Return which of several stated tax amounts make up the invoice's tax, as their positions.

    The same tax may be stated again in the currency of the tax office: never added. Those in the
    currency of the invoice are parts, unless one of them alone is what ``tax`` should be: it is
    repeated then. So are those without a currency, where all together are what it should be.
    """
    stated = [at for at, amount in enumerate(amounts) if amount.number() is not None]
    in_money = {at: currency(amounts[at].attribute("currencyID")) for at in stated}
    own = [at for at in stated if in_money[at] == money]
    unnamed = [at for at in stated if amounts[at].attribute("currencyID") is None]

    def added(places: list[int]) -> Decimal | None:
        return total([amounts[at].number() for at in places])

    if not own or (unnamed and added(own) != tax == added(sorted(own + unnamed))):
        own = sorted(own + unnamed)
    whole = [at for at in own if amounts[at].number() == tax]
    if added(own) != tax and whole:
        return whole[:1]
    return own


def joined(*parts: str | None) -> str | None:
    """Return the present parts as one address line."""
    return ", ".join(part for part in parts if part)[:MAX_TEXT] or None


def hs_code(codes: list[Node]) -> str | None:
    """Return the first code of a classification by the Harmonized System (UNTDID 7143: HS)."""
    return next((code.text() for code in codes if code.attribute("listID") == "HS"), None)
