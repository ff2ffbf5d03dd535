"""Checks of the tax: each row of the breakdown, the rows together, and the lines' rates."""

from collections import defaultdict
from decimal import Decimal
from itertools import combinations

from extraction.invoices.checks.compare import (
    Item,
    any_near,
    complete,
    item_check,
    near,
    shown,
    sum_check,
)
from extraction.invoices.checks.rounding import tolerance, whole_slack
from extraction.invoices.checks.sums import (
    ZERO,
    distinct_bases,
    lines_total,
    net_totals,
    nets,
    tax_is_contained,
    tax_of_lines,
    tax_rows,
)
from extraction.invoices.schema import Check, InvoiceFields, TaxLine

# Taxes on one net amount are few; a hostile breakdown is long.
_MOST_TAXES_TOGETHER = 6


def tax_adds_up(fields: InvoiceFields) -> Check | None:
    """The breakdown's tax adds up to the tax total (EN 16931, BR-CO-14).

    Rows of a negative rate are tax that the customer withholds; the total may contain it or not.
    """
    taxes = complete(tax.tax_amount for tax in fields.tax_breakdown)
    if not taxes or fields.tax_total is None:
        return None
    added = sum((tax.tax_amount or ZERO for tax in tax_rows(fields)), ZERO)
    return sum_check(
        "tax_adds_up",
        fields.tax_total,
        [sum(taxes, ZERO), added],
        tolerance(fields.currency, len(taxes) + 1),
        ["tax_total", "tax_breakdown"],
        fields.currency,
    )


def tax_matches_rate(fields: InvoiceFields) -> Check | None:
    """The tax of each rate is the rate's share of its net amount (EN 16931, BR-S-09).

    Tax may be rounded line by line before it is summed, and currencies without decimal places may
    be rounded down (Japan: Consumption Tax Act, order, art. 70-10: once for each rate, in a
    direction that the seller chooses). Receipts state the amounts of the rates with the tax.
    """
    slack = tolerance(fields.currency, max(1, len(fields.line_items)) + 1)
    gross = _bases_contain_tax(fields)
    items = []
    for number, tax in enumerate(fields.tax_breakdown):
        if tax.rate is None or tax.taxable_amount is None or tax.tax_amount is None:
            continue
        share = 100 + tax.rate if gross and tax.rate > 0 else Decimal(100)
        expected = tax.taxable_amount * tax.rate / share
        items.append(
            Item(
                f"tax_breakdown.{number}.tax_amount",
                shown(expected, fields.currency),
                shown(tax.tax_amount, fields.currency),
                near(
                    expected, tax.tax_amount, slack + whole_slack(tax.tax_amount, fields.currency)
                ),
            )
        )
    return item_check("tax_matches_rate", items)


def breakdown_adds_up(fields: InvoiceFields) -> Check | None:
    """The breakdown's net amounts add up to the net total (EN 16931, BR-S-08 and BR-CO-13).

    Amounts with tax add up to the total, and two taxes on one amount count once. Left out where
    something is free of tax that the breakdown does not have.
    """
    amounts = complete(tax.taxable_amount for tax in tax_rows(fields))
    targets = nets(fields) if fields.taxable_amount is None else [fields.taxable_amount]
    if not amounts or not targets:
        return None
    if fields.taxable_amount is None:
        # Lines with their tax, as on receipts.
        tax = fields.tax_total or ZERO
        targets += [target - tax for target in targets if tax_is_contained(fields, target)]
    total = sum(amounts, ZERO)
    ways = [total, *distinct_bases(fields)]
    if _bases_contain_tax(fields):
        ways.append(total - (fields.tax_total or ZERO))
    free = not all(line.tax_rate for line in fields.line_items) or not fields.line_items
    if free and abs(total) < abs(targets[0]) and all(tax.rate != 0 for tax in fields.tax_breakdown):
        return None
    slack = tolerance(fields.currency, len(amounts) + 1)
    nearest = min(targets, key=lambda target: min(abs(target - way) for way in ways))
    named = "subtotal" if fields.subtotal is not None else "line_items"
    return sum_check(
        "breakdown_adds_up",
        nearest,
        ways,
        slack,
        ["tax_breakdown", named if fields.taxable_amount is None else "taxable_amount"],
        fields.currency,
    )


def _bases_contain_tax(fields: InvoiceFields) -> bool:
    """Return whether the breakdown states its amounts with the tax: they add up to the total."""
    amounts = complete(tax.taxable_amount for tax in tax_rows(fields))
    taxes = complete(tax.tax_amount for tax in tax_rows(fields))
    total = fields.total_amount
    if not amounts or not taxes or total is None or not any(taxes):
        return False
    slack = tolerance(fields.currency, len(amounts) + 1)
    return near(sum(amounts, ZERO), total, slack) and tax_is_contained(fields, total)


