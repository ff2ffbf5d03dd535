"""One call to a provider for an extraction."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from extraction.models.extraction import Extraction
from tokens.models import TokenMaster, TokenUsageLog


class AttemptOutcome(models.TextChoices):
    """How a call ended."""

    PENDING = "pending", _("Pending")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unknown")


class _Charge(models.ForeignObject):  # type: ignore[type-arg]
    """From a call to its usage row, which has its id; no column, and no constraint."""

    def __init__(self) -> None:
        super().__init__(
            TokenUsageLog,
            on_delete=models.DO_NOTHING,
            from_fields=["id"],
            to_fields=["attempt_id"],
            null=True,
            related_name="+",
            editable=False,
        )

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = True, **kwargs: Any
    ) -> None:
        """As Django's GenericRelation: queries know it, migrations and forms do not."""
        super().contribute_to_class(cls, name, private_only=private_only, **kwargs)


class Attempt(models.Model):
    """One call to a provider, committed before it is made, so that a crash cannot hide it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    extraction = models.ForeignKey(Extraction, models.CASCADE, related_name="attempt_set")
    number = models.PositiveIntegerField(help_text=_("1 is the first call for this extraction."))
    token = models.ForeignKey(TokenMaster, models.PROTECT)
    model = models.CharField(max_length=100)
    reserved = models.BigIntegerField(help_text=_("LLM tokens set aside for this call."))
    outcome = models.CharField(
        max_length=20, choices=AttemptOutcome, default=AttemptOutcome.PENDING
    )
    failure = models.CharField(
        max_length=20,
        blank=True,
        help_text=_("What the failure allowed next: retry, other_key, repair, final."),
    )
    code = models.CharField(max_length=50, blank=True)
    output_budget = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text=_("LLM tokens that its output could have, thinking included."),
    )
    repairs = models.ForeignKey(
        "self", models.SET_NULL, null=True, help_text=_("The call whose answer this one mends.")
    )
    correction = models.TextField(
        blank=True, default="", db_default="", help_text=_("What to tell the model to mend.")
    )
    asked_wait = models.FloatField(
        null=True, help_text=_("Seconds that the provider asked to wait before the next call.")
    )
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    charge = _Charge()

    class Meta:
        ordering = ["extraction", "number"]
        constraints = [
            models.UniqueConstraint(fields=["extraction", "number"], name="unique_attempt_number")
        ]

    def __str__(self) -> str:
        return gettext("attempt {number}: {outcome}").format(
            number=self.number, outcome=self.outcome
        )
