"""What the labels of a page say of an invoice: a second opinion on what was read, or left out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from extraction.evidence import more_labels
from extraction.evidence.findings import Doubt, Found
from extraction.evidence.left_out import (
    is_due_by_terms,
    missing_in_rows,
    owner_of,
    printed_net,
    vat_ids,
)
from extraction.evidence.page_index import PageIndex
from extraction.evidence.printed_ibans import ibans_in
from extraction.evidence.printed_texts import folded
from extraction.evidence.values import Kind, values_of
from extraction.readers.text import labels
from extraction.readers.text.layout import TextLayout

_AMOUNTS = {
    "total_amount": (*labels.TOTAL, *more_labels.TOTAL),
    "tax_total": labels.TAX,
    "amount_due": labels.DUE,
    "taxable_amount": (*labels.TAXABLE, *more_labels.TAXABLE),
    "subtotal": labels.SUBTOTAL,
}
# "Zahlbar innerhalb 30 Tagen netto bis 04.04.2018"
_PAY_BY = re.compile(
    r"\b(?:payable|pay(?:ment)?|zahlbar|zahlung|rein netto|netto|[àa] payer)\b"
    r"[^\n]{0,40}?\b(?:by|before|until|bis|avant le)\b",
    re.IGNORECASE,
)
# Those of the total that are not the amount due's as well.
_TOTAL_ALONE = tuple(
    label for label in _AMOUNTS["total_amount"] if "due" not in label.pattern.lower()
)
_PARTIES = ("supplier", "customer")
# Numbers that are not the invoice's.
_OTHER_NUMBERS = (labels.ORDER, labels.DELIVERY_NOTE)


class PageLabels:
    """The labels of a document's text and the values beside or below them."""

    def __init__(self, page: PageIndex) -> None:
        self._page = page
        self._layout = TextLayout(page.text)
        self._found: dict[str, Sequence[str]] = {}
        self._is_scan = any(line.from_ocr for line in page.lines)

    def said(self, path: str, value: str, invoice: Mapping[str, Any]) -> str | None:
        """Return what the document prints at the label of a value, if it is another value."""
        match path:
            case "supplier.tax_id" | "customer.tax_id":
                return self._other_tax_id(path.partition(".")[0], value, invoice)
            case "iban":
                return next(ibans_in(self._layout.lines), None)
            case "currency":
                named = list(self._page.currencies)
                return named[0] if len(named) == 1 else None
        found = self._at_label(path)
        return next((text for text in found if text != value), None)

    def _other_tax_id(self, party: str, value: str, invoice: Mapping[str, Any]) -> str | None:
        """Return the labelled tax id of a party, for one that is not printed.

        One of the same kind: a number of the tax office is none of the VAT.
        """
        read = {folded(invoice[each]["tax_id"] or "") for each in _PARTIES}
        for of, found in self._tax_ids():
            is_alike = found[:2].isalpha() == value[:2].isalpha()
            if of == party and is_alike and folded(found) not in read:
                return found
        return None

    def contradiction(
        self, path: str, value: str, evidence: Found, invoice: Mapping[str, Any]
    ) -> str | None:
        """Return what the labels say instead of a value that stands on the page, or follows."""
        match path:
            case "invoice_number":
                return self._other_number(value)
            case "invoice_date":
                return self._other_date(value, [*self._at_label("due_date"), invoice["due_date"]])
        return self._other_amount(path, value, evidence, invoice) if path in _AMOUNTS else None

    def _other_number(self, value: str) -> str | None:
        """Return the number at an invoice number's label, for one that is labelled as another's."""
        number = self._layout.word(labels.NUMBER)
        others = [self._layout.word(label) for label in _OTHER_NUMBERS]
        is_other = folded(value) in [folded(other) for other in others if other]
        return number if number and is_other and folded(number) != folded(value) else None

    def _other_date(self, value: str, due: Sequence[str | None]) -> str | None:
        """Return the labelled date of issue, for a date that is the due date's."""
        issued = self._at_label("invoice_date")
        return issued[0] if issued and value not in issued and value in due else None

    def _other_amount(
        self, path: str, value: str, evidence: Found, invoice: Mapping[str, Any]
    ) -> str | None:
        """Return the labelled amount that an amount contradicts.

        One that only follows from others must not contradict a printed one, unless OCR may have
        misread that; nor may any where what is printed is no amount of the invoice at all; and a
        grand total is not below the largest of those at its labels.
        """
        amounts = [Decimal(text) for text in self._at_label(path)]
        if not amounts or abs(Decimal(value)) in map(abs, amounts):
            return None
        largest = max(amounts, key=abs)
        is_unknown = not _amounts_of(invoice) & set(map(abs, amounts))
        if not self._is_scan and (evidence["source"] == "sums" or is_unknown):
            return format(amounts[0], "f")
        if evidence["source"] == "sums":
            return None
        is_smaller = path == "total_amount" and abs(largest) > abs(Decimal(value))
        if not is_smaller or (self._is_scan and _may_be_misread(value, format(largest, "f"))):
            return None
        return format(largest, "f")

    def missing(self, invoice: Mapping[str, Any], *, is_einvoice: bool) -> Iterator[Doubt]:
        """Yield the values that were not read although the document prints them.

        An electronic invoice may leave out whom it is addressed to, and an account.
        """
        for path in ("due_date", "tax_total"):
            issued = invoice.get("invoice_date")
            found = [text for text in self._at_label(path) if text != issued]
            if invoice.get(path) is None and found and Decimal(0) != _number(found[0]):
                yield {"path": path, "code": "absent", "said": found[0]}
            elif path == "due_date" and invoice.get(path) is None and self._is_due(is_einvoice):
                yield {"path": path, "code": "absent", "said": None}
        untaxed, total = (_number(invoice.get(name)) for name in ("taxable_amount", "total_amount"))
        if invoice.get("tax_total") is None and untaxed and total and untaxed != total:
            yield {"path": "tax_total", "code": "absent", "said": None}
        if invoice.get("currency") is None and self._page.currencies:
            yield {"path": "currency", "code": "absent", "said": None}
        due = self._at_label("amount_due")
        is_other = total not in map(_number, due)
        if invoice.get("amount_due") is None and due and (is_other or self._is_at_own_label(total)):
            yield {"path": "amount_due", "code": "absent", "said": due[0]}
        if net := printed_net(invoice, self._page):
            yield {"path": "taxable_amount", "code": "absent", "said": format(net, "f")}
        yield from missing_in_rows(invoice, self._page)
        yield from self._missing_tax_ids(invoice)
        if not is_einvoice:
            yield from self._missing_parties(invoice)

    def _is_due(self, is_einvoice: bool) -> bool:
        """Whether a due date stands beside its label, or follows from terms.

        Below a label may stand the date of issue alone. An e-invoice may state terms instead of the
        date (EN 16931, BR-CO-25).
        """
        due = (labels.DUE_DATE, more_labels.DUE_DATE)
        beside = any(self._layout.day(label, below=False) for label in due)
        return beside or (not is_einvoice and is_due_by_terms(self._layout.lines))

    def _is_at_own_label(self, total: Decimal | None) -> bool:
        """Whether the total stands at a label of its own, so that an amount due is one more."""
        return total in self._layout.amounts(_TOTAL_ALONE)

    def _missing_parties(self, invoice: Mapping[str, Any]) -> Iterator[Doubt]:
        """Yield the customer and the account that are labelled and were not read."""
        customer = self._layout.name(labels.CUSTOMER, surely=True)
        if invoice["customer"]["name"] is None and customer is not None:
            yield {"path": "customer.name", "code": "absent", "said": customer}
        iban = next(ibans_in(self._layout.lines), None)
        if invoice.get("iban") is None and iban is not None:
            yield {"path": "iban", "code": "absent", "said": iban}

    def _missing_tax_ids(self, invoice: Mapping[str, Any]) -> Iterator[Doubt]:
        """Yield the parties whose labelled tax id was not read."""
        read = {party: folded(invoice[party]["tax_id"] or "") for party in _PARTIES}
        for party, found in self._tax_ids():
            if not read[party] and folded(found) not in read.values():
                yield {"path": f"{party}.tax_id", "code": "absent", "said": found}
                read[party] = folded(found)
        for found in (*(each for _, each in self._tax_ids()), *vat_ids(self._layout.lines)):
            if owner := owner_of(found, read):
                yield {"path": f"{owner}.tax_id", "code": "absent", "said": found}
                read[owner] = folded(found)

    def _tax_ids(self) -> Iterator[tuple[str, str]]:
        """Yield the labelled tax ids, each after the party that it is of."""
        for line in self._layout.lines:
            for found in labels.TAX_ID.finditer(line):
                is_customers = labels.OF_CUSTOMER.search(found[0])
                yield ("customer" if is_customers else "supplier"), found["id"]

    def _at_label(self, path: str) -> Sequence[str]:
        if path not in self._found:  # several questions ask for it
            self._found[path] = self._look_up(path)
        return self._found[path]

    def _look_up(self, path: str) -> Sequence[str]:
        if path == "invoice_date":
            day = self._first_day(labels.DATE, more_labels.DATE)
            day = day or self._layout.day_in_line(labels.NUMBER)
            return [day.isoformat()] if day else []
        if path == "due_date":
            due = (labels.DUE_DATE, more_labels.DUE_DATE, _PAY_BY)
            days = (self._layout.day(label) for label in due)
            return [day.isoformat() for day in days if day]
        if path not in _AMOUNTS:
            return []
        amounts = self._layout.amounts(_AMOUNTS[path])
        if path == "total_amount":  # its labels also match the end of "net total"
            nets = self._layout.amounts((*_AMOUNTS["taxable_amount"], *labels.SUBTOTAL))
            amounts = [amount for amount in amounts if amount not in nets] or amounts
        return [format(amount, "f") for amount in amounts]

    def _first_day(self, *of: re.Pattern[str]) -> date | None:
        return next(filter(None, map(self._layout.day, of)), None)


def _amounts_of(invoice: Mapping[str, Any]) -> set[Decimal]:
    """Return all numbers of an invoice, without signs."""
    return {abs(Decimal(text)) for _, kind, text in values_of(invoice) if kind is Kind.NUMBER}


def _may_be_misread(value: str, other: str) -> bool:
    """Whether OCR may have taken one amount for the other: a single digit differs."""
    differing = [one != two for one, two in zip(value, other, strict=False)]
    return len(value) == len(other) and sum(differing) == 1


def _number(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None
