"""How often somebody has failed to prove who they are."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class FailedAttempts(models.Model):
    """Failures of one account, API key or address, and until when it is locked.

    ``subject`` names the kind and which one; of an account a digest, because people type their
    passwords into the wrong field.
    """

    subject = models.CharField(max_length=100, unique=True)
    failures = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)
    locked_until = models.DateTimeField()

    class Meta:
        verbose_name_plural = _("failed attempts")

    def __str__(self) -> str:
        return self.subject
