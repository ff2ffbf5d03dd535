"""Documents of which the right answer is known: the shared invoices, our samples, a folder."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

Answer = dict[str, Any]  # InvoiceFields as JSON

SUFFIXES = (".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
SAMPLES = Path(__file__).parents[1] / "samples"
# By file of the shared invoices, what is printed and their answers leave out or have otherwise.
_PRINTED: Mapping[str, Answer] = json.loads(
    Path(__file__).with_name("printed.json").read_text("utf-8")
)
_SAME_PAGE = {
    "33_AmazonWebServices.png": "26_AmazonWebServices.pdf",
    "47_raster_coolblue1.jpg": "29_coolblue1.pdf",
}
# Canonical names of the shared answers' header fields.
_HEADER = {
    "invoice_number": "invoice_no",
    "invoice_date": "invoice_date",
    "due_date": "due_date",
    "order_number": "purchase_order",
    "currency": "currency",
    "iban": "iban",
    "subtotal": "line_total",
    "discount_total": "allowances",
    "charge_total": "charges",
    "taxable_amount": "net_amount",
    "tax_total": "tax_amount",
    "total_amount": "total_amount",
    "prepaid_amount": "prepaid",
    "amount_due": "amount_due",
}


@dataclass(frozen=True, slots=True)
class Known:
    """A document with its right answer.

    ``facts`` are what its reading is compared with, and ``answer`` what a perfect model would
    answer. ``is_scan``: there is no text layer. ``has_xml``: it carries an e-invoice, and
    ``xml_differs``:
    which says something else than the page. ``is_stripped``: it was taken out.
    """

    group: str
    name: str
    content: bytes
    answer: Answer
    facts: Answer
    is_scan: bool = False
    has_xml: bool = False
    xml_differs: bool = False
    is_stripped: bool = False

    @property
    def supplier(self) -> str:
        """The supplier's name, to tell whether two invoices are another's."""
        return str(self.answer["supplier"]["name"])


def known_documents(shared: Path, folder: Path | None) -> Iterator[Known]:
    """Yield the documents of all groups that are there: shared, samples, folder."""
    if (shared / "invoices" / "manifest.csv").exists():
        yield from shared_invoices(shared / "invoices")
    yield from _answered("samples", SAMPLES, SAMPLES / "answers")
    if folder is not None:
        yield from _answered("folder", folder, folder)


def shared_invoices(folder: Path) -> Iterator[Known]:
    """Yield the shared invoices; the answer of one with an e-invoice is what that says."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_source = {row["source_path"]: row["file"] for row in rows if not row["derived"]}
    for row in rows:
        path = folder / row["file"]
        original = folder / by_source.get(row["source_path"], row["file"])
        printed = _PRINTED.get(_SAME_PAGE.get(path.name, original.name), {})
        stated = json.loads((folder / f"{path.name}.json").read_text("utf-8"))
        facts = complete({**answer_of_shared(stated), **printed})
        xml = _xml_of(original)
        yield Known(
            "shared",
            path.name,
            path.read_bytes(),
            answer=facts if xml is None else complete({**xml, **printed}),
            facts=facts,
            is_scan=row["kind"] != "digital PDF",
            has_xml=xml is not None and path == original,
            xml_differs="total_amount" in printed and xml is not None,
        )


