"""Rows for tests, with one call and only what the test is about spelled out."""

import hashlib
import uuid
from typing import Any

from extraction.models import Extraction


def make_extraction(**fields: Any) -> Extraction:
    """A queued one-page PDF of company NT047."""
    pk = fields.pop("id", uuid.uuid4())
    defaults = {
        "company_id": "NT047",
        "requested_by": "asha",
        "client": "user:1",
        "file": f"{pk.hex[:2]}/{pk}/document.pdf",
        "file_name": "invoice.pdf",
        "sha256": hashlib.sha256(pk.bytes).hexdigest(),
        "media_type": "application/pdf",
        "size": 1000,
        "page_count": 1,
    }
    return Extraction.objects.create(id=pk, **{**defaults, **fields})
