"""A reading becomes an invoice: its fields, checked. Pure: values in, values out.

A check whose inputs are absent is left out. Signs are kept, so credit notes add up like invoices.
"""

from collections.abc import Callable
from datetime import date

from extraction.invoices.checks import amounts, dates, identifiers, lines, taxes
from extraction.invoices.schema import Check, InvoiceFields

CHECKS: tuple[Callable[[InvoiceFields], Check | None], ...] = (
    lines.lines_add_up,
    lines.line_amounts,
    lines.lines_not_doubled,
    amounts.taxable_amount_adds_up,
    taxes.tax_adds_up,
    taxes.tax_matches_rate,
    taxes.breakdown_adds_up,
    taxes.lines_match_breakdown,
    taxes.line_rates,
    taxes.tax_matches_lines,
    amounts.total_adds_up,
    amounts.amount_due_adds_up,
    amounts.sign_matches_type,
    dates.due_date_not_before_invoice_date,
    dates.due_date_plausible,
    dates.due_date_matches_terms,
    dates.discounts_end_in_time,
    identifiers.iban_check_digits,
)


def run_checks(fields: InvoiceFields, today: date) -> list[Check]:
    """Return the checks that the fields allow, passed or not."""
    results = [check(fields) for check in CHECKS]
    results.append(dates.invoice_date_plausible(fields, today))
    return [result for result in results if result is not None]
