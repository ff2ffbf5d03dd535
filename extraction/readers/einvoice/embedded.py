"""The e-invoices inside a PDF: found in the sandbox, and read instead of its pages."""

import functools
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from extraction.documents import sandbox
from extraction.documents.sandbox import ChildDied, Limits, OutOfCpu
from extraction.documents.temp_dirs import temp_dir
from extraction.invoices.schema import InvoiceFields
from extraction.readers.base import Reading
from extraction.readers.text.sources import text_layer

# The model of a result that no model and no rule has read.
MODEL = "e-invoice"
# An ordinary e-invoice takes 0.3 s.
LIMITS = Limits(cpu=10, wall=30)
NO_LINES = (
    "The electronic invoice states no lines, and none were found on the page: add what is missing."
)
LINES_FROM_PAGE = (
    "The electronic invoice states no lines: those of the page were read by simple rules and do "
    "not add up to its net amount. Compare them."
)
NOT_COMPARED = "The text of the page could not be read: compare it with the electronic invoice."
_CHILD = "extraction.readers.einvoice.child"
_CENT = Decimal("0.01")


def embedded_einvoices(pdf: Path) -> list[InvoiceFields]:
    """Return what the e-invoices inside a PDF say, the likeliest first; none for a broken PDF.

    None, too, for a hostile one. Raises OutOfTime when this machine did not get to it, and OSError
    for a fault of the disk.
    """
    stat = pdf.stat()
    return list(_found(pdf, stat.st_mtime_ns, stat.st_size))


# The pipeline, the offline reader and the evidence ask for the same document one after another.
@functools.lru_cache(maxsize=1)
def _found(pdf: Path, _modified: int, _size: int) -> tuple[InvoiceFields, ...]:
    if not _may_have_attachments(pdf.read_bytes()):
        return ()
    try:
        einvoices = sandbox.run_child(_CHILD, "find", str(pdf), limits=LIMITS)
    except (OutOfCpu, ChildDied):
        # A hostile attachment. The page is what people see, and it is read without it.
        return ()
    return tuple(InvoiceFields.model_validate(fields) for fields in einvoices)


def _may_have_attachments(pdf: bytes) -> bool:
    """Whether a PDF can hold a file: for most this saves a child process.

    An attachment has a dictionary with EF (ISO 32000-2, 7.11.3), in clear or in an object stream.
    """
    return b"/EF" in pdf or b"/ObjStm" in pdf


def is_complete(fields: InvoiceFields) -> bool:
    """Whether an e-invoice says all that an invoice must have, its lines included.

    Those of the profiles MINIMUM and BASIC WL have no lines.
    """
    party = fields.supplier.name
    required = (fields.invoice_number, fields.invoice_date, party, fields.currency)
    return all(required) and fields.total_amount is not None and bool(fields.line_items)


def read_einvoice(pdf: Path, page_count: int, einvoices: Sequence[InvoiceFields]) -> Reading:
    """Return the first of a PDF's e-invoices as its reading, with the others beside it.

    What the page does not confirm needs review. Where the XML has no lines, the page's are read by
    rules; they need no review when they add up to the XML's net amount. Raises OutOfTime and
    OSError.
    """
    fields, *others = einvoices
    warnings, page = _compare(fields, text_layer(pdf, page_count))
    if not fields.line_items:
        fields = _with_lines_of(page, fields)
        if not fields.line_items:
            warnings.append(NO_LINES)
        elif not _lines_add_up(fields):
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
    total = "" if fields.total_amount is None else f"{fields.total_amount:f}"
    name = fields.invoice_number or "one without a number"
    day = f" of {fields.invoice_date}" if fields.invoice_date else ""
    amount = f" over {total} {fields.currency or ''}".rstrip() if total else ""
    return f"The PDF carries another electronic invoice, {name}{day}{amount}: see to both."


def _compare(fields: InvoiceFields, text: str) -> tuple[list[str], InvoiceFields | None]:
    """Return warnings of what the page does not confirm, and what rules read from it if need be."""
    with temp_dir() as folder:
        xml, page = folder / "fields", folder / "text"
        xml.write_text(fields.model_dump_json(exclude_defaults=True), "utf-8")
        page.write_text(text, "utf-8")
        try:
            compared = sandbox.run_child(_CHILD, "compare", str(xml), str(page), limits=LIMITS)
        except (OutOfCpu, ChildDied):
            return [NOT_COMPARED], None  # hostile text
    warnings = [
        f"The {name} of the electronic invoice is not printed on the page: compare it."
        for name in compared["not_on_page"]
    ]
    said = compared["page"]
    return warnings, None if said is None else InvoiceFields.model_validate(said)


def _with_lines_of(page: InvoiceFields | None, fields: InvoiceFields) -> InvoiceFields:
    """Return an e-invoice without lines with those of its page, and what they are printed with."""
    if page is None:
        return fields
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
