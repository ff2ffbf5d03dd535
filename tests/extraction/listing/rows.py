"""Rows of the list for tests."""

import re
from datetime import UTC, datetime
from typing import Any

from django.test import Client
from django.utils.http import urlencode

from extraction.invoices.listed import listed_fields
from extraction.invoices.schema import Party
from extraction.models import Extraction, State
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_OF_THE_ROW = {
    *("batch", "company_id", "branch", "requested_by"),
    *("created_at", "reviewed_at", "reviewed_by"),
}


def listed(file_name: str, supplier: str | None = "Acme", **fields: Any) -> Extraction:
    """A document that was read: columns of the row, else fields of its invoice."""
    columns = {name: fields.pop(name) for name in list(fields) if name in _OF_THE_ROW}
    invoice = make_invoice(supplier=Party(name=supplier, tax_id="DE123"), **fields)
    return make_extraction(
        file_name=f"{file_name}.pdf",
        state=State.SUCCEEDED,
        needs_review=invoice.needs_review,
        **listed_fields(invoice),
        **columns,
    )


def html(response: Any) -> str:
    """The page without runs of blanks."""
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def page(client: Client, **query: str | int) -> str:
    """The page that lists what is asked for."""
    return html(client.get(f"/extractions/?{urlencode(query)}"))


def names(client: Client, **query: str | int) -> list[str]:
    """The files listed, in order, without their ending."""
    return re.findall(r'<th scope="row"><a [^>]+><bdi>(\w+)\.pdf', page(client, **query))
