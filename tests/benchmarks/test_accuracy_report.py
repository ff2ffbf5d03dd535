"""The report counts what was measured and names what was missed."""

from benchmarks.accuracy_report import report
from benchmarks.measured import DocumentKind, Measured, Receipt, Tried
from benchmarks.readings import FieldRead
from benchmarks.wrong_answers import DIGIT, NO_LINES, NULL, OTHER

MISSED = Tried(DIGIT, "total_amount", "total_amount", "90.00", "96.00", False, False)
TRIED = [
    Tried(DIGIT, "total_amount", "total_amount", "90.00", "90.08", True, True),
    MISSED,
    Tried(NULL, "iban", "iban", "NL50", None, False, False),
    Tried(NO_LINES, "line_items", "line_items", None, None, True, True),
    Tried(OTHER, "", "", None, None, True, False),
]
FIELDS = [
    FieldRead("total_amount", "text", "right", "90.00", "90.00", True),
    FieldRead("line_items.0.amount", "ocr", "wrong", "90.00", "96.00", False),
    FieldRead("iban", "", "missing", "NL50", None, False),
]
ALARM = {"path": "total_amount", "code": "wrong_sign", "text": "The sign is another."}


def measured(name: str = "a.pdf", kind: DocumentKind = "page", **fields: bool) -> Measured:
    return Measured(
        group="samples",
        name=name,
        kind=kind,
        is_stripped=fields.get("is_stripped", False),
        fields=FIELDS,
        needs_review=fields.get("needs_review", False),
        key_values=["total_amount", "iban"],
        reasons=[ALARM, {"path": "", "code": "unproven", "text": "Page 2 could not be read."}],
        contradicts_itself=fields.get("contradicts_itself", False),
        tried=TRIED,
    )


def test_shares_are_of_all_that_was_tried() -> None:
    text = report([measured()], None)

    row = "| Digital pages alone | 1 | 66.7 % of 3 (≥ 99 %) | 0 % of 1 | 100 % of 1 (100 %) |"
    assert f"{row} 50.0 % of 2 (≤ 3 %) |" in text
    assert "| total_amount | 1 / 2 |  |  |" in text
    assert "| all lines dropped | 1 / 1 |" in text
    assert "Named 1 of 2 right key values, 50.0 %; flagged 1 of 1 documents, 100 %." in text


def test_what_was_missed_is_named() -> None:
    text = report([measured(is_stripped=True)], None)

    assert "- total_amount, one digit: `a.pdf` without its e-invoice 90.00 → 96.00\n" in text
    assert "- iban, null: `a.pdf` without its e-invoice NL50\n" in text
    assert "- `a.pdf` without its e-invoice: the document (unproven): Page 2 could not" in text


def test_fields_are_counted_by_source() -> None:
    text = report([measured()], None)

    assert "| text | 1 | 1 | 0 | 0 | 0 | 0 |" in text
    assert "| ocr | 0 | 0 | 1 | 0 | 0 | 0 |" in text
    assert "| (not read) | 0 | 0 | 0 | 0 | 1 | 0 |" in text
    assert "| line_items[].amount | 0 | 0 | 1 | 0 | 0 | 0 |" in text
    assert "- `a.pdf`: line_items.0.amount is 96.00, not 90.00" in text


def test_wrong_values_of_a_flagged_document_are_not_listed() -> None:
    text = report([measured(needs_review=True)], None)

    assert "1 of 1 documents need review. Wrong values of the others: none." in text


def test_a_document_that_contradicts_itself_has_no_false_alarms() -> None:
    text = report([measured(kind="xml", contradicts_itself=True), measured(kind="xml")], None)

    assert "50.0 % of 2 (≤ 3 %) |" in text
    assert "Not counted, since page and e-invoice do differ:\n\n- `a.pdf`: total_amount" in text


def test_the_receipt_says_which_wrong_amount_is_named() -> None:
    wrong = {"line_items.1.amount": ("2.95", "2.99"), "line_items.2.amount": ("7.89", "7.85")}
    named = [{"path": "line_items.1.amount", "code": "not_printed", "text": "It is not printed."}]

    text = report([], Receipt(wrong, named, [ALARM], ["total_amount"]))

    assert "| line_items.1.amount | 2.95 | 2.99 | It is not printed. |" in text
    assert "| line_items.2.amount | 7.89 | 7.85 | not named |" in text
    assert "has 1 key values. Reasons:\n\n- total_amount: The sign is another." in text
