"""Key values that are null although the page prints them are missed, and no others."""

import copy
from typing import Any

import pytest

from tests.extraction.evidence.test_proof import INVOICE, PAGE, doubts, with_value


def missed(invoice: dict[str, Any], page: str = PAGE) -> set[tuple[str, str | None]]:
    return {(path, said) for path, code, said in doubts(invoice, page) if code == "absent"}


@pytest.mark.parametrize(
    "printed",
    [
        *("VAT ID: GB987654321", "USt-IdNr. DE123456789", "TVA : FR19787878784", "NL810433941B01"),
        *("P.IVA IT12345678901", "ESB12345678"),
    ],
)
def test_a_second_vat_id_is_the_customers(printed: str) -> None:
    page = PAGE.replace("4 Harbour Street", f"4 Harbour Street\n{printed}")
    found = printed.split()[-1]

    assert missed(INVOICE, page) == {("customer.tax_id", found)}
    customer = INVOICE["customer"] | {"tax_id": found}
    assert missed(INVOICE | {"customer": customer}, page) == set()


@pytest.mark.parametrize(
    "printed",
    [
        *("Steuernummer 12/345/67890", "Order PO12345678", "HRB 999999", "VAT GB123456789"),
        *("Account DE28700100809999999999", "Item DE12345"),
    ],
)
def test_another_kind_of_number_is_no_tax_id_of_the_customer(printed: str) -> None:
    assert (
        missed(INVOICE, PAGE.replace("4 Harbour Street", f"4 Harbour Street\n{printed}")) == set()
    )


def test_an_unlabelled_vat_id_is_the_suppliers_if_that_lacks_one() -> None:
    page = PAGE.replace("VAT GB123456789", "GB123456789")

    assert missed(with_value("supplier.tax_id", None), page) == {("supplier.tax_id", "GB123456789")}


@pytest.mark.parametrize(
    "terms",
    [
        *("Zahlbar innerhalb von 30 Tagen netto", "Payment terms: 30 days", "Net 30"),
        *("Paiement à 30 jours", "Pago a 30 días", "Betaling binnen 14 dagen"),
        *("Zahlungsbedingung: 10 Tage 2% Skonto, 60 Tage ohne Abzug",),
    ],
)
def test_a_due_date_that_terms_tell_is_missed(terms: str) -> None:
    page = PAGE.replace("Due date     17 May 2026", terms)

    assert missed(with_value("due_date", None), page) == {("due_date", None)}


@pytest.mark.parametrize(
    "text",
    [
        *("Goods may be sent back within 14 days", "Skonto: 2% bei Zahlung innerhalb 10 Tagen"),
        *("Payment at the end of the month, 30 days", "Net weight 30 kg"),
    ],
)
def test_other_periods_are_no_terms(text: str) -> None:
    page = PAGE.replace("Due date     17 May 2026", text)

    assert missed(with_value("due_date", None), page) == set()


@pytest.mark.parametrize("label", ["Due date", "Fälligkeitsdatum", "Date d'échéance", "Scadenza"])
def test_a_due_date_on_the_day_of_issue_is_missed(label: str) -> None:
    page = PAGE.replace("Due date     17 May 2026", f"{label}   17 April 2026")

    assert missed(with_value("due_date", None), page) == {("due_date", None)}


def test_an_amount_beside_the_description_of_a_line_is_missed() -> None:
    invoice = copy.deepcopy(INVOICE)
    invoice["line_items"][1] |= {"quantity": None, "amount": None}

    assert missed(invoice) == {("line_items.1.amount", None)}
    without = PAGE.replace("200 pcs    0.45      90.00", "")
    assert missed(invoice, without) == set()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("20", "534.00", None), {("tax_breakdown.0.tax_amount", "106.80")}),
        (("20", None, "106.80"), {("tax_breakdown.0.taxable_amount", "534.00")}),
        (("20", "534.00", "106.80"), set()),
        (("20", None, None), set()),
        ((None, "534.00", None), set()),
        (("0", "534.00", None), set()),
        (("7", "534.00", None), set()),
        (("0.01", None, "106.80"), set()),
    ],
)
def test_what_a_tax_row_lacks_is_missed_if_it_is_printed(
    row: tuple[str | None, ...], expected: set[tuple[str, str | None]]
) -> None:
    cells = dict(zip(("rate", "taxable_amount", "tax_amount"), row, strict=True))

    assert missed(INVOICE | {"tax_breakdown": [cells]}) == expected


def test_a_printed_net_amount_is_missed_if_none_was_read() -> None:
    assert missed(with_value("taxable_amount", None)) == {("taxable_amount", "534.00")}
    assert missed(with_value("taxable_amount", None) | {"subtotal": "534.00"}) == set()
