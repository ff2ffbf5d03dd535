"""Looks for every value of an invoice on its pages; runs in the sandbox's child process.

    JOB

JOB is a JSON file: ``invoice`` (InvoiceFields), ``pages`` (what each one's PageWords hold),
``einvoice``, what the embedded electronic invoice says, or null, and ``is_einvoice``. Run by
``extraction.documents.sandbox.run_child``.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from extraction.documents.words import PageWords, Word, turned_back
from extraction.evidence.findings import Doubt, Found, Proof
from extraction.evidence.page_index import PageIndex
from extraction.evidence.page_labels import PageLabels
from extraction.evidence.printed_texts import Place, folded
from extraction.evidence.roles import Party, are_swapped
from extraction.evidence.rows import other_rows
from extraction.evidence.sums import derived
from extraction.evidence.values import Kind, is_always_printed, is_key, values_of
from extraction.invoices.checks.dates import follows_from_terms


def answer(arguments: list[str]) -> Proof:
    """Prove what the job's invoice says."""
    job = json.loads(Path(arguments[0]).read_text("utf-8"))
    pages = [
        PageWords(number, source, [Word(text, tuple(box)) for text, *box in words], turn)
        for number, source, words, turn in job["pages"]
    ]
    return prove(job["invoice"], pages, job["einvoice"], is_einvoice=job["is_einvoice"])


def prepare() -> None:
    """Load and compile what every proof needs, by proving an example."""
    party = {"name": "Acme Ltd", "tax_id": None}
    amounts = ("subtotal", "taxable_amount", "tax_total", "total_amount")
    invoice = {
        **{"invoice_number": "1", "invoice_date": "2026-01-31", "due_date": None},
        **{"currency": "EUR", "supplier": party, "customer": party},
        **dict.fromkeys(amounts, "1.00"),
    }
    texts = ("Total", "2.00", "31", "January", "2026", "Amount", "due", "1.00")
    words = [Word(text, (0.1, 0.1, 0.2, 0.2)) for text in texts]
    prove(invoice, [PageWords(1, "text", words)])


def prove(
    invoice: Mapping[str, Any],
    pages: Sequence[PageWords],
    einvoice: Mapping[str, Any] | None = None,
    *,
    is_einvoice: bool = False,
) -> Proof:
    """Return where the values of an invoice stand, and what speaks against them.

    ``invoice`` and ``einvoice`` are InvoiceFields as JSON; ``is_einvoice``: the one was read from
    the other, so that it confirms nothing.
    """
    page = PageIndex(pages)
    values = {path: (kind, value) for path, kind, value in values_of(invoice)}
    places = {
        path: page.amounts(value)
        if kind is Kind.NUMBER and is_key(path)
        else page.find(kind, value)
        for path, (kind, value) in values.items()
    }
    turns = {one.number: one.turn for one in pages}
    nearest = {path: _nearest(path, found, places) for path, found in places.items() if found}
    evidence = {path: _found(place, turns[place.page]) for path, place in nearest.items()}
    numbers = {
        path: Decimal(value) for path, (kind, value) in values.items() if kind is Kind.NUMBER
    }
    zeros = {path for path, number in numbers.items() if not number}
    for path in derived(numbers, zeros | (numbers.keys() & evidence.keys())):
        evidence[path] = Found(source="sums", page=None, box=None)
    if _is_due_by_terms(invoice, evidence):
        evidence["due_date"] = Found(source="sums", page=None, box=None)
    stated = {path: value for path, _, value in values_of(einvoice or {})}
    same = {path for path, (kind, value) in values.items() if _same(kind, value, stated.get(path))}
    if not is_einvoice:
        evidence |= {path: _confirmed(evidence.get(path)) for path in same}
    if is_einvoice and _is_tax_missing(invoice, evidence):
        del evidence["tax_total"]
    labels = PageLabels(page)
    doubts: list[Doubt] = []
    for path, (_, value) in values.items():
        if not is_key(path) or path in zeros:
            continue
        if path in evidence:
            said = labels.contradiction(path, value, evidence[path], invoice)
            if said is not None:
                doubts.append(Doubt(path=path, code="contradicts_label", said=said))
        else:
            said = labels.said(path, value, invoice)
            if not is_einvoice:
                doubts.append(Doubt(path=path, code="not_printed", said=said))
            elif said is not None or is_always_printed(path):
                doubts.append(Doubt(path=path, code="not_on_page", said=said))
    total = values.get("total_amount")
    if total is not None and page.has_other_sign(total[1]):
        doubts.append(Doubt(path="total_amount", code="wrong_sign", said=None))
    doubts += _contradictions(values, stated)
    doubts += _left_out(values, einvoice or {}, page)
    named = {doubt["path"] for doubt in doubts}
    rows = other_rows(invoice, page, is_einvoice=is_einvoice)
    doubts += [doubt for doubt in rows if doubt["path"] not in named]
    missing = labels.missing(invoice, is_einvoice=is_einvoice)
    doubts += [doubt for doubt in missing if doubt["path"] not in named]
    supplier, customer = (
        Party(places.get(f"{party}.name", []), places.get(f"{party}.tax_id", []))
        for party in ("supplier", "customer")
    )
    if are_swapped(supplier, customer, page.lines):
        doubts.append(Doubt(path="supplier.name", code="swapped", said=None))
    if is_einvoice:
        evidence |= {path: _confirmed(evidence.get(path)) for path in same}
    return Proof(evidence=evidence, doubts=doubts)


