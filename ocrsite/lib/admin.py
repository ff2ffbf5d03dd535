"""What the admin pages of all apps share."""

from typing import TYPE_CHECKING, Generic, TypeVar

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

M = TypeVar("M", bound=Model)

# Django's classes take a type parameter only in its stubs.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    ModelForm = forms.ModelForm
else:

    class ModelAdmin(admin.ModelAdmin, Generic[M]):
        """Django's, subscriptable."""

    class ModelForm(forms.ModelForm, Generic[M]):
        """Django's, subscriptable."""


class ReadOnlyAdmin(ModelAdmin[M]):
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
