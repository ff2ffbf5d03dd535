"""What the admin pages of all apps share."""

from typing import TYPE_CHECKING, Generic, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

M = TypeVar("M", bound=Model)

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[M]
else:

    class _ModelAdmin(admin.ModelAdmin, Generic[M]):
        """Django's, which takes a type parameter only in its stubs."""


class ReadOnlyAdmin(_ModelAdmin[M]):
    """Lists and shows; nobody adds, changes or deletes here."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: M | None = None,  # noqa: ARG002
    ) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: M | None = None,  # noqa: ARG002
    ) -> bool:
        """Nobody."""
        return False
