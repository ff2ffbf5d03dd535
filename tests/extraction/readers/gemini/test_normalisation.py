"""An answer that is right but for its form is read; what was guessed is told; the rest is asked."""

import json
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.invoices.messages import CREDIT_NOTE, QUOTED
from extraction.invoices.names import titled
from extraction.invoices.schema import InvoiceFields, LineItem, Party
from extraction.readers.gemini.answers import clean_json
from extraction.readers.gemini.normalisation import (
    MOST_REASONS,
    Normalised,
    Unusable,
    normalised,
)

ANSWER: dict[str, Any] = {
    "document_type": "invoice",
    "invoice_number": "INV-7",
    "invoice_date": "2026-04-17",
    "currency": "GBP",
    "supplier": {"name": "Acme Ltd"},
    "customer": {"name": "Northwind Ltd", "address": "Bristol"},
    "line_items": [{"description": "Paper", "quantity": "2", "amount": "90.00"}],
    "total_amount": "90.00",
}


def read(**changed: Any) -> Normalised:
    return normalised(json.dumps({**ANSWER, **changed}))


def codes(found: Normalised) -> list[tuple[str, str]]:
    return [(reason.path, reason.code) for reason in found.reasons]


def test_answer_as_asked_for_is_what_the_schema_says() -> None:
    found = normalised(json.dumps(ANSWER))

    assert found == Normalised(InvoiceFields.model_validate_json(json.dumps(ANSWER)), (), ())


def test_keys_left_out_are_null_those_that_the_schema_requires_too() -> None:
    found = normalised('{"document_type": "invoice", "line_items": [{"quantity": "1"}]}')

    assert found.fields == InvoiceFields(
        document_type="invoice",
        invoice_number=None,
        invoice_date=None,
        currency=None,
        supplier=Party(name=None),
        customer=Party(name=None),
        line_items=[LineItem(description=None, quantity=Decimal(1), amount=None)],
        total_amount=None,
    )
    assert found.reasons == ()


@pytest.mark.parametrize("word", ["", "N/A", "null", "-", "none", None])
def test_words_for_nothing_are_null_wherever_they_stand(word: str | None) -> None:
    found = read(
        invoice_number=word,
        due_date=word,
        currency=word,
        subtotal=word,
        supplier=word,
        tax_breakdown=word,
        line_items=[{"description": "Paper", "amount": word}, {"description": word}, None],
    )

    fields = found.fields
    assert (fields.invoice_number, fields.due_date, fields.currency) == (None, None, None)
    assert (fields.subtotal, fields.supplier, fields.tax_breakdown) == (None, Party(name=None), [])
    assert fields.line_items == [LineItem(description="Paper", amount=None)]
    assert found.reasons == ()


def test_unknown_keys_are_dropped_and_known_ones_read_in_any_spelling() -> None:
    found = normalised(
        json.dumps(
            {
                "documentType": "Invoice",
                "Invoice Number": "7",
                "total-amount": 5,
                "surprise": {"x": 1},
                "line_items": [{"description": "Paper", "lineAmount": "1", "Amount": "5"}],
            }
        )
    )

    assert found.fields.invoice_number == "7"
    assert found.fields.total_amount == 5
    assert found.fields.line_items == [LineItem(description="Paper", amount=Decimal(5))]


def test_key_in_its_own_spelling_wins() -> None:
    answer = '{"documentType": "receipt", "document_type": "invoice", "DOCUMENT_TYPE": "other"}'

    assert normalised(answer).fields.document_type == "invoice"


