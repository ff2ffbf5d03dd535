"""Electronic invoices attached to PDFs: found, mapped, and compared with the page's text."""

import base64
import binascii
import json
import re
from pathlib import Path

from lxml import etree

from extraction.documents import sandbox
from extraction.documents.sandbox import Limits, OutOfCpu, OutOfTime
from extraction.invoices.schema import InvoiceFields
from extraction.readers.einvoice.cii import fields_of_cii
from extraction.readers.einvoice.ubl import fields_of_ubl
from extraction.readers.einvoice.xml import Node
from extraction.readers.text.numbers import amounts_in, days_in, decimal_sign

LIMITS = Limits(cpu=10, wall=10)


def einvoices_in(pdf: Path) -> list[InvoiceFields]:
    """Return what the electronic invoices attached to a PDF say; none for a hostile PDF."""
    found = (fields_of(xml) for xml in _attached_xml(pdf))
    return [fields for fields in found if fields is not None]


def _attached_xml(pdf: Path) -> list[bytes]:
    # In a child under limits: pypdf may never come to an end with a hostile file.
    try:
        child = sandbox.run_pdf_child("attachments", pdf, limits=LIMITS)
        return [base64.b64decode(xml) for xml in json.loads(child.stdout)]
    except (OutOfCpu, OutOfTime, ValueError, binascii.Error):
        return []


def fields_of(xml: bytes) -> InvoiceFields | None:
    """Map a CII or UBL document; None for every other XML, and for broken or hostile XML."""
    # Tried with billion laughs and an attachment of 800 MB: both were rejected.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    match etree.QName(root).localname:
        case "CrossIndustryInvoice" | "CrossIndustryDocument":
            return fields_of_cii(Node(root))
        case "Invoice" | "CreditNote" as name:
            return fields_of_ubl(Node(root), credit_note=name == "CreditNote")
    return None


def not_on_page(fields: InvoiceFields, text: str) -> list[str]:
    """Return which of number, date, supplier and total the text of the page does not confirm.

    The attachment of a real invoice can state 963.11 where its page shows 963,12, or be positive
    where the page is negative; people see the page. An absent field is not confirmed either.
    """
    sign = decimal_sign(text)
    values = {amount.value for amount in amounts_in(text, sign)}
    days = {reading for day in days_in(text) for reading in day.readings}
    missing = {
        "invoice number": not _contains(text, fields.invoice_number),
        "invoice date": fields.invoice_date not in days,
        "supplier": not _contains(text, fields.supplier.name),
        "total amount": fields.total_amount not in values,
    }
    return [name for name, is_missing in missing.items() if is_missing]


def _contains(text: str, value: str | None) -> bool:
    """Whether the text has the value, not as a part of a longer word or number."""
    if value is None:
        return False
    words = r"\s+".join(map(re.escape, value.split()))
    return re.search(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE) is not None
