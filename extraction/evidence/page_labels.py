"""What the labels of a page say of an invoice: a second opinion on what was read, or left out."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from extraction.evidence.findings import Doubt, Found
from extraction.evidence.lines import text_of
from extraction.evidence.page_index import PageIndex
from extraction.readers.text import labels
from extraction.readers.text.layout import TextLayout

_AMOUNTS = {
    "total_amount": labels.TOTAL,
    "tax_total": labels.TAX,
    "amount_due": labels.DUE,
    "taxable_amount": labels.TAXABLE,
    "subtotal": labels.SUBTOTAL,
}
_DAYS = {"invoice_date": labels.DATE, "due_date": labels.DUE_DATE}


class PageLabels:
    """The labels of a document's text and the values beside or below them."""

    def __init__(self, page: PageIndex) -> None:
        self._page = page
        self._layout = TextLayout(text_of(page.lines))
        self._is_scan = any(line.from_ocr for line in page.lines)

    def said(self, path: str, value: str) -> str | None:
        """Return what the document prints at the label of a value, if it is another value."""
        found = self._at_label(path)
        return next((text for text in found if text != value), None)

    def contradiction(self, path: str, value: str, evidence: Found | None) -> str | None:
        """Return what the labels say instead of a value that stands on the page, or follows.

        A total that only follows from others must not contradict a printed one, unless OCR may have
        misread that; and a grand total is not below the largest of them. A date that stands at
        the label of the due date alone is not the date of the invoice.
        """
        if path == "invoice_date":
            issued, due = self._at_label("invoice_date"), self._at_label("due_date")
            return issued[0] if issued and value not in issued and value in due else None
        if path not in _AMOUNTS:
            return None
        amounts = [Decimal(text) for text in self._at_label(path)]
        if not amounts or abs(Decimal(value)) in map(abs, amounts):
            return None
        largest = max(amounts, key=abs)
        if evidence is not None and evidence["source"] == "sums":
            return None if self._is_scan else format(amounts[0], "f")
        is_smaller = path == "total_amount" and abs(largest) > abs(Decimal(value))
        return format(largest, "f") if is_smaller else None

    def missing(self, invoice: Mapping[str, Any]) -> Iterator[Doubt]:
        """Yield the values that were not read although the document prints them."""
        for path in ("due_date", "tax_total"):
            issued = invoice.get("invoice_date")
            found = [text for text in self._at_label(path) if text != issued]
            if invoice.get(path) is None and found and Decimal(0) != _number(found[0]):
                yield {"path": path, "code": "absent", "said": found[0]}
        net, total = (_number(invoice.get(name)) for name in ("taxable_amount", "total_amount"))
        if invoice.get("tax_total") is None and net and total and net != total:
            yield {"path": "tax_total", "code": "absent", "said": None}
        if invoice.get("currency") is None and self._page.currencies:
            yield {"path": "currency", "code": "absent", "said": None}

    def _at_label(self, path: str) -> list[str]:
        if path in _DAYS:
            day = self._layout.day(_DAYS[path])
            return [day.isoformat()] if day else []
        if path not in _AMOUNTS:
            return []
        amounts = self._layout.amounts(_AMOUNTS[path])
        if path == "total_amount":  # its labels also match the end of "net total"
            nets = self._layout.amounts((*labels.TAXABLE, *labels.SUBTOTAL))
            amounts = [amount for amount in amounts if amount not in nets] or amounts
        return [format(amount, "f") for amount in amounts]


def _number(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None
