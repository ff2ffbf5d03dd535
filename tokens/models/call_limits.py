"""The limits of a key's calls, and the calls that count towards them."""

from dataclasses import dataclass

from django.db import models
from django.utils import timezone


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How many calls of a key may run at once, and may begin in a minute; None: no limit."""

    at_once: int | None = None
    per_minute: int | None = None


NO_LIMITS = CallLimits()


class RecentCall(models.Model):
    """A call that began within the last minute, of a key with a limit per minute."""

    call_id = models.BigAutoField(db_column="CallID", primary_key=True)
    token = models.ForeignKey(
        "tokens.TokenMaster", models.CASCADE, db_column="TokenID", verbose_name="key"
    )
    began_at = models.DateTimeField(db_column="BeganAt", default=timezone.now)

    class Meta:
        db_table = "TokenRecentCalls"
        ordering = ["began_at"]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M:%S}"
