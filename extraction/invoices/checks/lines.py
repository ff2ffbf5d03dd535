"""Checks of the lines: each by itself, and their sum."""

from collections.abc import Iterator
from decimal import Decimal

from extraction.invoices.checks.compare import (
    Item,
    any_near,
    item_check,
    near,
    shown,
    sum_check,
)
from extraction.invoices.checks.rounding import tolerance, unit
from extraction.invoices.checks.sums import (
    ZERO,
    discount_is_in_lines,
    lines_total,
    price_of,
    rates,
    undiscounted_total,
)
from extraction.invoices.schema import Check, InvoiceFields, LineItem

# A price may be that of a hundred or a thousand pieces, or in cents, where nothing says so.
_SILENT_BASES = (Decimal(100), Decimal(1000))
_CENT = Decimal("0.01")


def lines_add_up(fields: InvoiceFields) -> Check | None:
    """The lines add up to the subtotal (EN 16931, BR-CO-10).

    The lines may contain the tax while the subtotal does not, the subtotal may be printed before
    the lines' own discounts or after those of the document, and a charge or discount may be
    listed among the lines as well.
    """
    lines = lines_total(fields)
    if lines is None or fields.subtotal is None:
        return None
    less, more = fields.discount_total or ZERO, fields.charge_total or ZERO
    amounts = {line.amount for line in fields.line_items}
    ways = [lines]
    if fields.tax_total:
        ways.append(lines - fields.tax_total)
    if less or more:
        ways.append(lines - less + more)
    if discount_is_in_lines(fields):
        ways += [undiscounted_total(fields) or lines, lines + less]
    if more in amounts:
        ways.append(lines - more)
    if -less in amounts:
        ways.append(lines + less)
    return sum_check(
        "lines_add_up",
        fields.subtotal,
        ways,
        tolerance(fields.currency, len(fields.line_items) + 1),
        ["subtotal", "line_items"],
        fields.currency,
    )


def line_amounts(fields: InvoiceFields) -> Check | None:
    """The amount of each line follows from quantity and price (EN 16931, BT-131; Peppol, R120).

    Documents print a discount as an amount or as percent, of the line or of one unit, the price
    before or after it, for one unit, a base quantity or the second quantity: the amount may follow
    in any of these ways. Where the prices contain tax and the amounts do not, or the other way
    round, they do in all lines. A line that is free of charge has the amount 0.
    """
    known = rates(fields)
    computed = [
        (f"line_items.{number}.amount", line, line.amount, ways)
        for number, line in enumerate(fields.line_items)
        if line.amount is not None and (ways := _ways(line, fields))
    ]
    taxed = [
        all(
            _follows(line, amount, [way * factor for way in ways for factor in factors], fields)
            for _, line, amount, ways in computed
            if (factors := [factor**power for factor in _tax_factors(line, known)])
        )
        for power in (1, -1)
    ]
    items = [
        Item(
            path,
            shown(ways[0], fields.currency),
            shown(amount, fields.currency),
            amount == 0
            or _follows(line, amount, ways, fields)
            or (any(taxed) and bool(_tax_factors(line, known))),
        )
        for path, line, amount, ways in computed
    ]
    return item_check("line_amounts", items)


def _ways(line: LineItem, fields: InvoiceFields) -> list[Decimal]:
    """Return what the amount of a line may be; the first is quantity × price − discount."""
    if line.quantity is None or line.unit_price is None:
        return []
    gross = line.quantity * price_of(line)
    ways = list(_discounted(line, gross))
    if line.price_base_quantity:
        # Some state the base quantity, but the price of one.
        ways += _discounted(line, line.quantity * line.unit_price)
    if line.alternate_quantity is not None:
        ways += _discounted(line, line.alternate_quantity * price_of(line))
    lost = sum((line.shortage or ZERO, line.breakage or ZERO, line.leakage or ZERO), ZERO)
    if lost:
        ways += _discounted(line, (line.quantity - lost) * price_of(line))
        ways += _discounted(line, gross - lost)
    if fields.document_type == "credit_note":
        # Many print what was bought, and its amount with a minus.
        ways += [-way for way in ways]
    return ways


def _tax_factors(line: LineItem, known_rates: list[Decimal]) -> list[Decimal]:
    """Return 1 and the line's tax rate, or those of the invoice where the line states none."""
    taxed = known_rates if line.tax_rate is None else [line.tax_rate]
    return [1 + rate / 100 for rate in taxed if rate > 0]


def _discounted(line: LineItem, gross: Decimal) -> Iterator[Decimal]:
    discount = line.discount or ZERO
    yield gross - discount
    if discount:
        yield gross
        yield gross * (1 - discount / 100)
        yield gross - discount * (line.quantity or ZERO)
        if discount < 0:
            yield gross + discount


def _follows(line: LineItem, amount: Decimal, ways: list[Decimal], fields: InvoiceFields) -> bool:
    """Return whether the amount is one of the ways, or that of a price for 100 or 1,000.

    Price and quantity are rounded at their last printed places. Zeros at the end are no such
    places: programs print 2.773 as 2.77 and 2.7700 alike, so that a price is exact to the cent at
    best, and a quantity of whole numbers or tenths is exact.
    """
    quantity, price = line.quantity or ZERO, line.unit_price or ZERO
    smallest = unit(fields.currency)
    # Whole units are often cut instead of rounded.
    half_unit = smallest if smallest >= 1 else smallest / 2
    slack = abs(quantity) * min(_place(price), _CENT) / 2 + half_unit
    if _place(quantity) <= _CENT:
        slack += abs(price_of(line)) * _place(quantity) / 2
    if any_near(amount, ways, slack):
        return True
    return line.price_base_quantity is None and any(
        near(amount, ways[0] / base, slack / base + half_unit) for base in _SILENT_BASES
    )


def _place(number: Decimal) -> Decimal:
    """Return the value of the last digit that is not 0, at most 1."""
    return Decimal(1).scaleb(min(int(number.normalize().as_tuple().exponent), 0))


def lines_not_doubled(fields: InvoiceFields) -> Check | None:
    """No list of lines is read twice: every line occurs again, and half of their sum fits.

    Lines that a document prints twice fit with their whole sum.
    """
    lines = lines_total(fields)
    if lines is None or not _each_occurs_again(fields.line_items):
        return None
    stated = [fields.subtotal, fields.taxable_amount, fields.total_amount]
    sums = [number for number in stated if number is not None]
    slack = tolerance(fields.currency, len(fields.line_items) + 1)
    halved = bool(lines) and any_near(lines / 2, sums, slack) and not any_near(lines, sums, slack)
    return Check(
        code="lines_not_doubled",
        passed=not halved,
        expected=str(len(fields.line_items) // 2),
        actual=str(len(fields.line_items)),
        paths=["line_items"],
    )


def _each_occurs_again(lines: list[LineItem]) -> bool:
    """Return whether the second half repeats the first, or each line follows its double."""
    if len(lines) < 2 or len(lines) % 2:
        return False
    read = [(line.description, line.quantity, line.unit_price, line.amount) for line in lines]
    half = len(read) // 2
    return read[:half] == read[half:] or read[::2] == read[1::2]
