"""What was erased for good because somebody has a right to it (GDPR, article 17)."""

import secrets

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ErasureScope(models.TextChoices):
    """Whose documents are erased."""

    COMPANY = "company", _("All of a company")
    PERSON = "person", _("All that a person requested")
    EXTRACTION = "extraction", _("One document")


def new_pseudonym() -> str:
    """Return what stands in place of names from now on: random, so that it leads nowhere."""
    return f"erased-{secrets.token_hex(4)}"


class Erasure(models.Model):
    """One order to erase, how far it is, and what it removed: numbers, never the erased data.

    ``subject`` is the company's id, the requester's name or the extraction's id; that name is
    replaced by the pseudonym once all is done. ``company_id`` names the company whose rows alone it
    is about; empty where it is about a person's in every company.
    """

    scope = models.CharField(max_length=10, choices=ErasureScope)
    subject = models.CharField(max_length=100)
    company_id = models.CharField(max_length=50, blank=True, default="", db_default="")
    pseudonym = models.CharField(max_length=20, default=new_pseudonym)
    asked_by = models.CharField(max_length=150)
    why = models.CharField(_("reason"), max_length=200)
    created_at = models.DateTimeField(_("asked at"), default=timezone.now)
    ended_at = models.DateTimeField(_("done at"), null=True)
    leased_until = models.DateTimeField(
        default=timezone.now, help_text=_("A worker is at it; after this another one goes on.")
    )
    read_to = models.BigIntegerField(
        default=0, editable=False, help_text=_("Log records up to this one were looked through.")
    )
    documents = models.BigIntegerField(default=0)
    corrections = models.BigIntegerField(default=0)
    logs = models.BigIntegerField(_("log records"), default=0)
    usage = models.BigIntegerField(
        _("usage rows"),
        default=0,
        help_text=_("They keep their numbers and lose the requester's name."),
    )

    class Meta:
        ordering = ["-created_at", "-pk"]
        permissions = [("erase_data", "Can erase documents and results for good")]
        indexes = [models.Index(fields=["ended_at"], name="extraction_erasures")]

    def __str__(self) -> str:
        return f"{self.scope} {self.shown_subject}"

    @property
    def shown_subject(self) -> str:
        """What is told of it for ever: never a person's name."""
        return self.pseudonym if self.scope == ErasureScope.PERSON else self.subject
