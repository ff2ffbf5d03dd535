"""What the admin pages of all apps share."""

from typing import TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

M = TypeVar("M", bound=Model)


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """Lists and shows; nobody adds, changes or deletes here."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        """Nobody."""
        return False

    def has_change_permission(
        self,
        request: HttpRequest,
        obj: M | None = None,
    ) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,
        obj: M | None = None,
    ) -> bool:
        """Nobody."""
        return False
