"""A reading → the canonical invoice, with its checks and whether a person should look at it."""

from django.utils import timezone

from extraction.invoices.schema import SCHEMA_VERSION, Invoice, UsageFields
from extraction.invoices.validation import run_checks
from extraction.readers.base import Reading


def checked_invoice(reading: Reading, *, duplicate_of: str | None = None) -> Invoice:
    """Return what was read, checked; ``duplicate_of`` is the id of an earlier extraction."""
    checks = run_checks(reading.fields, timezone.now().date())
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