def test_numbers_of_json_are_read_without_a_float() -> None:
    found = normalised(
        '{"document_type": "invoice", "invoice_number": 4711, "total_amount": 0.10,'
        ' "subtotal": 12345678901234567890.12, "line_items": [{"quantity": 1e2}]}'
    )

    assert found.fields.invoice_number == "4711"
    assert format(found.fields.total_amount or 0, "f") == "0.10"
    assert found.fields.subtotal == Decimal("12345678901234567890.12")
    assert format(found.fields.line_items[0].quantity or 0, "f") == "100"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Invoice", "invoice"),
        ("TAX INVOICE", "invoice"),
        ("credit note", "credit_note"),
        ("Credit-Note", "credit_note"),
        ("CREDIT_NOTE", "credit_note"),
        (" receipt ", "receipt"),
        ("Commercial invoice", "invoice"),
        ("Invoice (original)", "invoice"),
        ("utility bill", "invoice"),
        ("Facture", "invoice"),
        ("Gutschrift", "credit_note"),
        ("Rechnungskorrektur", "credit_note"),
        ("Nota de crédito", "credit_note"),
        ("cash memo", "receipt"),
        ("other", "other"),
    ],
)
def test_document_type_is_read_in_any_spelling(written: str, meant: str) -> None:
    assert read(document_type=written).fields.document_type == meant


def test_parties_lines_and_addresses_are_read_in_another_nesting() -> None:
    found = read(
        supplier="Acme Ltd",
        customer={"name": "B", "address": ["Street 1", None, "Town"]},
        line_items={"description": "Paper", "amount": 5},
        tax_breakdown=[{"rate": "20", "tax_amount": 1}],
        payment_discounts={"percent": "2 %", "until": "2026-4-27"},
    )

    assert found.fields.supplier == Party(name="Acme Ltd")
    assert found.fields.customer.address == "Street 1, Town"
    assert len(found.fields.line_items) == len(found.fields.tax_breakdown) == 1
    assert found.fields.payment_discounts[0].until == date(2026, 4, 27)
    assert read(customer={"name": "B", "address": {"street": "S", "no": 1}}).fields.customer == (
        Party(name="B", address="S, 1")
    )
    assert found.reasons == ()


def test_values_are_read_that_stand_with_their_confidence_or_in_a_list() -> None:
    found = read(
        total_amount={"value": "90.00", "confidence": 0.9},
        invoice_number=["INV-7"],
        supplier=[{"name": {"value": "Acme Ltd", "box": [1, 2, 3, 4]}}],
        customer=[],
        line_items={"1": ANSWER["line_items"][0], "2": ANSWER["line_items"][0]},
        tax_breakdown=[{"rate": "VAT 20%"}],
    )

    assert (found.fields.total_amount, found.fields.invoice_number) == (Decimal("90.00"), "INV-7")
    assert (found.fields.supplier, found.fields.customer) == (
        Party(name="Acme Ltd"), Party(name=None),
    )  # fmt: skip
    assert len(found.fields.line_items) == 2
    assert found.fields.tax_breakdown[0].rate == 20
    assert found.reasons == ()


def test_decimal_comma_is_read_and_needs_review() -> None:
    lines = [{"description": "Paper", "amount": "1.234"}]
    found = read(total_amount="1.234,50", line_items=lines)

    assert found.fields.total_amount == Decimal("1234.50")
    assert found.fields.line_items[0].amount == Decimal(1234)
    assert codes(found) == [
        ("line_items.0.amount", "decimal_comma"),
        ("total_amount", "decimal_comma"),
    ]


def test_number_that_the_others_explain_leaves_no_doubt() -> None:
    explained = read(subtotal="1.234", tax_total="1,234")

    assert (explained.fields.subtotal, explained.fields.tax_total) == (
        Decimal("1.234"),
        Decimal(1234),
    )
    assert explained.reasons == ()
    # 90.00 proves the dot and 1,5 the comma: together they prove nothing.
    assert codes(read(subtotal="1.234", tax_total="1,5")) == [
        ("subtotal", "ambiguous_number"),
        ("tax_total", "decimal_comma"),
    ]