def _answered(group: str, folder: Path, answers: Path) -> Iterator[Known]:
    """Yield the documents of a folder that have an answer beside them, or an e-invoice inside."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES:
            continue
        file = answers / f"{path.name}.json"
        xml = _xml_of(path)
        stated = json.loads(file.read_text("utf-8")) if file.exists() else xml
        if stated is None:
            print(f"{path.name} is left out: neither {file.name} nor an e-invoice says it.")
            continue
        answer = complete(stated)
        yield Known(
            group,
            path.name,
            path.read_bytes(),
            answer=answer,
            facts=answer,
            is_scan=not _has_text(path),
            has_xml=xml is not None,
        )


def complete(answer: Mapping[str, Any]) -> Answer:
    """Return an answer with every field, those that it leaves out as null."""
    from extraction.invoices.schema import EMPTY, InvoiceFields

    empty = EMPTY.model_dump(mode="json")
    given = {**empty, "document_type": "invoice", **answer}
    return InvoiceFields.model_validate(given).model_dump(mode="json")


def answer_of_shared(stated: Mapping[str, Any]) -> Answer:
    """Return an answer in the names of the shared invoices in canonical ones."""
    parties = {
        "supplier": {"name": stated.get("seller"), "tax_id": stated.get("seller_vat_id")},
        "customer": {"name": stated.get("buyer"), "tax_id": stated.get("buyer_vat_id")},
    }
    breakdown = [
        {"rate": row["rate"], "taxable_amount": row["basis"], "tax_amount": row["amount"]}
        for row in stated.get("tax_breakdown", ())
    ]
    lines = [_line(row) for row in stated.get("line_items", ()) if "line_note" not in row]
    header = {name: stated.get(theirs) for name, theirs in _HEADER.items()}
    return {**header, **parties, "tax_breakdown": breakdown, "line_items": lines}


def _line(row: Mapping[str, Any]) -> Answer:
    def first(*names: str) -> Any:
        found = (row[name] for name in names if row.get(name) is not None)
        value = next(found, None)
        return str(value) if isinstance(value, int | float) else value

    quantity = first("quantity", "qty")
    return {
        "description": first("description", "name", "desc"),
        "quantity": quantity,
        "unit_price": first("unit_price", "price_unit", "price") if quantity else None,
        "tax_rate": first("tax_rate", "line_tax_percent"),
        "amount": first("amount", "price_subtotal", "price_unit", "price"),
    }


def receipt_answer(recorded: Mapping[str, Any]) -> Answer:
    """Return what a model answered of the recorded receipt, or what is printed, in our fields."""
    address = ("storeStreetAddress", "storeCity", "storeState", "storeZip")
    lines = [
        {
            "description": line["description"],
            "quantity": str(line["quantity"]),
            "unit_price": _text(line["unitPrice"]),
            "amount": _text(line["lineTotal"]),
        }
        for line in recorded["lineItems"]
    ]
    return complete(
        {
            "document_type": "receipt",
            "invoice_date": recorded["transactionDate"],
            "order_number": recorded["orderId"],
            "currency": "USD",
            "supplier": {
                "name": recorded["merchantName"],
                "address": ", ".join(recorded[name] for name in address),
            },
            "line_items": lines,
            "subtotal": _text(recorded["subtotal"]),
            "tax_total": _text(recorded["salesTax"]),
            "total_amount": _text(recorded["orderTotal"]),
        }
    )


def _text(amount: float | None) -> str | None:
    return None if amount is None else format(Decimal(str(amount)), ".2f")


def without_xml(known: Known) -> Known:
    """Return a document without its attachments: its pages alone are left."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import ArrayObject, NameObject

    writer = PdfWriter()
    for page in PdfReader(BytesIO(known.content)).pages:
        added = writer.add_page(page)
        added.pop(NameObject("/AF"), None)
        kept = [one for one in added.annotations or () if not _is_attachment(one.get_object())]
        added[NameObject("/Annots")] = ArrayObject(kept)
    file = BytesIO()
    writer.write(file)
    return replace(
        known, content=file.getvalue(), has_xml=False, xml_differs=False, is_stripped=True
    )


def _is_attachment(annotation: Any) -> bool:
    return bool(annotation.get("/Subtype") == "/FileAttachment")


def _xml_of(path: Path) -> Answer | None:
    from extraction.readers.einvoice.reader import einvoices_in

    if path.suffix.lower() != ".pdf":
        return None
    found = next(iter(einvoices_in(path)), None)
    return None if found is None else found.model_dump(mode="json")


def _has_text(path: Path) -> bool:
    from pypdf import PdfReader

    if path.suffix.lower() != ".pdf":
        return False
    return any(page.extract_text().strip() for page in PdfReader(path).pages)
