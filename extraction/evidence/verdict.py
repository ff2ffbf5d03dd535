"""The verdict: proven, or why an invoice needs review. Pure: values in, reasons out.

An invoice needs review when

- a key value (number, date, supplier, total, tax, amount due, currency, tax ids, IBAN, the amount
  of a line) stands nowhere on the document and does not follow from values that do;
- the number, date, supplier or total is missing, or a value that the document prints is;
- there are no lines, or it is no invoice at all;
- page, electronic invoice and reader contradict each other;
- a check failed;
- there was nothing to compare with: a scan where no OCR is installed;
- the check digits of a tax id are wrong that OCR alone, or nothing, confirms;
- its reader has doubts.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from extraction.evidence.collection import Comparison
from extraction.evidence.findings import Doubt, Proof
from extraction.evidence.values import values_of
from extraction.invoices.checks.identifiers import is_made_up, tax_id_check_digits
from extraction.invoices.checks.sentences import explanations
from extraction.invoices.messages import (
    DOUBTS,
    INSTALL_OCR,
    NO_LINES,
    NOT_AN_INVOICE,
    NOT_COMPARED,
    NOT_READ,
    OTHER_DOCUMENT,
    PAGES_UNREAD,
    SAME_PARTY,
)
from extraction.invoices.names import name_of
from extraction.invoices.schema import (
    SCHEMA_VERSION,
    Check,
    Evidence,
    Invoice,
    InvoiceFields,
    Reason,
    UsageFields,
)
from extraction.invoices.validation import run_checks
from extraction.readers.base import Reading

_REQUIRED = ("invoice_number", "invoice_date", "total_amount")
# What settles a reader's doubt about a notation. A printed 1.234 or 03/04/2026 may itself be read
# in two ways, so that only a sum or the electronic invoice tells which is meant.
_SETTLED_BY = {
    "decimal_comma": ("xml", "text", "ocr", "sums"),
    "ambiguous_number": ("xml", "sums"),
    "ambiguous_date": ("xml",),
    "guessed_date": ("xml", "text", "ocr"),
}
# From so many key values on that are not printed, and no fewer than are, it is another document.
_FEWEST_STRANGE = 4


def judge(
    reading: Reading, comparison: Comparison, today: date, *, duplicate_of: str | None = None
) -> Invoice:
    """Return the canonical invoice with its evidence, its checks and the reasons for review.

    ``duplicate_of`` is the id of an earlier extraction of the same document.
    """
    checks = run_checks(reading.fields, today)
    reasons = distinct(reasons_of(reading, comparison, checks))
    return Invoice(
        **dict(reading.fields),
        checks=checks,
        needs_review=bool(reasons),
        reasons=reasons,
        warnings=list(reading.warnings),
        evidence=_evidence(reading.fields, comparison.proof),
        schema_version=SCHEMA_VERSION,
        model=reading.model,
        usage=UsageFields(
            input_tokens=reading.usage.input_tokens,
            output_tokens=reading.usage.output_tokens,
            thinking_tokens=reading.usage.thinking_tokens,
            cached_tokens=reading.usage.cached_tokens,
            total_tokens=reading.usage.total,
        ),
        duplicate_of=duplicate_of,
        further_invoices=list(reading.further),
    )


def reasons_of(
    reading: Reading, comparison: Comparison, checks: Sequence[Check]
) -> Iterator[Reason]:
    """Yield the reasons for review, those that concern the whole document first."""
    fields, sources, proof = reading.fields, comparison.sources, comparison.proof
    yield from _doubts_of_reader(reading, proof)
    yield from _other(fields)
    if comparison.proof is None:
        missing = sources.words is not None and sources.words.ocr_missing
        text = INSTALL_OCR if missing else NOT_COMPARED
        yield Reason(path="", code="unproven", text=text)
    elif sources.words is not None and sources.words.unread:
        numbers = ", ".join(map(str, sources.words.unread))
        yield Reason(path="", code="unproven", text=PAGES_UNREAD.format(numbers=numbers))
    yield from _missing(fields)
    if comparison.proof is not None:
        yield from _doubts(fields, comparison.proof)
    yield from _wrong_tax_ids(fields, comparison.proof)
    yield from _failures(checks)


def contradictions(fields: InvoiceFields, checks: Iterable[Check]) -> list[Reason]:
    """Return the reasons that follow from the values alone, whatever the document shows."""
    return [*_other(fields), *_missing(fields), *_failures(checks)]


def _other(fields: InvoiceFields) -> Iterator[Reason]:
    if fields.document_type == "other":
        yield Reason(path="document_type", code="other", text=NOT_AN_INVOICE)


def _failures(checks: Iterable[Check]) -> Iterator[Reason]:
    for check in checks:
        if not check.passed:
            for path, text in explanations(check):
                yield Reason(path=path, code=check.code, text=text)


def _wrong_tax_ids(fields: InvoiceFields, proof: Proof | None) -> Iterator[Reason]:
    """Yield the tax ids with wrong check digits, where OCR alone, or nothing, confirms them.

    OCR takes some letters and digits for each other, as models do. Ids that were made up for a
    sample are wrong on the document already, and those that are not printed have their reason.
    """
    check = tax_id_check_digits(fields)
    for path, text in explanations(check) if check and not check.passed else ():
        found = proof["evidence"].get(path) if proof else None
        is_unsure = proof is None or (found is not None and found["source"] == "ocr")
        if is_unsure and not is_made_up(_value_at(fields, path)):
            yield Reason(path=path, code="tax_id_check_digits", text=text)


def _doubts(fields: InvoiceFields, proof: Proof) -> Iterator[Reason]:
    strange = sum(doubt["code"] == "not_printed" for doubt in proof["doubts"])
    if strange >= _FEWEST_STRANGE and strange >= len(proof["evidence"]) / 2:
        yield Reason(path="", code="other_document", text=OTHER_DOCUMENT)
    for doubt in proof["doubts"]:
        text = _sentence(fields, doubt)
        yield Reason(path=doubt["path"], code=doubt["code"], text=text)


def distinct(reasons: Iterable[Reason]) -> list[Reason]:
    """Return what is said twice once: a reader may say of its own that this is no invoice."""
    found: dict[str, Reason] = {}
    for reason in reasons:
        found.setdefault(reason.text, reason)
    return list(found.values())


def _doubts_of_reader(reading: Reading, proof: Proof | None) -> Iterator[Reason]:
    """Yield what the reader doubts and the document does not settle."""
    evidence = proof["evidence"] if proof else {}
    if reading.reasons:
        for reason in reading.reasons:
            found = evidence.get(reason.path)
            if found is None or found["source"] not in _SETTLED_BY.get(reason.code, ()):
                yield reason
    elif reading.needs_review:
        for warning in reading.warnings or (NOT_COMPARED,):
            yield Reason(path="", code="reader_doubts", text=warning)


def _missing(fields: InvoiceFields) -> Iterator[Reason]:
    """Yield what every invoice has and this one lacks."""
    if fields.document_type == "other":
        return
    required = _REQUIRED[1:] if fields.document_type == "receipt" else _REQUIRED
    lacking = [name for name in required if getattr(fields, name) is None]
    if fields.supplier.name is None:
        lacking.append("supplier.name")
    for path in lacking:
        text = NOT_READ.format(name=name_of(path))
        yield Reason(path=path, code="absent", text=text)
    if fields.supplier.name and fields.supplier.name == fields.customer.name:
        yield Reason(path="customer.name", code="same_party", text=SAME_PARTY)
    for number, line in enumerate(fields.line_items):
        if line.amount is None and (line.quantity is not None or line.unit_price is not None):
            path = f"line_items.{number}.amount"
            yield Reason(path=path, code="absent", text=NOT_READ.format(name=name_of(path)))
    if not fields.line_items:
        yield Reason(path="line_items", code="no_lines", text=NO_LINES)


def _sentence(fields: InvoiceFields, doubt: Doubt) -> str:
    said = doubt["said"]
    template = DOUBTS[doubt["code"]][bool(said)]
    value = _value_at(fields, doubt["path"])
    return template.format(name=name_of(doubt["path"]), value=value, said=said)


def _value_at(fields: InvoiceFields, path: str) -> str:
    value: object = fields
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else getattr(value, part)
    return str(value)


def _evidence(fields: InvoiceFields, proof: Proof | None) -> dict[str, Evidence]:
    """Return the evidence of every value; ``model`` where nothing but the reader says it."""
    none = Evidence(source="model")
    places = proof["evidence"] if proof else {}
    found = {path: Evidence.model_validate(entry) for path, entry in places.items()}
    paths = (path for path, _, _ in values_of(fields.model_dump(mode="json")))
    return {path: found.get(path, none) for path in paths}
