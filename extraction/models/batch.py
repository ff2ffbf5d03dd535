"""The files of batches whose documents had come before."""

import uuid
from collections.abc import Iterable

from django.db import models
from django.db.models import Q
from django.utils import timezone

from extraction.models.extraction import Extraction
from ocrsite.lib.database import deadlocks_retried

# Fewer than the parameters of a query on SQL Server; a batch has at most 100 files.
_MOST = 1000


class EarlierDocument(models.Model):
    """An extraction that answers for a file of a batch, and that came before that batch.

    It keeps a batch of its own, in which it came.
    """

    batch = models.UUIDField()
    extraction = models.ForeignKey(Extraction, models.CASCADE, related_name="later_batches")
    client = models.CharField(max_length=200, help_text="Who sent the batch.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "extraction"], name="unique_earlier_document")
        ]

    def __str__(self) -> str:
        return f"{self.extraction_id} in {self.batch}"


@deadlocks_retried
def note_earlier(batch: uuid.UUID, answering: Iterable[Extraction], client: str) -> None:
    """Have a batch know those of the extractions that answer for its files and are not its own."""
    earlier = {each.pk for each in answering if each.batch != batch}
    for pk in sorted(earlier):
        EarlierDocument.objects.get_or_create(
            batch=batch, extraction_id=pk, defaults={"client": client}
        )


def in_batch(batch: uuid.UUID) -> Q:
    """Return what selects the extractions that answer for the files of a batch."""
    earlier = EarlierDocument.objects.filter(batch=batch).order_by("pk")
    # Not as a subquery, with which PostgreSQL would read the whole table.
    pks = list(earlier.values_list("extraction_id", flat=True)[:_MOST])
    return Q(batch=batch) | Q(pk__in=pks) if pks else Q(batch=batch)
