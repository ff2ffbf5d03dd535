"""What the admin pages of all apps share."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

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
        """Django's, with a type parameter."""

    class ModelForm(forms.ModelForm, Generic[M]):
        """Django's, with a type parameter."""


class ReadOnlyMixin:
    """For an admin or an inline whose rows staff can see and nobody can add, change or delete."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


class ReadOnlyAdmin(ReadOnlyMixin, ModelAdmin[M]):
    """The rows of a model, read-only."""
