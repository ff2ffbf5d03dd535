"""Usage by the labels of documents: the filter of the admin's list of calls."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from extraction.labels import condition_of_calls
from tokens.models import TokenUsageLog


class LabelFilter(admin.SimpleListFilter):
    """Calls for documents with a label: ``key=value``, ``key`` with any value, ``key=`` without it.

    Shown while it is set: the usage report leads here.
    """

    title, parameter_name = _("label"), "label"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The one that is set."""
        value = request.GET.get("label", "")
        return [(value, value)] if value else []

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TokenUsageLog]
    ) -> QuerySet[TokenUsageLog]:
        """Those of the label."""
        value = self.value()
        return queryset.filter(condition_of_calls(value)) if value else queryset


# The list is of the app below, which knows no documents.
_usage: Any = admin.site.get_model_admin(TokenUsageLog)
_usage.list_filter = [*_usage.list_filter, LabelFilter]
