"""The states of an extraction."""

from django.db import models


class State(models.TextChoices):
    """Where an extraction stands."""

    QUEUED = "queued"
    PROCESSING = "processing"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

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
