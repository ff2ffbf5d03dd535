"""Typed values from e-invoice XML by local names, since profiles differ in namespaces."""

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
_NUMBER = re.compile(r"[+-]?\d{1,14}(\.\d{1,10})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")


class Node:
    """An element or, for a path without one, an empty node whose values are all None."""

    def __init__(self, element: etree._Element | None) -> None:
        self._element = element

    def __bool__(self) -> bool:
        return self._element is not None

    def first(self, *paths: str) -> "Node":
        """Return the first element under the first of the paths that leads to one."""
        for path in paths:
            for node in self.all(path):
                return node
        return Node(None)

    def all(self, path: str) -> list["Node"]:
        """Return the elements under a path of local names; ``//`` in front searches deep."""
        if self._element is None:
            return []
        deep = ".//" if path.startswith("//") else ""
        query = deep + "/".join(f"{{*}}{name}" for name in path.removeprefix("//").split("/"))
        return [Node(element) for element in self._element.findall(query)]

    def attribute(self, name: str) -> str | None:
        """Return an attribute of the element."""
        return None if self._element is None else self._element.get(name)

    def text(self, *paths: str) -> str | None:
        """Return the text at the first path that has some, or its own, on one line."""
        for node in [self] if not paths else (node for path in paths for node in self.all(path)):
            content = None if node._element is None else node._element.text
            if value := " ".join((content or "").split()):
                return value[:MAX_TEXT].strip()
        return None

    def number(self, *paths: str) -> Decimal | None:
        """Return the text at the first path that has some as a decimal; None if it is none."""
        value = self.text(*paths)
        return Decimal(value) if value and _NUMBER.fullmatch(value) else None

    def day(self, *paths: str) -> date | None:
        """Return the text at the first path that has some as a date: 20180305 or 2018-03-05…"""
        found = _DAY.match(self.text(*paths) or "")
        try:
            return date(*map(int, found.groups())) if found else None
        except ValueError:
            return None


def document_type(code: str | None, total_amount: Decimal | None) -> DocumentType:
    """Return the type of a UNTDID 1001 code; a negative total is a credit note anyway."""
    credited = code in CREDIT_NOTE_CODES or (total_amount is not None and total_amount < 0)
    return "credit_note" if credited else "invoice"


def total(numbers: list[Decimal | None]) -> Decimal | None:
    """Return the sum of the present numbers, or None without any."""
    present = [number for number in numbers if number is not None]
    return sum(present, Decimal()) if present else None


def unit_price(price: Node, quantity: Decimal | None, amount: Decimal | None) -> Decimal | None:
    """Return the price of one unit, also where ``price`` is that of a base quantity.

    Odoo states the billed quantity as base quantity but the price of one: the amount shows it.
    """
    stated = price.number("ChargeAmount", "PriceAmount")
    base = price.number("BasisQuantity", "BaseQuantity")
    if stated is None or not base or base == 1 or (quantity and quantity * stated == amount):
        return stated
    return round(stated / base, 6).normalize()


def currency(code: str | None) -> str | None:
    """Return the code if it has the form of ISO 4217, else None."""
    return code if code and _CURRENCY.fullmatch(code) else None


def joined(*parts: str | None) -> str | None:
    """Return the present parts as one address line."""
    return ", ".join(part for part in parts if part)[:MAX_TEXT] or None
