"""The verdict over what a reading says, what its document proves, and the checks."""

from datetime import date
from pathlib import Path

import pytest

from extraction.documents.document import Document
from extraction.documents.page_words import DocumentWords
from extraction.evidence.collection import Comparison, Sources
from extraction.evidence.findings import Doubt, Found, Proof
from extraction.evidence.verdict import judge
from extraction.invoices import messages
from extraction.invoices.schema import EMPTY, Evidence, Invoice, InvoiceFields, Reason
from extraction.invoices.validation import run_checks
from extraction.readers.base import Reading
from tests.extraction.evidence.pages import page_of
from tests.extraction.evidence.test_proof import INVOICE
from tokens.usage import Usage

TODAY = date(2026, 11, 24)
FIELDS = InvoiceFields.model_validate(INVOICE)
NO_DOUBT = Proof(evidence={}, doubts=[])
DOCUMENT = Document(Path("invoice.pdf"), "application/pdf", ())
READABLE = Sources(DOCUMENT, DocumentWords((page_of("Invoice"),)))


def judged(
    fields: InvoiceFields = FIELDS,
    *,
    sources: Sources = READABLE,
    proof: Proof | None = NO_DOUBT,
    needs_review: bool = False,
    warnings: tuple[str, ...] = (),
) -> Invoice:
    reading = Reading(fields, "gemini-3.8-flash", needs_review=needs_review, warnings=warnings)
    return judge(reading, Comparison(sources, proof), TODAY)


def reasons(invoice: Invoice) -> list[tuple[str, str]]:
    return [(reason.path, reason.code) for reason in invoice.reasons]


def changed(**fields: object) -> InvoiceFields:
    return InvoiceFields.model_validate(INVOICE | fields)


def test_an_invoice_without_a_reason_needs_no_review() -> None:
    invoice = judged()

    assert (invoice.needs_review, invoice.reasons) == (False, [])
    assert invoice.checks == run_checks(FIELDS, TODAY)


@pytest.mark.parametrize(
    ("code", "settled_by"),
    [
        ("decimal_comma", {"xml", "text", "ocr", "sums"}),
        ("ambiguous_number", {"xml", "sums"}),
        ("ambiguous_date", {"xml"}),
        ("guessed_date", {"xml", "text", "ocr"}),
        ("cut", set()),
    ],
)
def test_a_doubt_of_the_reader_lasts_until_the_document_settles_it(
    code: str, settled_by: set[str]
) -> None:
    doubt = Reason(path="total_amount", code=code, text="total_amount: a guess.")
    reading = Reading(
        FIELDS, "gemini-3.8-flash", needs_review=True, warnings=(doubt.text,), reasons=(doubt,)
    )
    found: dict[str, Proof] = {
        source: Proof(
            evidence={"total_amount": Found(source=source, page=None, box=None)}, doubts=[]
        )
        for source in ("xml", "text", "ocr", "sums")
    }

    assert judge(reading, Comparison(READABLE, NO_DOUBT), TODAY).reasons == [doubt]
    for source, proof in found.items():
        invoice = judge(reading, Comparison(READABLE, proof), TODAY)
        assert invoice.reasons == ([] if source in settled_by else [doubt])
        assert invoice.warnings == [doubt.text]


@pytest.mark.parametrize(
    ("source", "tax_id", "is_flagged"),
    [
        ("ocr", "DE136695977", True),
        ("ocr", "DE136695976", False),
        ("ocr", "DE123456789", False),  # of a sample
        ("ocr", "136695977", False),  # of no known country
        ("text", "DE136695977", False),
        ("xml", "DE136695977", False),
        ("model", "DE136695977", False),  # not printed, which is a reason of its own
        (None, "DE136695977", True),
    ],
)
def test_wrong_check_digits_of_a_tax_id_are_a_reason_where_ocr_may_have_misread_it(
    source: str | None, tax_id: str, is_flagged: bool
) -> None:
    found = Found(source=source or "", page=1, box=None)
    proof = Proof(evidence={"supplier.tax_id": found}, doubts=[])
    if source == "model":
        proof = NO_DOUBT
    fields = changed(supplier={"name": "Harbour Lamps Ltd", "tax_id": tax_id, "address": None})

    told = reasons(judged(fields, proof=proof if source else None))

    assert (("supplier.tax_id", "tax_id_check_digits") in told) == is_flagged


def test_a_doubt_is_told_with_its_value() -> None:
    doubt = Doubt(path="total_amount", code="not_printed", said="90.00")
    fields = changed(total_amount="96.00")

    reasons = judged(fields, proof=Proof(evidence={}, doubts=[doubt])).reasons

    assert (reasons[0].path, reasons[0].code) == ("total_amount", "not_printed")
    assert reasons[0].text == "The total 96.00 is not printed on the document; 90.00 is."


@pytest.mark.parametrize(
    ("code", "said", "text"),
    [
        ("not_printed", None, "The due date 2026-05-17 is not printed on the document."),
        (
            "contradicts_label",
            "2026-05-18",
            "The due date was read as 2026-05-17, but the document prints 2026-05-18 for it.",
        ),
        (
            "contradicts_einvoice",
            "2026-05-18",
            "The due date was read as 2026-05-17, but the electronic invoice says 2026-05-18.",
        ),
        ("absent", "2026-05-18", "The due date was not read, but the document prints 2026-05-18."),
        ("absent", None, "The due date was not read, but the document prints one."),
        ("swapped", None, messages.SWAPPED),
    ],
)
def test_each_kind_of_doubt_has_its_sentence(code: str, said: str | None, text: str) -> None:
    doubt = Doubt(path="due_date", code=code, said=said)

    [reason] = judged(proof=Proof(evidence={}, doubts=[doubt])).reasons

    assert reason.text == text


