"""What people changed of an invoice, value by value."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from extraction.models.extraction import Extraction


class Correction(models.Model):
    """One value that a person set or confirmed, or one row that was added, removed or moved.

    ``path`` is the value's before the rows moved, such as "line_items.3.amount"; that of a row is
    "line_items.3", and for the order of all rows "line_items". A confirmed value has itself as new.
    The path of a person's order to read the whole document again is empty: its old value holds
    ``result`` and ``original`` as they were, and there is no new one.
    """

    extraction = models.ForeignKey(Extraction, models.CASCADE, related_name="corrections")
    version = models.PositiveIntegerField(help_text="The extraction's version that it led to.")
    path = models.CharField(max_length=100)
    old_value = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    new_value = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    corrected_by = models.CharField(max_length=100)
    client = models.CharField(max_length=200, help_text="user:<id>, as of an extraction.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["extraction", "version", "id"]

    def __str__(self) -> str:
        return f"{self.path}, by {self.corrected_by}"
