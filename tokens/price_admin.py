"""The admin of prices."""

from django.contrib import admin

from ocrsite.lib.admin_companies import SHARED
from ocrsite.lib.audited_admin import AuditedAdmin
from ocrsite.lib.csv_admin import CsvMixin
from ocrsite.lib.csv_rows import CsvColumns
from tokens.models import ModelPrice


@admin.register(ModelPrice)
class ModelPriceAdmin(CsvMixin[ModelPrice], AuditedAdmin[ModelPrice]):
    """What models cost. A change applies to calls that are charged after it."""

    company_rule = SHARED
    list_display = [
        "model",
        "valid_from",
        "input",
        "cached_input",
        "output",
        "currency",
        "source",
    ]
    list_filter = ["currency"]
    csv_columns = CsvColumns(
        identity={"id": "pk"},
        fields={
            **{name: name for name in ("model", "valid_from", "input", "cached_input", "output")},
            **{name: name for name in ("currency", "source")},
        },
    )
    search_fields = ["model"]
    fieldsets = [
        (
            None,
            {
                "fields": ["model", "valid_from", "currency", "source"],
                "description": "What calls cost is booked with them and stays as it is, whatever "
                "is changed here. For a new price add a row; the earlier one says what applied "
                "before.",
            },
        ),
        ("For a million LLM tokens", {"fields": ["input", "cached_input", "output"]}),
    ]