def _is_due_by_terms(invoice: Mapping[str, Any], evidence: Mapping[str, Found]) -> bool:
    """Whether a due date that is not printed follows from date and terms that are."""
    issued, due, terms = (
        invoice.get(path) for path in ("invoice_date", "due_date", "payment_terms")
    )
    if not (issued and due and terms) or "due_date" in evidence:
        return False
    if not evidence.keys() >= {"invoice_date", "payment_terms"}:
        return False
    return follows_from_terms(date.fromisoformat(issued), date.fromisoformat(due), terms)


def _is_tax_missing(invoice: Mapping[str, Any], evidence: Mapping[str, Found]) -> bool:
    """Whether the tax only follows from other values, and is no sum of several that are printed.

    The pages of an e-invoice print it: that another one stands there would not be seen.
    """
    found = evidence.get("tax_total")
    return found is not None and found["source"] == "sums" and len(invoice["tax_breakdown"]) <= 1


def _confirmed(found: Found | None) -> Found:
    """Return the evidence of a value that the electronic invoice states as well."""
    if found is None or found["source"] == "sums":
        return Found(source="xml", page=None, box=None)
    return Found(source="xml", page=found["page"], box=found["box"])


def _found(place: Place, turn: int) -> Found:
    """Return the evidence of a value at a place of a page that was turned so far."""
    source = "ocr" if place.from_ocr else "text"
    box = [round(side, 4) for side in turned_back(place.box, turn)]
    return Found(source=source, page=place.page, box=box)


def _nearest(path: str, found: list[Place], places: Mapping[str, list[Place]]) -> Place:
    """Return the place of a value of a row that is nearest to the row's description."""
    row, _, _ = path.rpartition(".")
    anchors = places.get(f"{row}.description") if row.startswith("line_items.") else None
    if not anchors:
        return found[0]
    anchor = anchors[0]
    return min(
        found,
        key=lambda place: (place.page != anchor.page, abs(place.box[1] - anchor.box[1])),
    )


def _same(kind: Kind, value: str, stated: str | None) -> bool:
    """Whether the electronic invoice states a value, if in other letters or with more of a name."""
    if stated is None:
        return False
    match kind:
        case Kind.NUMBER:
            return Decimal(value) == Decimal(stated)
        case Kind.NAME:
            shorter, longer = sorted((folded(value), folded(stated)), key=len)
            return bool(shorter) and longer.startswith(shorter)
    return folded(value) == folded(stated)


def _contradictions(
    values: Mapping[str, tuple[Kind, str]], stated: Mapping[str, str]
) -> list[Doubt]:
    """Return the key values of which the embedded e-invoice states another one."""
    return [
        Doubt(path=path, code="contradicts_einvoice", said=stated[path])
        for path, (kind, value) in values.items()
        if is_key(path) and path in stated and not _same(kind, value, stated[path])
    ]


def _left_out(
    values: Mapping[str, tuple[Kind, str]], einvoice: Mapping[str, Any], page: PageIndex
) -> list[Doubt]:
    """Return the key values that were not read, though e-invoice and page have them.

    Of rows only those that were read: a missing row shows in the sums.
    """
    rows = {_row_of(path) for path in values}
    return [
        Doubt(path=path, code="absent", said=value)
        for path, kind, value in values_of(einvoice)
        if is_key(path)
        and path not in values
        and (path.count(".") < 2 or _row_of(path) in rows)
        and not (kind is Kind.NUMBER and not Decimal(value))
        and page.find(kind, value)
    ]


def _row_of(path: str) -> str:
    return path.rpartition(".")[0]
