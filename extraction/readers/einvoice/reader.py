"""Electronic invoices attached to PDFs: found and mapped."""

import base64
from collections.abc import Iterable
from pathlib import Path

from extraction.documents import pdf_child
from extraction.invoices.schema import InvoiceFields
from extraction.readers.einvoice.cii import fields_of_cii
from extraction.readers.einvoice.ubl import fields_of_ubl
from extraction.readers.einvoice.xml import parsed


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
