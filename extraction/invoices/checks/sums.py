"""What several checks compute from an invoice: its lines' sum, its rates, its net and its total.

Documents state the same sums in different ways, and each way here is one that real ones use. Every
way is an exact sum of stated values: a wrong digit does not make it fit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from extraction.invoices.checks import withholding
from extraction.invoices.checks.compare import any_near, complete, near
from extraction.invoices.checks.rounding import tolerance
from extraction.invoices.schema import InvoiceFields, LineItem, TaxLine

ZERO = Decimal()
MOST_RATES = 10


def lines_total(fields: InvoiceFields) -> Decimal | None:
    """Return the sum of the lines, or None without lines or while an amount is missing."""
    amounts = complete(line.amount for line in fields.line_items)
    return sum(amounts, ZERO) if amounts else None


def undiscounted_total(fields: InvoiceFields) -> Decimal | None:
    """Return the sum of quantity × price, or None while one of them is missing."""
    products = complete(
        None if line.quantity is None or line.unit_price is None else line.quantity * price_of(line)
        for line in fields.line_items
    )
    return sum(products, ZERO) if products else None


def price_of(line: LineItem) -> Decimal:
    """Return the price of one unit; 0 without a price."""
    return (line.unit_price or ZERO) / (line.price_base_quantity or 1)


def discount_is_in_lines(fields: InvoiceFields) -> bool:
    """Return whether the discount total is what the lines' amounts were reduced by already."""
    lines, undiscounted = lines_total(fields), undiscounted_total(fields)
    if not fields.discount_total or lines is None or undiscounted is None:
        return False
    slack = tolerance(fields.currency, 2 * len(fields.line_items) + 1)
    return near(undiscounted - lines, fields.discount_total, slack)


def tax_rows(fields: InvoiceFields) -> list[TaxLine]:
    """Return the rows of tax that is added: those of a negative rate are withheld."""
    return [tax for tax in fields.tax_breakdown if tax.rate is None or tax.rate >= 0]


def rates(fields: InvoiceFields) -> list[Decimal]:
    """Return the tax rates above 0 that the breakdown states or, without any, the lines.

    None where there are more than any country has: every line may be tried with every rate.
    """
    stated = {tax.rate for tax in tax_rows(fields)} or {line.tax_rate for line in fields.line_items}
    found = sorted(rate for rate in stated if rate)
    return found if len(found) <= MOST_RATES else []


def tax_of_lines(fields: InvoiceFields) -> Decimal | None:
    """Return the tax that the lines' own rates give, or None while a rate or amount is missing.

    A discount or charge of the whole document counts only where all lines have one rate.
    """
    lines = lines_total(fields)
    line_rates = complete(line.tax_rate for line in fields.line_items)
    if lines is None or not line_rates:
        return None
    if len(set(line_rates)) == 1:
        return net_totals(fields, lines)[0] * line_rates[0] / 100
    if fields.discount_total or fields.charge_total:
        return None
    return sum(
        ((line.amount or ZERO) * (line.tax_rate or ZERO) / 100 for line in fields.line_items), ZERO
    )


def tax_total(fields: InvoiceFields) -> Decimal:
    """Return the tax stated, else that of the breakdown, else that of the lines' rates, else 0."""
    if fields.tax_total is not None:
        return fields.tax_total
    rows = complete(tax.tax_amount for tax in tax_rows(fields))
    if rows:
        return sum(rows, ZERO)
    return tax_of_lines(fields) or ZERO


def net_totals(fields: InvoiceFields, gross: Decimal) -> list[Decimal]:
    """Return a sum of lines less discounts, plus charges; the first is the schema's definition.

    A discount may be printed with a minus. Readers also list a charge or a discount both as a line
    and in its total: then it is counted once.
    """
    less, more = fields.discount_total or ZERO, fields.charge_total or ZERO
    ways = [gross - less + more]
    if less * gross < 0:
        ways.append(gross + less + more)
    amounts = {line.amount for line in fields.line_items}
    charge_is_line, discount_is_line = more != 0 and more in amounts, less != 0 and -less in amounts
    if charge_is_line:
        ways.append(gross - less)
    if discount_is_line or discount_is_in_lines(fields):
        ways.append(gross + more)
    if charge_is_line and discount_is_line:
        ways.append(gross)
    return ways


def nets(fields: InvoiceFields) -> list[Decimal]:
    """Return the ways to compute the net total from the subtotal or, without one, the lines."""
    lines = lines_total(fields)
    if fields.subtotal is None:
        return [] if lines is None else net_totals(fields, lines)
    less, more = fields.discount_total or ZERO, fields.charge_total or ZERO
    ways = [fields.subtotal - less + more]
    if less * fields.subtotal < 0:
        ways.append(fields.subtotal + less + more)
    slack = tolerance(fields.currency, len(fields.line_items) + 1)
    if (less or more) and (
        lines is None or any_near(fields.subtotal, net_totals(fields, lines), slack)
    ):
        # Printed below the discounts and charges.
        ways.append(fields.subtotal)
    return ways


@dataclass(frozen=True, slots=True)
class Way:
    """One way to state a total, and what has yet to be deducted from it until payment."""

    total: Decimal
    withheld: Decimal
    prepaid: Decimal
    rounding: Decimal


