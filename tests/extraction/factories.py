"""Rows for tests, with one call and only what the test is about spelled out."""

import hashlib
import uuid
from typing import Any

from django.contrib.auth.models import User

from extraction.access import Principal
from extraction.models import Extraction
from extraction.roles import RoleKind, give

# Who acts where it makes no difference, and may do everything. The row of the user is not saved.
ASHA = Principal("user:1", "asha", User(pk=1, username="asha", is_superuser=True))


def make_user(name: str, role: RoleKind, *company_ids: str, **fields: Any) -> User:
    """A user of a role with grants for companies; staff where the role works in the admin."""
    user = User.objects.create_user(name, **{"is_staff": role.is_staff, **fields})
    give(user, role)
    for company_id in company_ids:
        user.company_grants.create(company_id=company_id)
    return user


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
