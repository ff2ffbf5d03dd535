"""Electronic invoices attached to PDFs: found, mapped, and compared with the page's text."""

import base64
import re
from collections.abc import Iterable
from pathlib import Path

from extraction.documents import pdf_child
from extraction.invoices.schema import InvoiceFields
from extraction.readers.einvoice.cii import fields_of_cii
from extraction.readers.einvoice.ubl import fields_of_ubl
from extraction.readers.einvoice.xml import parsed
from extraction.readers.text.layout import cut_lines
from extraction.readers.text.numbers import amounts_in, days_in, decimal_sign

_IN_WORD = re.compile(r"\w")


def einvoices_in(pdf: Path) -> list[InvoiceFields]:
    """Return what the electronic invoices attached to a PDF say; none for a broken PDF.

    One without number and total says nothing. A hostile one may take any time and memory: call it
    in the sandbox.
    """
    try:
        attached = pdf_child.attachments(str(pdf))
    except Exception:  # pypdf raises whatever a broken file provokes
        return []
    found = (fields_of(base64.b64decode(xml)) for xml in attached)
    return _distinct(
        fields
        for fields in found
        if fields is not None and (fields.invoice_number or fields.total_amount is not None)
    )


def fields_of(xml: bytes) -> InvoiceFields | None:
    """Map a CII or UBL document; None for every other XML, and for broken or hostile XML."""
    root = parsed(xml)
    match root.name:
        case "CrossIndustryInvoice" | "CrossIndustryDocument":
            return fields_of_cii(root)
        case "Invoice" | "CreditNote" as name:
            return fields_of_ubl(root, credit_note=name == "CreditNote")
    return None


def _distinct(einvoices: Iterable[InvoiceFields]) -> list[InvoiceFields]:
    """Return each invoice once: one may be attached in two formats, or as a shorter profile."""
    found: dict[tuple[object, ...], InvoiceFields] = {}
    for fields in einvoices:
        key = (fields.invoice_number, fields.invoice_date, fields.total_amount)
        if key not in found or len(fields.line_items) > len(found[key].line_items):
            found[key] = fields
    return list(found.values())


def not_on_page(fields: InvoiceFields, text: str) -> list[str]:
    """Return which of number, date, supplier and total the text of the page does not confirm.

    The attachment of a real invoice can state 963.11 where its page shows 963,12, or be positive
    where the page is negative; people see the page. An absent field is not confirmed either.
    """
    text = "\n".join(cut_lines(text))
    words = " ".join(text.split()).lower()
    sign = decimal_sign(text)
    values = {amount.value for amount in amounts_in(text, sign)}
    days = {reading for day in days_in(text) for reading in day.readings}
    missing = {
        "invoice number": not _contains(words, fields.invoice_number),
        "invoice date": fields.invoice_date not in days,
        "supplier": not _contains(words, fields.supplier.name),
        "total amount": fields.total_amount not in values,
    }
    return [name for name, is_missing in missing.items() if is_missing]


def _contains(words: str, value: str | None) -> bool:
    """Whether the words of a text hold the value, not as a part of a longer word or number."""
    wanted = " ".join((value or "").split()).lower()
    start = words.find(wanted) if wanted else -1
    while start >= 0:
        end = start + len(wanted)
        # Both neighbours at once: an empty slice at an end of the text is no letter either.
        if not any(map(_IN_WORD.match, (words[max(start - 1, 0) : start], words[end : end + 1]))):
            return True
        start = words.find(wanted, start + 1)
    return False
