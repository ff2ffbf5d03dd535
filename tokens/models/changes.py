"""The record of changes of a key's status, limit or value."""

from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from ocrsite.lib import audit
from ocrsite.lib.audit import Action, ActorKind, Who
from ocrsite.lib.database import UtcNow
from tokens.models.token import TokenMaster

# Who made a change when it was no user.
BY_SYSTEM = "system"
BY_PROVIDER = "provider"
BY_SQL = "SQL"
_KINDS = {
    BY_SYSTEM: ActorKind.SYSTEM,
    BY_PROVIDER: ActorKind.PROVIDER,
    BY_SQL: ActorKind.SQL,
}


# Before the name of an API client. No user's name has a blank.
_BY_CLIENT = "API client "


def by_client(name: str) -> str:
    """Return how a change tells of an API client that made it."""
    return f"{_BY_CLIENT}{name}"


def _who(actor: str) -> Who:
    if kind := _KINDS.get(actor):
        return Who(kind)
    if actor.startswith(_BY_CLIENT):
        return Who(ActorKind.CLIENT, actor.removeprefix(_BY_CLIENT))
    return Who(ActorKind.USER, actor)


class Aspect(models.TextChoices):
    """What of a row of TokenMaster changed."""

    STATUS = gettext_noop("status"), _("Status")
    LIMIT = gettext_noop("limit"), _("Limit")
    KEY = gettext_noop("key"), _("Key")


class TokenChange(models.Model):
    """One change of a key: who or what made it, when, from what to what, and why.

    Written in the transaction of the change, by the one process whose UPDATE made it. A key is
    recorded masked. Adding a key, encrypting it and rotating the encryption key are not recorded.
    Each is a line of the audit list, too, written with it; that line stays when the key is deleted.
    A limit changed by SQL is noticed and recorded within seconds; a status or key changed by SQL
    is not, since nothing else says what it was before.
    """

    change_id = models.BigAutoField(db_column="ChangeID", primary_key=True)
    token = models.ForeignKey(
        TokenMaster,
        models.CASCADE,
        db_column="TokenID",
        related_name="changes",
        verbose_name=_("key"),
    )
    what = models.CharField(db_column="What", max_length=10, choices=Aspect)
    from_value = models.CharField(db_column="FromValue", max_length=50)
    to_value = models.CharField(db_column="ToValue", max_length=50)
    actor = models.CharField(
        db_column="Actor",
        max_length=150,
        help_text=_(
            "The name of a user; system: this service by itself; provider: an answer of "
            "the provider; SQL: a change in the database by hand."
        ),
    )
    reason = models.CharField(db_column="Reason", max_length=200, blank=True)
    changed_at = models.DateTimeField(
        db_column="ChangedAt", default=timezone.now, db_default=UtcNow()
    )

    class Meta:
        db_table = "TokenChanges"
        verbose_name = _("key change")
        ordering = ["-changed_at", "-change_id"]
        indexes = [models.Index(fields=["-changed_at"], name="IX_TokenChanges_ChangedAt")]

    def __str__(self) -> str:
        return f"{gettext(self.what)}: {self.from_value} → {self.to_value}"

    def save(self, **options: Any) -> None:
        """Store it, and its line of the audit list."""
        with transaction.atomic():
            super().save(**options)
            audit.record(
                Action.CHANGED,
                who=_who(self.actor),
                what=audit.row(self.token),
                before=f"{self.what}: {self.from_value}",
                after=f"{self.what}: {self.to_value}",
                why=self.reason,
            )
