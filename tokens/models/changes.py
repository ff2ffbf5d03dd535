"""What changed about a token: its status, its limit or its key."""

from django.db import models
from django.utils import timezone

from ocrsite.lib.database import UtcNow

# Who made a change when it was no user.
BY_SYSTEM = "system"
BY_PROVIDER = "provider"
BY_SQL = "SQL"


class Aspect(models.TextChoices):
    """What of a token changed."""

    STATUS = "status"
    LIMIT = "limit"
    KEY = "key"


class TokenChange(models.Model):
    """One change of a token: who or what made it, when, from what to what, and why.

    Written in the transaction of the change, by the one process whose UPDATE made it. A key is
    kept as people may see it: masked. Entering a token, encrypting its key and rotating the
    encryption key are no changes. A limit changed by SQL by hand is noticed within seconds; a
    status or a key changed so cannot be told from what it was, and has no row.
    """

    change_id = models.BigAutoField(db_column="ChangeID", primary_key=True)
    token = models.ForeignKey(
        "tokens.TokenMaster", models.CASCADE, db_column="TokenID", related_name="changes"
    )
    what = models.CharField(db_column="What", max_length=10, choices=Aspect)
    from_value = models.CharField(db_column="FromValue", max_length=50)
    to_value = models.CharField(db_column="ToValue", max_length=50)
    actor = models.CharField(
        db_column="Actor",
        max_length=150,
        help_text="The name of a user; system: ocrsite by itself; provider: its answer; "
        "SQL: somebody by hand.",
    )
    reason = models.CharField(db_column="Reason", max_length=200, blank=True)
    changed_at = models.DateTimeField(
        db_column="ChangedAt", default=timezone.now, db_default=UtcNow()
    )

    class Meta:
        db_table = "TokenChanges"
        verbose_name = "token change"
        ordering = ["-changed_at", "-change_id"]
        indexes = [models.Index(fields=["-changed_at"], name="IX_TokenChanges_ChangedAt")]

    def __str__(self) -> str:
        return f"{self.what}: {self.from_value} → {self.to_value}"