def test_quantity_is_read_with_its_unit_and_an_amount_is_not() -> None:
    lines = [{"description": "Paper", "quantity": "24 box", "amount": "90 box"}]

    found = read(line_items=lines)

    assert found.fields.line_items[0].quantity == 24
    assert found.fields.line_items[0].amount is None
    assert codes(found) == [("line_items.0.amount", "not_understood")]
    assert found.warnings == (
        'Amount of line 1: "90 box" could not be understood and was left out.',
    )


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"invoice_miti": "2082-10-01"}, "NPR"),
        ({"supplier": {"name": "A", "address": "Patan, Nepal"}}, "NPR"),
        ({"supplier": {"name": "A", "address": "Pune, INDIA"}}, "INR"),
        ({"supplier": {"name": "A", "tax_id": "27AAPFU0939F1ZV"}}, "INR"),
        ({"customer": {"name": "A", "address": "काठमाडौं, नेपाल"}}, "NPR"),
        ({}, None),
    ],
)
def test_rupees_are_of_the_country_that_the_answer_tells(told: Any, code: str | None) -> None:
    found = read(currency="Rs.", **told)

    assert found.fields.currency == code
    assert codes(found) == ([] if code else [("currency", "ambiguous_currency")])


def test_negative_total_makes_an_invoice_a_credit_note_and_says_so() -> None:
    found = read(total_amount="-90.00")

    assert found.fields.document_type == "credit_note"
    assert (found.warnings, found.reasons) == ((CREDIT_NOTE,), ())
    assert read(total_amount="-90.00", document_type="receipt").warnings == ()


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"document_type": "letter"}, "document_type (not one of the values allowed)"),
        ({"document_type": None}, "document_type (not one of the values allowed)"),
        ({"document_type": ["invoice"]}, "document_type (not one of the values allowed)"),
        *(
            ({"document_type": other}, "document_type (not one of the values allowed)")
            for other in ("proforma invoice", "bill of lading", "not an invoice", "x" * 99)
        ),
        ({"total_amount": "ninety"}, "total_amount (not a number)"),
        ({"total_amount": True}, "total_amount (not a number)"),
        ({"invoice_date": "soon"}, "invoice_date (not a date)"),
        ({"invoice_number": False}, "invoice_number (not a text)"),
    ],
)
def test_key_value_that_cannot_be_understood_is_asked_for_again(changed: Any, fault: str) -> None:
    with pytest.raises(Unusable) as raised:
        read(**changed)

    assert raised.value.faults == (fault,)


@pytest.mark.parametrize("text", ["", "{}", "[]", "Here is your invoice.", '{"a": 1}', "null"])
def test_answer_without_an_invoice_is_asked_for_again(text: str) -> None:
    with pytest.raises(Unusable) as raised:
        normalised(text)

    assert raised.value.faults == ("the whole answer (no JSON object with a document_type)",)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"due_date": "soon"}, "due_date"),
        ({"currency": "money"}, "currency"),
        ({"tax_total": {"amount": "5"}}, "tax_total"),
        ({"iban": True}, "iban"),
        ({"supplier": {"name": [[1]]}}, "supplier.name"),
        ({"line_items": [{"description": {}, "amount": "1"}]}, "line_items.0.description"),
    ],
)
def test_other_value_that_cannot_be_understood_is_left_out_and_told(
    changed: Any, path: str
) -> None:
    found = read(**changed)

    assert codes(found) == [(path, "not_understood")]
    assert found.warnings[0].startswith(f"{titled(path)}: ")


def test_warnings_show_a_value_briefly_and_without_what_nobody_sees() -> None:
    found = read(due_date="\u202eso\non" + "x" * 5000)

    assert found.warnings == (
        f'Due date: "so on{"x" * 35}…" could not be understood and was left out.',
    )


