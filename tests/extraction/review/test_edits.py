"""A person's changes: what they may type, and what becomes of rows and their evidence."""

from datetime import date
from decimal import Decimal

import pytest

from extraction.invoices.schema import Evidence, Invoice, LineItem, Reason
from extraction.review import values
from extraction.review.clicked import places_in, text_of
from extraction.review.edits import UNKNOWN, Change, Edit, InvalidEdit, applied
from extraction.review.recheck import edited, unsettled
from tests.extraction.sample_invoices import LINE, make_invoice

TODAY = date(2026, 11, 27)
PLACE = Evidence(source="text", page=1, box=(0.1, 0.2, 0.3, 0.4))


def line(description: str, amount: str = "100.00") -> LineItem:
    return LINE.model_copy(update={"description": description, "amount": Decimal(amount)})


def three_lines(**fields: object) -> Invoice:
    return make_invoice(line_items=[line("a"), line("b"), line("c")], **fields)


def descriptions(edit: Edit, invoice: Invoice | None = None) -> list[str | None]:
    fields = applied(invoice or three_lines(), edit).fields
    return [item.description for item in fields.line_items]


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1234.50", "1234.50"),
        ("-3", "-3"),
        ("1.234", "1.234"),
        (" 1 234.5 ", "1234.5"),
        ("1\u00a0234,50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("−0,5", "-0.5"),
        ("1'234.50", "1234.50"),
        ("", None),
        ("  ", None),
    ],
)
def test_number_in_any_notation_that_has_one_meaning(typed: str, number: str | None) -> None:
    assert values.parse("total_amount", typed) == number


@pytest.mark.parametrize(
    ("name", "typed", "told"),
    [
        ("total_amount", "1,234", "This can be read as 1.234 or as 1234: enter one of them."),
        ("total_amount", "abc", values.NOT_A_NUMBER),
        ("total_amount", "NaN", values.NOT_A_NUMBER),
        ("total_amount", "1e5", values.NOT_A_NUMBER),
        ("total_amount", "12.11.2026", values.NOT_A_NUMBER),
        ("total_amount", "1" * 25, "Enter at most 24 digits."),
        ("total_amount", "١٢", values.NOT_A_NUMBER),
        ("due_date", "27.11.2026", values.NOT_A_DATE),
        ("due_date", "2026-02-30", values.NOT_A_DATE),
        ("due_date", "20261127", values.NOT_A_DATE),
        ("currency", "EURO", values.NOT_A_CURRENCY),
        ("currency", "€", values.NOT_A_CURRENCY),
        ("document_type", "letter", values.NOT_A_TYPE),
        ("name", "a\x00b", values.CONTROL_CHARACTERS),
        ("name", "n" * 2001, "Enter at most 2000 characters."),
    ],
)
def test_what_is_no_value_is_told_so(name: str, typed: str, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        values.parse(name, typed)

    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("due_date", " 2026-11-27 ", "2026-11-27"),
        ("currency", "eur", "EUR"),
        ("document_type", "credit_note", "credit_note"),
        ("address", "Street 1\r\nTown\r\n", "Street 1\nTown"),
        ("name", "<b>\u202eاسم", "<b>\u202eاسم"),
    ],
)
def test_other_values(name: str, typed: str, value: str) -> None:
    assert values.parse(name, typed) == value


def test_what_the_form_sends_back_unchanged_is_no_change() -> None:
    invoice = three_lines()
    shown = values.texts_of(invoice.model_dump(mode="json", include={"supplier", "line_items"}))
    sent = {path: text.replace("\n", "\r\n") for path, text in shown.items()}

    assert applied(invoice, Edit({**sent, "total_amount": "119.0"})).changes == []


def test_every_wrong_value_is_named_and_none_is_applied() -> None:
    edit = Edit({"total_amount": "x", "due_date": "y", "invoice_number": "5", "no.such": "z"})

    with pytest.raises(InvalidEdit) as caught:
        applied(make_invoice(), edit)

    assert caught.value.errors == {
        "total_amount": values.NOT_A_NUMBER,
        "due_date": values.NOT_A_DATE,
        "no.such": UNKNOWN,
    }


@pytest.mark.parametrize(
    "path",
    ["checks", "line_items", "line_items.x.amount", "line_items.0.no", "supplier", "model", ""],
)
def test_only_values_of_the_document_can_be_set(path: str) -> None:
    with pytest.raises(InvalidEdit) as caught:
        applied(make_invoice(), Edit({path: "1"}))

    assert caught.value.errors == {path: UNKNOWN}


