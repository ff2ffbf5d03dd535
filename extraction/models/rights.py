"""What people may do with documents, each by a permission of its own."""

from django.db import models
from django_stubs_ext import StrOrPromise


class Right(models.TextChoices):
    """What a person may do with the documents of a company; to see them is no right of its own."""

    UPLOAD = "upload", "Can upload documents"
    CORRECT = "correct", "Can correct what was read"
    RETRY = "retry", "Can have failed documents read again, and cancel readings"
    APPROVE = "approve", "Can approve and reject invoices"
    EXPORT = "export", "Can export invoices and documents"
    DELETE = "delete", "Can delete documents and get them back"

    @property
    def codename(self) -> str:
        """The permission's name on the model Extraction."""
        return f"{self.value}_extraction"

    @property
    def permission(self) -> str:
        """What ``has_perm`` asks for."""
        return f"extraction.{self.codename}"


# Django itself makes the permission to delete.
OWN_PERMISSIONS: list[tuple[str, StrOrPromise]] = [
    (right.codename, str(right.label)) for right in Right if right is not Right.DELETE
]
