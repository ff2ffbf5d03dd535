"""The rows of the audit list."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """One thing that somebody did: never changed, deleted by retention alone.

    Written in the transaction of what it tells. Holds no key, password, code or value of an
    invoice. Actions and kinds of actors are those of ``ocrsite.lib.audit``, which other versions of
    this service may have more of.
    """

    entry_id = models.BigAutoField(db_column="EntryID", primary_key=True)
    timestamp = models.DateTimeField(db_column="Timestamp", default=timezone.now)
    actor_kind = models.CharField(db_column="ActorKind", max_length=10)
    actor = models.CharField(db_column="Actor", max_length=150, blank=True, help_text=_("A name."))
    action = models.CharField(db_column="Action", max_length=20)
    object_type = models.CharField(
        db_column="ObjectType", max_length=50, help_text=_("A word, such as extraction or user.")
    )
    object_id = models.CharField(db_column="ObjectID", max_length=100, blank=True)
    object_name = models.CharField(db_column="ObjectName", max_length=255, blank=True)
    company_id = models.CharField(db_column="CompanyID", max_length=50, null=True)
    before = models.TextField(_("from"), db_column="FromValue", blank=True)
    after = models.TextField(_("to"), db_column="ToValue", blank=True)
    why = models.CharField(db_column="Why", max_length=500, blank=True)
    request_id = models.CharField(db_column="RequestID", max_length=36, null=True)
    address = models.CharField(
        db_column="Address",
        max_length=45,
        null=True,
        help_text=_("IP address of who logged in, or tried to."),
    )

    class Meta:
        db_table = "AuditEntries"
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-timestamp", "-entry_id"]
        indexes = [
            models.Index(fields=["-timestamp"], name="IX_Audit_Timestamp"),
            models.Index(fields=["actor", "-timestamp"], name="IX_Audit_Actor"),
            models.Index(fields=["action", "-timestamp"], name="IX_Audit_Action"),
            models.Index(fields=["object_type", "object_id", "-timestamp"], name="IX_Audit_Object"),
            # Partial: entries without a company cost nothing.
            models.Index(
                fields=["company_id", "-timestamp"],
                condition=Q(company_id__isnull=False),
                name="IX_Audit_Company",
            ),
        ]

    def __str__(self) -> str:
        name = self.object_name or self.object_id
        return f"{self.actor or self.actor_kind} {self.action} {self.object_type} {name}".strip()


class AuditedExtraction(models.Model):
    """One of the many extractions that an entry is about, such as that of an export."""

    entry = models.ForeignKey(
        AuditEntry, models.CASCADE, db_column="EntryID", related_name="extractions"
    )
    extraction_id = models.UUIDField(db_column="ExtractionID", db_index=True)

    class Meta:
        db_table = "AuditedExtractions"

    def __str__(self) -> str:
        return str(self.extraction_id)
