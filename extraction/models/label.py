"""Labels: what senders and operators call a document by, beside what it says."""

from django.db import models

from extraction.models.extraction import Extraction

MOST_LABELS = 5
MAX_KEY_LENGTH, MAX_VALUE_LENGTH = 50, 200


class Label(models.Model):
    """One ``key=value`` of an extraction, which has at most MOST_LABELS with a key each.

    Written with the extraction by ``extraction.submission`` and never changed; a key is in small
    letters.
    """

    extraction = models.ForeignKey(
        Extraction, models.CASCADE, related_name="labels", db_index=False
    )
    key = models.CharField(max_length=MAX_KEY_LENGTH)
    value = models.CharField(max_length=MAX_VALUE_LENGTH)

    class Meta:
        ordering = ["key"]
        indexes = [
            models.Index(fields=["extraction", "key"], name="label_of_extraction"),
            models.Index(fields=["key", "value", "extraction"], name="label_value"),
        ]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"
