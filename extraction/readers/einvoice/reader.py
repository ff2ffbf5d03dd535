"""Electronic invoices inside PDFs: found, mapped, and held against what the page prints."""

import base64
import binascii
import json
import re
import subprocess
from pathlib import Path

from lxml import etree

from extraction.documents import sandbox
from extraction.invoices.schema import InvoiceFields
from extraction.readers.einvoice.cii import fields_of_cii
from extraction.readers.einvoice.ubl import fields_of_ubl
from extraction.readers.einvoice.xml import Node
from extraction.readers.text.numbers import amounts_in, days_in, decimal_sign

SECONDS = 10.0


def einvoices_in(pdf: Path) -> list[InvoiceFields]:
    """Return what the electronic invoices attached to a PDF say; none for a hostile PDF."""
    found = (fields_of(xml) for xml in _attached_xml(pdf))
    return [fields for fields in found if fields is not None]


def _attached_xml(pdf: Path) -> list[bytes]:
    # In a child under limits: pypdf is pure Python and may follow a hostile file for ever.
    try:
        child = sandbox.run_pdf_child("attachments", pdf, timeout=SECONDS)
        return [base64.b64decode(xml) for xml in json.loads(child.stdout)]
    except (subprocess.TimeoutExpired, ValueError, binascii.Error):
        return []


def fields_of(xml: bytes) -> InvoiceFields | None:
    """Map a CII or UBL document; None for every other XML, and for broken or hostile XML."""
    # The parser that stopped billion laughs and an 800 MB attachment in the field.
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


def unprinted(fields: InvoiceFields, text: str) -> list[str]:
    """Return the names of the stated number, date, supplier and total that the text lacks.

    The attachment of a real invoice can say 963.11 where its page says 963,12, or be positive
    where the page is negative; people see the page. A field that is absent is lacking too.
    """
    sign = decimal_sign(text)
    values = {amount.value for amount in amounts_in(text, sign)}
    days = {reading for day in days_in(text) for reading in day.readings}
    doubtful = {
        "invoice number": not _stands(fields.invoice_number, text),
        "invoice date": fields.invoice_date not in days,
        "supplier": not _stands(fields.supplier.name, text),
        "total amount": fields.total_amount not in values,
    }
    return [name for name, lacking in doubtful.items() if lacking]


def _stands(value: str | None, text: str) -> bool:
    """Tell whether the value stands in the text, not as a part of a longer word or number."""
    if value is None:
        return False
    words = r"\s+".join(map(re.escape, value.split()))
    return re.search(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE) is not None
