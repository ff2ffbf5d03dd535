"""Plausibility checks of what was read: sums, rates and dates. Pure: values in, values out.

A check whose inputs are absent is left out. Signs are kept, so credit notes add up like invoices.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from extraction.invoices.schema import Check, InvoiceFields, LineItem, TaxLine

# A printed amount is rounded to the cent, so each may be off by half a cent.
HALF_CENT = Decimal("0.005")
# Half of the smallest coin, to which totals are rounded in these currencies.
CASH_ROUNDING = {"NPR": Decimal("0.5"), "INR": Decimal("0.5"), "CHF": Decimal("0.025")}
EARLIEST = date(1990, 1, 1)
# Invoices are dated ahead to the next period, not to the next year.
AHEAD = timedelta(days=60)


def run_checks(fields: InvoiceFields, today: date) -> list[Check]:
    """Return the checks that the fields allow, passed or not."""
    return [*_amounts(fields), *_dates(fields, today)]


def _amounts(fields: InvoiceFields) -> Iterator[Check]:
    lines = _all_present([line.amount for line in fields.line_items])
    if lines and fields.subtotal is not None:
        yield _sum("lines_add_up", fields.subtotal, sum(lines, Decimal()), len(lines))
    yield from _line_amounts(fields.line_items)
    net = _net(fields)
    if net is not None and fields.taxable_amount is not None:
        yield _sum("taxable_amount_adds_up", fields.taxable_amount, net, 3)
    yield from _taxes(fields)
    base = net if fields.taxable_amount is None else fields.taxable_amount
    if base is not None and fields.tax_total is not None and fields.total_amount is not None:
        slack = CASH_ROUNDING.get(fields.currency or "", Decimal())
        yield _sum("total_adds_up", fields.total_amount, base + fields.tax_total, 2, slack)


def _net(fields: InvoiceFields) -> Decimal | None:
    if fields.subtotal is None:
        return None
    return fields.subtotal - (fields.discount_total or 0) + (fields.charge_total or 0)


def _line_amounts(lines: list[LineItem]) -> Iterator[Check]:
    checked = [(line, *fit) for line in lines if (fit := _line_fit(line)) is not None]
    if not checked:
        return
    wrong = [(line, expected) for line, expected, fits in checked if not fits]
    yield Check(
        code="line_amounts",
        passed=not wrong,
        expected="; ".join(_plain(expected) for _, expected in wrong) or None,
        actual="; ".join(_plain(line.amount) for line, _ in wrong) or None,
    )


def _line_fit(line: LineItem) -> tuple[Decimal, bool] | None:
    """Return quantity × price and whether the amount follows from it, or None without inputs.

    A discount is printed as an amount or as percent, and the price before or after discount: the
    amount may follow in any of these ways. The price is rounded at its last printed place (at
    least the cent), and the quantity multiplies that error.
    """
    if line.quantity is None or line.unit_price is None or line.amount is None:
        return None
    quantity = line.quantity / (line.price_base_quantity or 1)
    gross = quantity * line.unit_price
    discount = line.discount or Decimal()
    ways = (gross - discount, gross, gross * (1 - discount / 100))
    exponent = line.unit_price.as_tuple().exponent
    place = Decimal(1).scaleb(min(int(exponent), -2))
    tolerance = abs(quantity) * place / 2 + HALF_CENT
    return ways[0], any(abs(way - line.amount) <= tolerance for way in ways)


def _taxes(fields: InvoiceFields) -> Iterator[Check]:
    taxes = _all_present([tax.tax_amount for tax in fields.tax_breakdown])
    if taxes and fields.tax_total is not None:
        yield _sum("tax_adds_up", fields.tax_total, sum(taxes, Decimal()), len(taxes))
    rows = [(tax, *fit) for tax in fields.tax_breakdown if (fit := _tax_fit(tax, fields))]
    if not rows:
        return
    wrong = [(tax, expected) for tax, expected, fits in rows if not fits]
    yield Check(
        code="tax_matches_rate",
        passed=not wrong,
        expected="; ".join(_plain(expected) for _, expected in wrong) or None,
        actual="; ".join(_plain(tax.tax_amount) for tax, _ in wrong) or None,
    )


def _tax_fit(tax: TaxLine, fields: InvoiceFields) -> tuple[Decimal, bool] | None:
    if tax.rate is None or tax.taxable_amount is None or tax.tax_amount is None:
        return None
    expected = tax.taxable_amount * tax.rate / 100
    # Tax may be rounded line by line before it is summed.
    tolerance = HALF_CENT * (max(1, len(fields.line_items)) + 1)
    return round(expected, 2), abs(expected - tax.tax_amount) <= tolerance


def _dates(fields: InvoiceFields, today: date) -> Iterator[Check]:
    issued, due = fields.invoice_date, fields.due_date
    if issued is not None:
        latest = today + AHEAD
        yield Check(
            code="invoice_date_plausible",
            passed=EARLIEST <= issued <= latest,
            expected=f"{EARLIEST} to {latest}",
            actual=issued.isoformat(),
        )
    if issued is not None and due is not None:
        yield Check(
            code="due_date_not_before_invoice_date",
            passed=due >= issued,
            expected=f"{issued} or later",
            actual=due.isoformat(),
        )


def _sum(
    code: str, stated: Decimal, computed: Decimal, addends: int, slack: Decimal = Decimal()
) -> Check:
    """Compare a stated sum with the computed one; each addend and the sum are rounded."""
    tolerance = HALF_CENT * (addends + 1) + slack
    return Check(
        code=code,
        passed=abs(stated - computed) <= tolerance,
        expected=_plain(computed),
        actual=_plain(stated),
    )


def _all_present(numbers: list[Decimal | None]) -> list[Decimal]:
    """Return the numbers, or none of them when one is missing: their sum would mean nothing."""
    present = [number for number in numbers if number is not None]
    return present if len(present) == len(numbers) else []


def _plain(number: Decimal | None) -> str:
    return "" if number is None else format(number, "f")