def lines_match_breakdown(fields: InvoiceFields) -> Check | None:
    """The lines of each tax rate add up to the rate's net amount (EN 16931, BR-S-08).

    Left out where a line has no rate, or where the document has discounts or charges: nothing says
    to which rate they belong.
    """
    if fields.discount_total or fields.charge_total:
        return None
    rows = _rows_by_rate(fields)
    lines: dict[Decimal, Decimal] = defaultdict(Decimal)
    for line in fields.line_items:
        if line.amount is None or (line.tax_rate is None and line.amount):
            return None
        if line.tax_rate is not None:
            lines[line.tax_rate] += line.amount
    contain_tax = _lines_contain_tax(fields)
    slack = tolerance(fields.currency, len(fields.line_items) + 1)
    items = []
    for rate, numbered in rows.items():
        amounts = complete(tax.taxable_amount for _, tax in numbered)
        if rate not in lines or not amounts:
            continue
        added = ZERO
        if contain_tax:
            added = sum((tax.tax_amount or ZERO for _, tax in numbered), ZERO)
        stated = sum(amounts, ZERO)
        ways = [stated, stated + added, *amounts]
        items.append(
            Item(
                f"tax_breakdown.{numbered[0][0]}.taxable_amount",
                shown(lines[rate], fields.currency),
                shown(stated, fields.currency),
                any_near(lines[rate], ways, slack),
            )
        )
    return item_check("lines_match_breakdown", items)


def _rows_by_rate(fields: InvoiceFields) -> dict[Decimal, list[tuple[int, TaxLine]]]:
    rows: dict[Decimal, list[tuple[int, TaxLine]]] = defaultdict(list)
    for number, tax in enumerate(fields.tax_breakdown):
        if tax.rate is not None:
            rows[tax.rate].append((number, tax))
    return rows


def _lines_contain_tax(fields: InvoiceFields) -> bool:
    lines, total = lines_total(fields), fields.total_amount
    if lines is None or total is None or not fields.tax_total:
        return False
    return near(lines, total, tolerance(fields.currency, len(fields.line_items) + 1))


def line_rates(fields: InvoiceFields) -> Check | None:
    """The tax rate of each line is one of the breakdown's (EN 16931, BR-S-08).

    It may be the sum of taxes on one net amount, such as CGST and SGST in India or state and city
    in the USA. A breakdown of less than the net total may leave out what is free of tax.
    """
    stated = complete(tax.rate for tax in tax_rows(fields))
    if not stated:
        return None
    allowed = {*stated, *_rates_together(fields)}
    if not _breakdown_is_complete(fields):
        allowed.add(ZERO)
    named = ", ".join(shown(rate) for rate in sorted(set(stated))[:_MOST_TAXES_TOGETHER])
    return item_check(
        "line_rates",
        [
            Item(
                f"line_items.{number}.tax_rate",
                named,
                shown(line.tax_rate),
                line.tax_rate in allowed,
            )
            for number, line in enumerate(fields.line_items)
            if line.tax_rate is not None
        ],
    )


def _breakdown_is_complete(fields: InvoiceFields) -> bool:
    amounts = complete(tax.taxable_amount for tax in tax_rows(fields))
    # The taxable amount may leave out the same.
    targets = nets(fields) or complete([fields.taxable_amount])
    slack = tolerance(fields.currency, len(amounts) + 1)
    return bool(amounts) and any_near(sum(amounts, ZERO), targets, slack)


def _rates_together(fields: InvoiceFields) -> set[Decimal]:
    """Return the sums of rates that are stated for the same net amount."""
    by_base: dict[Decimal | None, list[Decimal]] = defaultdict(list)
    for tax in tax_rows(fields):
        if tax.rate:
            by_base[tax.taxable_amount].append(tax.rate)
    return {
        sum(some, ZERO)
        for together in by_base.values()
        if len(together) <= _MOST_TAXES_TOGETHER
        for count in range(2, len(together) + 1)
        for some in combinations(together, count)
    }


def tax_matches_lines(fields: InvoiceFields) -> Check | None:
    """Without a breakdown, the tax is what the lines' own rates give (EN 16931, BR-S-09)."""
    tax = tax_of_lines(fields)
    if fields.tax_breakdown or fields.tax_total is None or tax is None:
        return None
    ways = [tax]
    lines = lines_total(fields) or ZERO
    if any(tax_is_contained(fields, gross) for gross in (lines, *net_totals(fields, lines)[:1])):
        ways.append(fields.tax_total)
    return sum_check(
        "tax_matches_lines",
        fields.tax_total,
        ways,
        tolerance(fields.currency, len(fields.line_items) + 1),
        ["tax_total", "line_items"],
        fields.currency,
    )
