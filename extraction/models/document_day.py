"""How many documents of each past day are in which state: no page counts a month of them."""

from django.db import models


class DocumentDay(models.Model):
    """The documents received on a day (UTC) by company and state, without deleted ones.

    A day's rows are written together. One with neither company nor state stands for the day itself:
    it was counted, though nothing may have been received.
    """

    day = models.DateField()
    company_id = models.CharField(max_length=50, blank=True)
    state = models.CharField(max_length=20, blank=True)
    documents = models.PositiveIntegerField(default=0)
    to_review = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()  # nobody reads or changes the rows themselves
        constraints = [
            models.UniqueConstraint(
                fields=["day", "company_id", "state"], name="unique_document_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.company_id} {self.state}: {self.documents}"
