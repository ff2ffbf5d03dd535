"""Looks for every value of an invoice on its pages; runs in the sandbox's child process.

    JOB

JOB is a JSON file: ``invoice`` (InvoiceFields), ``pages`` (number, source and words of each) and
``einvoice``, what the embedded electronic invoice says, or null. Run by
``extraction.documents.sandbox.run_child``.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from extraction.documents.words import PageWords, Word
from extraction.evidence.findings import Doubt, Found, Proof
from extraction.evidence.page_index import PageIndex
from extraction.evidence.page_labels import PageLabels
from extraction.evidence.printed_texts import Place
from extraction.evidence.roles import are_swapped
from extraction.evidence.sums import derived
from extraction.evidence.values import Kind, is_key, values_of


def answer(arguments: list[str]) -> Proof:
    """Prove what the job's invoice says."""
    job = json.loads(Path(arguments[0]).read_text("utf-8"))
    pages = [
        PageWords(number, source, [Word(text, tuple(box)) for text, *box in words])
        for number, source, words in job["pages"]
    ]
    return prove(job["invoice"], pages, job["einvoice"])


def prove(
    invoice: Mapping[str, Any], pages: Sequence[PageWords], einvoice: Mapping[str, Any] | None
) -> Proof:
    """Return where the values of an invoice stand, and what speaks against them.

    ``invoice`` and ``einvoice`` are InvoiceFields as JSON. Without pages and e-invoice nothing is
    proven.
    """
    page = PageIndex(pages)
    values = {path: (kind, value) for path, kind, value in values_of(invoice)}
    places = {path: page.find(kind, value) for path, (kind, value) in values.items()}
    evidence: dict[str, Found] = {
        path: _found(_nearest(path, found, places)) for path, found in places.items() if found
    }
    doubts: list[Doubt] = []
    labels = PageLabels(page)
    if einvoice is not None:
        stated = {path: value for path, _, value in values_of(einvoice)}
        for path, (kind, value) in values.items():
            if path in stated and _same(kind, value, stated[path]):
                evidence.setdefault(path, Found(source="xml", page=None, box=None))
        doubts += _contradictions(values, stated)
    numbers = {
        path: Decimal(value) for path, (kind, value) in values.items() if kind is Kind.NUMBER
    }
    zeros = {path for path, number in numbers.items() if not number}
    proven = {path for path in numbers if path in evidence}
    for path in derived(numbers, proven | zeros):
        evidence[path] = Found(source="sums", page=None, box=None)
    for path, (_, value) in values.items():
        if is_key(path) and path not in evidence and path not in zeros:
            doubts.append(Doubt(path=path, code="not_printed", said=labels.said(path, value)))
        elif is_key(path) and (said := labels.contradiction(path, value, evidence.get(path))):
            doubts.append(Doubt(path=path, code="contradicts_label", said=said))
    doubts += labels.missing(invoice)
    if are_swapped(places.get("supplier.name", []), places.get("customer.name", []), page.lines):
        doubts.append(Doubt(path="supplier.name", code="swapped", said=None))
    return Proof(evidence=evidence, doubts=doubts)


def _found(place: Place) -> Found:
    source = "ocr" if place.from_ocr else "text"
    return Found(source=source, page=place.page, box=[round(side, 4) for side in place.box])


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


def _same(kind: Kind, value: str, stated: str) -> bool:
    if kind is Kind.NUMBER:
        return Decimal(value) == Decimal(stated)
    return " ".join(value.split()).casefold() == " ".join(stated.split()).casefold()


def _contradictions(
    values: Mapping[str, tuple[Kind, str]], stated: Mapping[str, str]
) -> list[Doubt]:
    """Return the key values of which the embedded e-invoice states another one."""
    return [
        Doubt(path=path, code="contradicts_einvoice", said=stated[path])
        for path, (kind, value) in values.items()
        if is_key(path) and path in stated and not _same(kind, value, stated[path])
    ]
