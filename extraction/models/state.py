"""The states of an extraction."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where an extraction stands."""

    QUEUED = "queued", _("Queued")
    PROCESSING = "processing", _("Processing")
    WAITING = "waiting", _("Waiting")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")

    @classmethod
    def ended(cls) -> tuple["State", ...]:
        """The states that only a retry by hand leaves."""
        return (cls.SUCCEEDED, cls.FAILED, cls.CANCELLED)

    @classmethod
    def unread(cls) -> tuple["State", ...]:
        """Those of them without a result."""
        return (cls.FAILED, cls.CANCELLED)

    @classmethod
    def unended(cls) -> tuple["State", ...]:
        """The others."""
        return (cls.QUEUED, cls.PROCESSING, cls.WAITING)
