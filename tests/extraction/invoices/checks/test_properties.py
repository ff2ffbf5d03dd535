"""Invoices that are computed right pass every check, and a wrong digit of the total fails."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from extraction.invoices.checks.rounding import coin, tolerance, unit
from extraction.invoices.checks.sums import discount_is_in_lines
from tests.extraction.invoices.made import failed, invoice

RATES = st.sampled_from([Decimal(rate) for rate in ("0", "5.5", "7", "8", "13", "19", "20", "25")])
CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "CHF", "NPR", "SEK", "KWD", "DKK"])


@dataclass(frozen=True)
class Computed:
    """An invoice, as a program computes it, and its total."""

    fields: dict[str, Any]
    total: Decimal


@st.composite
def computed(draw: st.DrawFn) -> Computed:
    """Return an invoice whose amounts follow from each other, with some of them left out."""
    currency = draw(CURRENCIES)
    step = unit(currency)
    rounding = ROUND_DOWN if currency == "JPY" else ROUND_HALF_UP

    # Of amounts near the smallest unit, rounding explains more than a wrong digit changes.
    def money(least: int, most: int) -> Decimal:
        return draw(st.integers(least, most)) * step

    def rounded(number: Decimal) -> Decimal:
        return number.quantize(step, rounding)

    # A discount or a charge of the whole document has a rate of its own where there are several.
    has_extras = draw(st.booleans())
    rates = draw(st.lists(RATES, min_size=1, max_size=1 if has_extras else 3, unique=True))
    lines: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 6))):
        quantity, price = draw(st.integers(1, 40)), money(2000, 100_000)
        discount = draw(st.sampled_from([None, money(1, 500)]))
        lines.append(
            {
                "description": draw(st.sampled_from(["Tea", "Soap", "Work"])),
                "quantity": Decimal(quantity),
                "unit_price": price,
                "discount": discount,
                "tax_rate": draw(st.sampled_from(rates)),
                "amount": quantity * price - (discount or 0),
            }
        )
    subtotal = sum((line["amount"] for line in lines), Decimal())
    discount_total = money(1, 500) if has_extras else None
    charge_total = money(1, 500) if has_extras else None
    net = subtotal - (discount_total or 0) + (charge_total or 0)
    used = sorted({line["tax_rate"] for line in lines})
    bases: dict[Decimal, Decimal] = {
        rate: sum((line["amount"] for line in lines if line["tax_rate"] == rate), Decimal())
        for rate in used
    }
    if has_extras:
        bases = {used[0]: net}
    rows: list[dict[str, Any]] = [
        {"rate": rate, "taxable_amount": base, "tax_amount": rounded(base * rate / 100)}
        for rate, base in bases.items()
    ]
    tax = sum((row["tax_amount"] for row in rows), Decimal())
    total = net + tax
    prepaid = draw(st.sampled_from([None, (total / 2).quantize(step)]))
    due = total - (prepaid or 0)
    rounding_amount = None
    if (smallest := coin(currency)) and draw(st.booleans()):
        to_coin = (due / smallest).quantize(Decimal(1), ROUND_HALF_UP) * smallest
        rounding_amount = draw(st.sampled_from([None, to_coin - due]))
        due = to_coin
    keeps_net = draw(st.booleans())
    fields = {
        "currency": currency,
        "line_items": lines,
        "tax_breakdown": rows,
        "subtotal": draw(st.sampled_from([subtotal, None])),
        "discount_total": discount_total,
        "charge_total": charge_total,
        "taxable_amount": net if keeps_net else None,
        "tax_total": tax,
        "total_amount": total,
        "prepaid_amount": prepaid,
        "rounding_amount": rounding_amount,
        "amount_due": draw(st.sampled_from([due, None])),
    }
    return Computed(fields, total)


@given(computed())
def test_an_invoice_that_was_computed_right_passes_every_check(right: Computed) -> None:
    assert failed(invoice(**right.fields)) == []


@given(computed(), st.data())
def test_a_wrong_digit_of_the_total_fails(right: Computed, data: st.DataObject) -> None:
    text = format(right.total, "f")
    places = [at for at, digit in enumerate(text) if digit.isdecimal()]
    at = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([other for other in "0123456789" if other != text[at]]))
    wrong = Decimal(text[:at] + digit + text[at + 1 :])
    currency = right.fields["currency"]
    # What rounding can explain is no mistake.
    unseen = (
        tolerance(currency, len(right.fields["line_items"]) + 3) + (coin(currency) or Decimal()) / 2
    )
    assume(abs(wrong - right.total) > unseen)
    # Nor is it where the discount may be that of the lines: then two totals can be meant.
    assume(not discount_is_in_lines(invoice(**right.fields)))

    assert failed(invoice(**right.fields | {"total_amount": wrong}))