def test_a_value_in_a_line_is_named_by_its_line() -> None:
    doubt = Doubt(path="line_items.1.amount", code="not_printed", said=None)

    [reason] = judged(proof=Proof(evidence={}, doubts=[doubt])).reasons

    assert reason.text == "The amount of line 2 90.00 is not printed on the document."


def test_what_every_invoice_has_must_have_been_read() -> None:
    fields = changed(
        invoice_number=None,
        invoice_date=None,
        due_date=None,
        total_amount=None,
        supplier={"name": None},
        line_items=[],
        amount_due=None,
    )

    assert reasons(judged(fields)) == [
        ("invoice_number", "absent"),
        ("invoice_date", "absent"),
        ("total_amount", "absent"),
        ("supplier.name", "absent"),
        ("line_items", "no_lines"),
    ]


def test_a_line_with_a_quantity_needs_an_amount() -> None:
    lines = [
        {"description": "Copy paper A4", "quantity": "24", "amount": None},
        {"description": "Thank you", "amount": None},
    ]

    found = reasons(judged(changed(line_items=lines)))

    assert [path for path, code in found if code == "absent"] == ["line_items.0.amount"]


def test_a_receipt_needs_no_number() -> None:
    assert reasons(judged(changed(document_type="receipt", invoice_number=None))) == []


def test_supplier_and_customer_are_two() -> None:
    same = changed(customer={"name": "Acme Supplies Ltd"})

    assert reasons(judged(same)) == [("customer.name", "same_party")]


def test_what_is_no_invoice_is_for_people() -> None:
    assert reasons(judged(EMPTY)) == [("document_type", "other")]


def test_most_values_not_printed_is_another_document() -> None:
    paths = ["invoice_number", "invoice_date", "supplier.name", "total_amount"]
    doubts = [Doubt(path=path, code="not_printed", said=None) for path in paths]
    found = Found(source="text", page=1, box=None)

    other = judged(proof=Proof(evidence={"currency": found}, doubts=doubts))
    same = judged(proof=Proof(evidence=dict.fromkeys("abcdefghi", found), doubts=doubts))

    assert ("", "other_document") in reasons(other)
    assert ("", "other_document") not in reasons(same)


@pytest.mark.parametrize(
    ("sources", "text"),
    [
        (Sources(DOCUMENT, DocumentWords((), unread=(1,), ocr_missing=True)), messages.INSTALL_OCR),
        (Sources(DOCUMENT, DocumentWords((), unread=(1,))), messages.NOT_COMPARED),
        (Sources(DOCUMENT, None), messages.NOT_COMPARED),
        (
            Sources(DOCUMENT, DocumentWords((page_of("Invoice"),), unread=(2, 3))),
            messages.PAGES_UNREAD.format(numbers="2, 3"),
        ),
    ],
)
def test_what_could_not_be_compared_is_unproven(sources: Sources, text: str) -> None:
    proof = NO_DOUBT if sources.is_readable else None
    [reason] = judged(sources=sources, proof=proof).reasons

    assert (reason.path, reason.code, reason.text) == ("", "unproven", text)


def test_words_that_could_not_be_searched_prove_nothing() -> None:
    [reason] = judged(proof=None).reasons

    assert (reason.code, reason.text) == ("unproven", messages.NOT_COMPARED)


def test_the_doubts_of_the_reader_are_reasons_and_its_notes_are_not() -> None:
    doubtful = judged(needs_review=True, warnings=("Compare it.",))
    noted = judged(warnings=("Two dates were written alike.",))

    assert [reason.text for reason in doubtful.reasons] == ["Compare it."]
    assert (noted.needs_review, noted.warnings) == (False, ["Two dates were written alike."])


def test_a_failed_check_is_a_reason() -> None:
    assert "total_adds_up" in [code for _, code in reasons(judged(changed(total_amount="700.00")))]


def test_evidence_is_kept_for_every_value() -> None:
    found = Found(source="text", page=1, box=[0.1, 0.2, 0.3, 0.4])

    invoice = judged(proof=Proof(evidence={"total_amount": found}, doubts=[]))

    assert invoice.evidence["total_amount"] == Evidence(
        source="text", page=1, box=(0.1, 0.2, 0.3, 0.4)
    )
    assert invoice.evidence["line_items.0.amount"] == Evidence(source="model")
    assert "order_number" not in invoice.evidence


def test_an_invoice_keeps_what_the_reading_says_beside_its_fields() -> None:
    usage = Usage(input_tokens=40, output_tokens=2, thinking_tokens=7, cached_tokens=5)
    reading = Reading(FIELDS, "gemini-3.8-flash", usage=usage, warnings=("Compare it.",))

    invoice = judge(reading, Comparison(READABLE, NO_DOUBT), TODAY, duplicate_of="an-earlier-one")

    assert invoice.model == "gemini-3.8-flash"
    assert invoice.duplicate_of == "an-earlier-one"
    assert invoice.usage.model_dump() == {
        "input_tokens": 40,
        "output_tokens": 2,
        "thinking_tokens": 7,
        "cached_tokens": 5,
        "total_tokens": 49,
    }
