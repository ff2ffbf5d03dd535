"""Extractions that have succeeded, for tests of what is made of them."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from extraction.exports.layout import Column, Layout
from extraction.exports.values import Exported
from extraction.models import Extraction, State
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice

RECEIVED = datetime(2026, 11, 4, 9, 30, 15, tzinfo=UTC)


def make_exported(*, file_name: str = "invoice.pdf", **fields: Any) -> Exported:
    """One that is not in the database."""
    extraction = Extraction(
        id=uuid.uuid4(),
        company_id="NT047",
        branch="North",
        requested_by="asha",
        file_name=file_name,
        media_type="application/pdf",
        state=State.SUCCEEDED,
        created_at=RECEIVED,
        reviewed_at=RECEIVED,
    )
    return Exported(extraction, make_invoice(**fields))


def many(number: int) -> Iterator[Exported]:
    """So many, made one by one, no two of which have a text in common."""
    invoice = make_invoice()
    for _ in range(number):
        pk = uuid.uuid4()
        extraction = Extraction(
            id=pk, company_id="NT047", file_name=f"{pk}.pdf", created_at=RECEIVED, state="succeeded"
        )
        yield Exported(extraction, invoice.model_copy(update={"invoice_number": f"R-{pk}"}))


def make_succeeded(company_id: str = "NT047", **fields: Any) -> Extraction:
    """One that is in the database."""
    invoice = make_invoice(**fields)
    return make_extraction(
        company_id=company_id,
        state=State.SUCCEEDED,
        result=invoice.model_dump(mode="json"),
        needs_review=invoice.needs_review,
    )


def columns(*paths: str, **options: Any) -> Layout:
    """A table of these values, each under its path."""
    return Layout([Column(path, path) for path in paths], **options)