def test_hostile_texts_are_bounded_and_told() -> None:
    found = read(
        supplier={"name": "x" * 2001, "tax_id": "GB\u202e1", "address": "=HYPERLINK(1)"},
    )

    assert found.fields.supplier == Party(name="x" * 2000, tax_id="GB1", address="=HYPERLINK(1)")
    assert codes(found) == [
        ("supplier.name", "cut"),
        ("supplier.tax_id", "direction"),
        ("supplier.address", "formula"),
    ]


def test_lines_without_end_are_bounded_quickly_and_told() -> None:
    began = time.process_time()

    found = read(line_items=[{"description": "x", "amount": "1,50"}] * 31_000)

    assert time.process_time() - began < 5
    assert len(found.fields.line_items) == 2_000
    assert len(found.reasons) == MOST_REASONS + 1
    assert codes(found)[0] == ("line_items", "cut")
    assert found.warnings[-1] == "1951 more values of the answer are doubtful."


def test_several_documents_are_kept_and_told() -> None:
    others: list[dict[str, Any]] = [
        {**ANSWER, "invoice_number": "INV-8"},
        {**ANSWER, "total_amount": "unreadable"},
        *({**ANSWER, "invoice_number": f"INV-{number}"} for number in range(9, 40)),
    ]

    found = normalised(json.dumps([ANSWER, *others]))

    assert found.fields.invoice_number == "INV-7"
    assert [fields.invoice_number for fields in found.further] == [
        "INV-8", *(f"INV-{number}" for number in range(9, 16)),
    ]  # fmt: skip
    assert codes(found) == [("", "several_documents")]


def test_the_same_document_twice_is_one() -> None:
    assert normalised(f"{json.dumps(ANSWER)}\n{json.dumps(ANSWER)}") == read()


def test_document_after_a_draft_that_cannot_be_understood_is_read_and_told() -> None:
    found = normalised(f'{{"document_type": "maybe"}}\n{json.dumps(ANSWER)}')

    assert (found.fields, found.further) == (read().fields, ())
    assert codes(found) == [("", "several_documents")]
    with pytest.raises(Unusable):
        normalised('[{"document_type": "a"}, {"document_type": "b"}]')


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["1.234,50", "1,234", "N/A", "\ud800", "£", "2026-04-17", "=1", "9" * 30])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from([*InvoiceFields.model_fields, *LineItem.model_fields, "name", "rate"])
OBJECTS = st.dictionaries(KEYS, VALUES | st.lists(st.dictionaries(KEYS, VALUES), max_size=2))


@given(answer=OBJECTS, document_type=st.sampled_from(["invoice", "Credit note"]) | VALUES)
def test_any_answer_is_an_invoice_or_asked_for_again(answer: Any, document_type: Any) -> None:
    text = json.dumps({**answer, "document_type": document_type})
    try:
        found = normalised(clean_json(text))
    except Unusable:
        return
    stored = found.fields.model_dump_json()
    assert InvoiceFields.model_validate_json(stored, strict=True) == found.fields
    assert len(found.warnings) >= len(found.reasons)


@given(text=st.text(st.sampled_from('{}[]",:\\ \n1.eE-+aé\u202e') | st.characters()))
def test_any_text_is_an_invoice_or_asked_for_again(text: str) -> None:
    with pytest.raises(Unusable):
        normalised(text)


@pytest.mark.parametrize("quoted", [repr, lambda found: "Here it is:\n" + repr([found])])
def test_an_answer_in_single_marks_is_read_with_a_warning(quoted: Callable[[Any], str]) -> None:
    found = {"document_type": "invoice", "invoice_number": "A-1", "supplier": {"name": "O'Brien"}}

    read = normalised(quoted(found))

    assert (read.fields.invoice_number, read.fields.supplier.name) == ("A-1", "O'Brien")
    assert read.warnings == (QUOTED,)


def test_an_answer_whose_apostrophes_leave_it_open_is_asked_for_again() -> None:
    with pytest.raises(Unusable):
        normalised("{'document_type': 'invoice', 'supplier': {'name': 'O'Brien'}}")
