"""Rows for tests, with one call and only what the test is about spelled out."""

import hashlib
import uuid
from typing import Any

from django.contrib.auth.models import User

from extraction.access import Principal
from extraction.models import Extraction

# Who acts where it makes no difference. The row of the user is not saved.
ASHA = Principal("user:1", "asha", User(pk=1, username="asha"))


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
