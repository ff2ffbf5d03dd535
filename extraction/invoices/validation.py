"""A reading becomes an invoice: its fields, checked. Pure: values in, values out.

A check whose inputs are absent is left out. Signs are kept, so credit notes add up like invoices.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol

from extraction.invoices.checks import amounts, dates, identifiers, lines, taxes
from extraction.invoices.schema import SCHEMA_VERSION, Check, Invoice, InvoiceFields, UsageFields
from tokens.usage import Usage

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


class ReadInvoice(Protocol):
    """What this module needs to know of a reading."""

    @property
    def fields(self) -> InvoiceFields: ...

    @property
    def model(self) -> str: ...

    @property
    def usage(self) -> Usage: ...

    @property
    def needs_review(self) -> bool: ...

    @property
    def warnings(self) -> Sequence[str]: ...


def checked_invoice(
    reading: ReadInvoice, today: date, *, duplicate_of: str | None = None
) -> Invoice:
    """Return the canonical invoice; it needs review if the reading does or a check failed.

    ``duplicate_of`` is the id of an earlier extraction of the same document.
    """
    checks = run_checks(reading.fields, today)
    return Invoice(
        **dict(reading.fields),
        checks=checks,
        needs_review=reading.needs_review or not all(check.passed for check in checks),
        warnings=list(reading.warnings),
        schema_version=SCHEMA_VERSION,
        model=reading.model,
        usage=UsageFields(
            input_tokens=reading.usage.input_tokens,
            output_tokens=reading.usage.output_tokens,
            thinking_tokens=reading.usage.thinking_tokens,
            cached_tokens=reading.usage.cached_tokens,
            total_tokens=reading.usage.total,
        ),
        duplicate_of=duplicate_of,
    )


def run_checks(fields: InvoiceFields, today: date) -> list[Check]:
    """Return the checks that the fields allow, passed or not."""
    results = [check(fields) for check in CHECKS]
    results.append(dates.invoice_date_plausible(fields, today))
    return [result for result in results if result is not None]
