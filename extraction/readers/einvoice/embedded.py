"""The e-invoices inside a PDF: found in the sandbox, and read instead of its pages."""

import functools
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from extraction.documents import sandbox
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu
from extraction.invoices.messages import (
    ANOTHER_EINVOICE,
    LINES_FROM_PAGE,
    NO_NUMBER,
    OF_DAY,
    OVER_AMOUNT,
)
from extraction.invoices.schema import EMPTY, InvoiceFields
from extraction.readers.base import Reading
from extraction.readers.text.rules import fields_in
from extraction.readers.text.sources import text_layer

if TYPE_CHECKING:
    # Not where it runs: lxml belongs into the child.
    from extraction.readers.einvoice.child import Answer

# The model of a result that no model and no rule has read.
MODEL = "e-invoice"
# An ordinary e-invoice takes 0.3 s.
LIMITS = Limits(cpu=10, wall=30)
_CHILD = "extraction.readers.einvoice.child"
_CENT = Decimal("0.01")


def embedded_einvoices(pdf: Path) -> list[InvoiceFields]:
    """Return what the e-invoices inside a PDF say, the likeliest first; none for a broken PDF.

    None, too, for a hostile one. Raises OutOfTime when this machine did not get to it, and OSError
    for a fault of the disk.
    """
    stat = pdf.stat()
    return list(_look(pdf, stat.st_mtime_ns, stat.st_size))


# The pipeline, the offline reader and the evidence ask for the same document one after another.
@functools.lru_cache(maxsize=1)
def _look(pdf: Path, _modified: int, _size: int) -> tuple[InvoiceFields, ...]:
    if not _may_have_attachments(pdf.read_bytes()):
        return ()
    try:
        answer: Answer = sandbox.run_child(_CHILD, str(pdf), limits=LIMITS)
    except (OutOfCpu, ChildDied):
        # A hostile attachment. The page is what people see, and it is read without it.
        return ()
    return tuple(InvoiceFields.model_validate(fields) for fields in answer)


def _may_have_attachments(pdf: bytes) -> bool:
    """Whether a PDF can hold a file: for most this saves a child process.

    A file specification with a file has EF (ISO 32000-2, 7.11.3). It may lie in a compressed
    object stream, but never the file itself, of which everything that writes such PDFs states the
    type, the dates (Params) or the media type (text/xml, with # and a code for the slash).
    """
    return any(sign in pdf for sign in (b"/EF", b"/EmbeddedFile", b"/Params", b"#2Fxml", b"#2fxml"))


def is_complete(fields: InvoiceFields) -> bool:
    """Whether an e-invoice says all that an invoice must have, its lines included.

    Those of the profiles MINIMUM and BASIC WL have no lines.
    """
    party = fields.supplier.name
    required = (fields.invoice_number, fields.invoice_date, party, fields.currency)
    return all(required) and fields.total_amount is not None and bool(fields.line_items)


def read_einvoice(pdf: Path) -> Reading | None:
    """Return the first of a PDF's e-invoices as its reading, the others beside it; None for none.

    Where the XML has no lines, the page's are read by rules; they need no review when they add up
    to the XML's net amount. Raises OutOfTime and OSError.
    """
    einvoices = embedded_einvoices(pdf)
    if not einvoices:
        return None
    fields, *others = einvoices
    warnings: list[str] = []
    if not fields.line_items:
        fields = _with_lines_of(_read_page(pdf), fields)
        if fields.line_items and not _lines_add_up(fields):
            warnings.append(LINES_FROM_PAGE)
    warnings += [another(other) for other in others]
    return Reading(
        fields,
        MODEL,
        needs_review=bool(warnings),
        warnings=tuple(warnings),
        further=tuple(others),
    )


def another(fields: InvoiceFields) -> str:
    """Return the sentence that tells people of a further e-invoice in the same PDF."""
    told = fields.invoice_number or NO_NUMBER
    if fields.invoice_date:
        told = OF_DAY.format(invoice=told, day=fields.invoice_date)
    if fields.total_amount is not None:
        amount = f"{fields.total_amount:f} {fields.currency or ''}".rstrip()
        told = OVER_AMOUNT.format(invoice=told, amount=amount)
    return ANOTHER_EINVOICE.format(invoice=told)


def _read_page(pdf: Path) -> InvoiceFields:
    """Return what rules read from the text of the pages, nothing where that takes too long."""
    try:
        return fields_in(text_layer(pdf, settings.MAX_PAGES))
    except (OutOfCpu, ChildDied):
        return EMPTY


def _with_lines_of(page: InvoiceFields, fields: InvoiceFields) -> InvoiceFields:
    """Return an e-invoice without lines with those of its page, and what they are printed with."""
    same_tax = page.tax_total == fields.tax_total
    return fields.model_copy(
        update={
            "line_items": page.line_items,
            "due_date": fields.due_date or page.due_date,
            "tax_breakdown": fields.tax_breakdown or (page.tax_breakdown if same_tax else []),
        }
    )


def _lines_add_up(fields: InvoiceFields) -> bool:
    net = fields.taxable_amount if fields.subtotal is None else fields.subtotal
    lines = sum((line.amount or Decimal() for line in fields.line_items), Decimal())
    return net is not None and abs(lines - net) <= _CENT
