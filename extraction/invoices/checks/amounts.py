"""Checks of the totals: net, total, what is due, and their sign."""

from decimal import Decimal

from extraction.invoices.checks.compare import near, shown, sum_check
from extraction.invoices.checks.rounding import cash_slack, tolerance
from extraction.invoices.checks.sums import (
    ZERO,
    Way,
    lines_total,
    nets,
    tax_rows,
    tax_total,
    ways_to_total,
)
from extraction.invoices.schema import Check, InvoiceFields


def taxable_amount_adds_up(fields: InvoiceFields) -> Check | None:
    """The net total is subtotal − discounts + charges (EN 16931, BR-CO-13).

    Without a subtotal the lines are summed. Either may contain the tax, and the net total may be
    only that part on which tax is due, such as on bills of Nepal and India.
    """
    stated, ways = fields.taxable_amount, nets(fields)
    if stated is None or not ways:
        return None
    ways += [way - fields.tax_total for way in ways if fields.tax_total]
    roundings = 4 if fields.subtotal is not None else len(fields.line_items) + 3
    slack = tolerance(fields.currency, roundings)
    if _is_taxed_part(fields, slack):
        ways.append(stated)
    return sum_check(
        "taxable_amount_adds_up",
        stated,
        ways,
        slack,
        ["taxable_amount", "line_items" if fields.subtotal is None else "subtotal"],
        fields.currency,
    )


def _is_taxed_part(fields: InvoiceFields, slack: Decimal) -> bool:
    """Return whether the breakdown has this net amount and the total is computed on more."""
    taxed = sum((tax.taxable_amount or ZERO for tax in tax_rows(fields) if tax.rate), ZERO)
    stated, total = fields.taxable_amount, fields.total_amount
    if not stated or total is None or not near(stated, taxed, slack):
        return False
    return any(
        abs(way) > abs(stated) and near(way + tax_total(fields), total, slack)
        for way in nets(fields)
    )


def total_adds_up(fields: InvoiceFields) -> Check | None:
    """The total is the net total and the tax (EN 16931, BR-CO-15).

    Without any net total it is compared with the lines. It may be rounded to a coin, may contain
    the tax already, as on receipts, and may be printed after tax is withheld or cents are rounded.
    """
    if fields.taxable_amount is not None or fields.subtotal is not None:
        named = "subtotal" if fields.taxable_amount is None else "taxable_amount"
        return _total_check("total_adds_up", fields, [named, "tax_total"], 3)
    if lines_total(fields) is None:
        return None
    roundings = len(fields.line_items) + 2
    if tax_total(fields):
        paths = ["line_items", "tax_total"]
        return _total_check("lines_and_tax_match_total", fields, paths, roundings)
    return _total_check("lines_match_total", fields, ["line_items"], roundings)


def _total_check(
    code: str, fields: InvoiceFields, others: list[str], roundings: int
) -> Check | None:
    stated = fields.total_amount
    if stated is None:
        return None
    return sum_check(
        code,
        stated,
        [way.total for way in ways_to_total(fields)],
        tolerance(fields.currency, roundings) + cash_slack(stated, fields.currency),
        ["total_amount", *others],
        fields.currency,
    )


def amount_due_adds_up(fields: InvoiceFields) -> Check | None:
    """What is due is the total − prepayments − tax withheld + rounding (EN 16931, BR-CO-16).

    It may be rounded to a coin, and is 0 on invoices that were paid before they were sent. Left out
    where only the head was read, as from the profile MINIMUM of Factur-X: it has no prepayments.
    """
    due = fields.amount_due
    if due is None or _is_head_only(fields):
        return None
    ways = _ways_to_amount_due(fields)
    if not ways:
        return None
    if not fields.prepaid_amount and due == 0:
        ways.append(due)
    others = ["total_amount", "prepaid_amount", "withholding_total", "rounding_amount"]
    # Stated amounts are subtracted as they are: only a computed total may be rounded otherwise.
    slack = ZERO if fields.total_amount is not None else tolerance(fields.currency, 3)
    return sum_check(
        "amount_due_adds_up",
        due,
        ways,
        slack + cash_slack(due, fields.currency),
        ["amount_due", *(path for path in others if getattr(fields, path))],
        fields.currency,
    )


def _is_head_only(fields: InvoiceFields) -> bool:
    parts = (fields.line_items, fields.tax_breakdown, fields.subtotal, fields.prepaid_amount)
    return not any(parts)


def _ways_to_amount_due(fields: InvoiceFields) -> list[Decimal]:
    """Return what may be due, from the ways to the total that the stated total confirms."""
    ways, total = ways_to_total(fields), fields.total_amount
    if total is not None:
        slack = tolerance(fields.currency, len(fields.line_items) + 3)
        slack += cash_slack(total, fields.currency)
        ways = [way for way in ways if near(way.total, total, slack)] or _unconfirmed(fields, total)
    due = []
    for way in ways:
        left = (way.total if total is None else total) - way.withheld + way.rounding
        # A prepayment may be printed with a minus; one below 0 is an earlier debt.
        due += (
            [left - way.prepaid] if way.prepaid >= 0 else [left - way.prepaid, left + way.prepaid]
        )
    return due


def _unconfirmed(fields: InvoiceFields, total: Decimal) -> list[Way]:
    """Return a total that nothing confirms, before rounding and after it."""
    withheld, prepaid = abs(fields.withholding_total or ZERO), fields.prepaid_amount or ZERO
    roundings = {fields.rounding_amount or ZERO, ZERO}
    return [Way(total, withheld, prepaid, rounding) for rounding in sorted(roundings, reverse=True)]


def sign_matches_type(fields: InvoiceFields) -> Check | None:
    """An invoice has no negative total; a credit note may print its amounts with either sign.

    EN 16931 states credit notes positive (BG-3, type 381); many programs print them negative.
    Receipts may be of goods that were taken back.
    """
    total = fields.total_amount
    if total is None or fields.document_type != "invoice":
        return None
    return Check(
        code="sign_matches_type",
        passed=total >= 0,
        expected="0 or more",
        actual=shown(total, fields.currency),
        paths=["document_type", "total_amount"],
    )
