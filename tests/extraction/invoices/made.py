"""Invoices of which a test spells out only what it is about, and what the checks say of them."""

from datetime import date

from extraction.invoices.schema import EMPTY, Check, InvoiceFields, LineItem
from extraction.invoices.validation import run_checks

TODAY = date(2026, 11, 24)


def invoice(**fields: object) -> InvoiceFields:
    """Return an invoice with these fields and no others."""
    return InvoiceFields.model_validate(EMPTY.model_dump() | {"document_type": "invoice"} | fields)


def line(**fields: str | None) -> dict[str, object]:
    """Return a line with these fields and no others."""
    return dict.fromkeys(LineItem.model_fields) | fields


def outcome(fields: InvoiceFields) -> dict[str, bool]:
    """Return whether each check passed, by its code."""
    return {check.code: check.passed for check in run_checks(fields, TODAY)}


def failed(fields: InvoiceFields) -> list[Check]:
    """Return the checks that failed."""
    return [check for check in run_checks(fields, TODAY) if not check.passed]


def failed_codes(fields: InvoiceFields) -> list[str]:
    """Return the codes of the checks that failed."""
    return [check.code for check in failed(fields)]