def test_type_cannot_be_cleared() -> None:
    with pytest.raises(InvalidEdit):
        applied(make_invoice(), Edit({"document_type": ""}))


def test_rows_are_removed_moved_and_added() -> None:
    assert descriptions(Edit(removed=["line_items.1"])) == ["a", "c"]
    assert descriptions(Edit(order={"line_items": [2, 0]})) == ["c", "a", "b"]
    assert descriptions(Edit(order={"line_items": [2, 2, 9]})) == ["c", "a", "b"]
    assert descriptions(Edit({"line_items.7.description": "e", "line_items.3.amount": "4"})) == [
        *("a", "b", "c", None),
        "e",
    ]
    # What was typed into a removed row does not matter.
    assert descriptions(Edit({"line_items.1.amount": "x"}, removed=["line_items.1"])) == ["a", "c"]
    assert descriptions(Edit({"line_items.3.description": " "})) == ["a", "b", "c"]


def test_new_row_is_moved_between_the_others() -> None:
    edit = Edit(
        {"line_items.7.description": "e", "line_items.3.description": "d"},
        removed=["line_items.0"],
        order={"line_items": [7, 2, 1, 4, 3]},
    )

    after = applied(three_lines(evidence={"line_items.2.amount": PLACE}), edit)

    assert [item.description for item in after.fields.line_items] == ["e", "c", "b", "d"]
    assert after.moved("line_items.2.amount") == "line_items.1.amount"
    assert after.typed("line_items.0.amount") == "line_items.7.amount"
    # New rows are recorded under the numbers that follow, and then as moved.
    assert [(change.path, change.old, change.new) for change in after.changes][1:] == [
        ("line_items", [1, 2], [2, 1]),
        ("line_items.3", None, {**dict.fromkeys(LineItem.model_fields), "description": "d"}),
        ("line_items.4", None, {**dict.fromkeys(LineItem.model_fields), "description": "e"}),
        ("line_items", [2, 1, 3, 4], [4, 2, 1, 3]),
    ]


def test_changes_of_rows_are_recorded_with_what_was_there() -> None:
    edit = Edit(
        {"line_items.0.description": "A", "line_items.3.description": "d"},
        removed=["line_items.1"],
        order={"line_items": [2]},
    )

    changes = applied(three_lines(), edit).changes

    assert [change.path for change in changes] == [
        *("line_items.0.description", "line_items.1", "line_items", "line_items.3"),
    ]
    assert changes[0] == Change("line_items.0.description", "a", "A")
    assert changes[1].old == line("b").model_dump(mode="json")
    assert (changes[2].old, changes[2].new) == ([0, 2], [2, 0])
    assert changes[3].new == {**dict.fromkeys(LineItem.model_fields), "description": "d"}


def reason(path: str, code: str = "not_printed", text: str = "Doubtful.") -> Reason:
    return Reason(path=path, code=code, text=text)


def test_reasons_and_evidence_follow_their_rows() -> None:
    invoice = three_lines(
        evidence={"line_items.1.amount": PLACE, "line_items.2.amount": PLACE},
        reasons=[
            reason("line_items.1.amount", text="The amount of line 2 100.00 is not printed."),
            reason("line_items.2.amount", text="The amount of line 3 100.00 is not printed."),
        ],
    )

    after, _ = edited(invoice, Edit(removed=["line_items.1"]), TODAY)

    assert after.evidence == {"line_items.1.amount": PLACE}
    (left,) = (reason for reason in after.reasons if reason.code == "not_printed")
    assert left == reason("line_items.1.amount", text="The amount of line 2 100.00 is not printed.")


def test_value_that_a_person_set_is_doubted_by_checks_alone() -> None:
    doubts = [reason("total_amount"), reason("invoice_number", text="Other.")]
    invoice = make_invoice(
        tax_total=Decimal(19), taxable_amount=Decimal(100), evidence={"total_amount": PLACE},
        reasons=doubts, needs_review=True,
    )  # fmt: skip

    after, _ = edited(invoice, Edit({"total_amount": "120"}), TODAY)

    assert [reason.code for reason in after.reasons] == ["not_printed", "total_adds_up"]
    assert after.reasons[0].path == "invoice_number"
    assert after.evidence["total_amount"] == Evidence(source="person")
    assert after.needs_review