def ways_to_total(fields: InvoiceFields) -> list[Way]:
    """Return the ways to compute the total; the first is net and tax, nothing deducted."""
    bases = [] if fields.taxable_amount is None else [fields.taxable_amount]
    bases += nets(fields)
    if not bases:
        bases = _net_of_breakdown(fields)
    tax, rounded = tax_total(fields), fields.rounding_amount or ZERO
    withheld, prepaid = _withheld(fields), fields.prepaid_amount or ZERO
    ways = []
    for base in bases:
        full = base + tax
        ways.append(Way(full, withheld, prepaid, rounded))
        if rounded:
            ways.append(Way(full + rounded, withheld, prepaid, ZERO))
        if withheld:
            ways.append(Way(full - withheld, ZERO, prepaid, rounded))
        if fields.taxable_amount is None and tax_is_contained(fields, base):
            ways.append(Way(base, withheld, prepaid, rounded))
    return ways + list(_without_stated_withholding(fields, bases, tax))


def _net_of_breakdown(fields: InvoiceFields) -> list[Decimal]:
    amounts = complete(tax.taxable_amount for tax in tax_rows(fields))
    return [sum(amounts, ZERO), *(distinct_bases(fields))] if amounts else []


def distinct_bases(fields: InvoiceFields) -> list[Decimal]:
    """Return the sum of the different net amounts of the breakdown, where one occurs twice.

    Two taxes on the same net amount state it twice, such as CGST and SGST in India.
    """
    amounts = complete(tax.taxable_amount for tax in tax_rows(fields))
    different = set(amounts)
    return [sum(different, ZERO)] if len(different) < len(amounts) else []


def _withheld(fields: InvoiceFields) -> Decimal:
    """Return the tax withheld: stated, or in rows of the breakdown with a negative rate.

    Those rows count only where the tax total does not contain them.
    """
    if fields.withholding_total is not None:
        return abs(fields.withholding_total)
    withheld = sum(
        (tax.tax_amount or ZERO for tax in fields.tax_breakdown if tax.rate and tax.rate < 0), ZERO
    )
    added = sum((tax.tax_amount or ZERO for tax in tax_rows(fields)), ZERO)
    return ZERO if fields.tax_total == added + withheld else abs(withheld)


def _without_stated_withholding(
    fields: InvoiceFields, bases: list[Decimal], tax: Decimal
) -> Iterator[Way]:
    """Yield totals less tax that was withheld at a legal rate but is not stated.

    Only where the same amount is stated as due and the rates confirm the tax: a misread total or
    tax alone does not fit.
    """
    if fields.withholding_total is not None or fields.total_amount is None:
        return
    if fields.amount_due != fields.total_amount or not _tax_is_confirmed(fields, tax):
        return
    for base in bases:
        for rate in withholding.rates(fields.currency):
            yield Way(base + tax - base * rate / 100, ZERO, fields.prepaid_amount or ZERO, ZERO)


def _tax_is_confirmed(fields: InvoiceFields, tax: Decimal) -> bool:
    """Return whether the rates of the breakdown or, without any, of the lines give the tax."""
    rows = tax_rows(fields)
    bases, shares = complete(row.taxable_amount for row in rows), complete(row.rate for row in rows)
    computed: Decimal | None = tax_of_lines(fields)
    if rows:
        pairs = zip(bases, shares, strict=True) if len(bases) == len(shares) else ()
        computed = sum((base * rate / 100 for base, rate in pairs), ZERO)
    slack = tolerance(fields.currency, len(fields.line_items) + len(rows) + 1)
    return computed is not None and near(computed, tax, slack)


def tax_is_contained(fields: InvoiceFields, gross: Decimal) -> bool:
    """Return whether the tax stated is contained in an amount, as on receipts.

    The rates show it. Where none is stated, the tax is a whole percentage of what is left without
    it, and not of the amount itself.
    """
    tax = fields.tax_total
    if not tax or not gross or abs(tax) >= abs(gross):
        return False
    slack = tolerance(fields.currency, len(fields.line_items) + 1)
    known = rates(fields)
    if not known:
        return _is_whole_rate(tax, gross - tax, slack) and not _is_whole_rate(tax, gross, slack)
    rows, lines = fields.tax_breakdown, fields.line_items
    ways = [gross * rate / (100 + rate) for rate in known]
    ways.append(_contained((line.amount, line.tax_rate) for line in lines))
    if near(sum((row.taxable_amount or ZERO for row in rows), ZERO), gross, slack):
        ways.append(_contained((row.taxable_amount, row.rate) for row in rows))
    net = sum((row.taxable_amount or ZERO for row in rows), tax)
    return any_near(tax, ways, slack) or (bool(rows) and near(net, gross, slack))


def _contained(taxed: Iterable[tuple[Decimal | None, Decimal | None]]) -> Decimal:
    """Return the tax in amounts of these rates that contain it."""
    shares = ((amount or ZERO, max(rate or ZERO, ZERO)) for amount, rate in taxed)
    return sum((amount * rate / (100 + rate) for amount, rate in shares), ZERO)


def _is_whole_rate(tax: Decimal, base: Decimal, slack: Decimal) -> bool:
    rate = round(tax / base * 100)
    return near(base * rate / 100, tax, slack)