def test_right_value_settles_the_check_and_review_goes_on() -> None:
    invoice = make_invoice(
        tax_total=Decimal(19), taxable_amount=Decimal(100), total_amount=Decimal(120),
        reasons=[reason("total_amount", "total_adds_up", "119.00 expected.")], needs_review=True,
    )  # fmt: skip

    after, _ = edited(invoice, Edit({"total_amount": "119"}), TODAY)

    assert after.reasons == []
    assert all(check.passed for check in after.checks)
    assert after.needs_review


def test_confirmed_value_keeps_its_place() -> None:
    invoice = make_invoice(
        evidence={"total_amount": PLACE}, reasons=[reason("total_amount")], needs_review=True
    )

    after, what = edited(invoice, Edit(confirmed=["total_amount", "no.such", "line_items"]), TODAY)

    assert after.reasons == []
    assert after.evidence["total_amount"] == PLACE.model_copy(update={"source": "person"})
    assert what.changes == [Change("total_amount", "119.00", "119.00")]


def test_value_that_is_changed_is_not_confirmed_as_well() -> None:
    edit = Edit({"total_amount": "120"}, confirmed=["total_amount", "line_items.9.amount"])

    assert applied(make_invoice(), edit).changes == [Change("total_amount", "119.00", "120")]


def test_cleared_value_has_no_evidence_and_is_missed() -> None:
    invoice = make_invoice(evidence={"invoice_number": PLACE})

    after, _ = edited(invoice, Edit({"invoice_number": ""}), TODAY)

    assert after.invoice_number is None
    assert after.evidence == {}
    assert [(reason.path, reason.code) for reason in after.reasons] == [
        ("invoice_number", "absent")
    ]
    assert after.needs_review


def test_values_of_a_new_row_are_from_a_person() -> None:
    after, _ = edited(make_invoice(), Edit({"line_items.1.amount": "5"}), TODAY)

    assert after.evidence == {"line_items.1.amount": Evidence(source="person")}
    assert after.line_items[1].amount == Decimal(5)


CLICKED = Evidence(source="person", page=2, box=(0.5, 0.6, 0.7, 0.8))


def test_value_that_was_clicked_has_its_place_as_evidence() -> None:
    edit = Edit(
        {"total_amount": "120", "line_items.1.amount": "5", "line_items.0.amount": "7"},
        order={"line_items": [1, 0]},
        places={"total_amount": CLICKED, "line_items.1.amount": CLICKED, "currency": CLICKED},
    )

    after, _ = edited(make_invoice(evidence={"total_amount": PLACE}), edit, TODAY)

    assert after.evidence == {
        "total_amount": CLICKED,
        "line_items.0.amount": CLICKED,
        "line_items.1.amount": Evidence(source="person"),
    }


def test_value_that_is_confirmed_by_a_click_stands_there() -> None:
    edit = Edit(confirmed=["total_amount"], places={"total_amount": CLICKED})

    after, _ = edited(make_invoice(evidence={"total_amount": PLACE}), edit, TODAY)

    assert after.evidence["total_amount"] == CLICKED


@pytest.mark.parametrize("field", ["place.total_amount", "place.line_items.3.amount"])
def test_clicked_place_is_read_from_its_field(field: str) -> None:
    places = places_in([(field, "2 0.5 0.6 0.70004 0.8"), ("invoice.total_amount", "1")], 2)

    assert places == {field.removeprefix("place."): CLICKED}
    assert text_of(CLICKED) == "2 0.5 0.6 0.7 0.8"


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "3 0.1 0.1 0.2 0.2", "0 0.1 0.1 0.2 0.2", "1 0.1 0.1 0.2", "x 0 0 1 1"),
        *("1 0.1 0.1 0.2 1.2", "1 0.3 0.1 0.2 0.2", "1 0 0 inf 1", "1 nan 0 1 1", "1 0 0 1 1 1"),
        *("9" * 5000 + " 0 0 1 1", "1 " + "0" * 5000),
    ],
)
def test_what_is_no_place_is_left_out(text: str) -> None:
    assert places_in([("place.total_amount", text)], 2) == {}


def test_only_what_values_say_is_unsettled() -> None:
    codes = ["not_printed", "unproven", "absent", "other", "no_lines", "same_party"]
    reasons = [reason("", code) for code in [*codes, "total_adds_up"]]

    found = unsettled(make_invoice(reasons=reasons))

    assert [each.code for each in found] == [*codes[2:], "total_adds_up"]
