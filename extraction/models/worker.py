"""The workers that live or lived lately, and whether the queue is paused."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from extraction.liveness import SIGN_LASTS
from ocrsite.lib import clock


class WorkerState(models.TextChoices):
    """What a worker does, as it said itself with its last sign."""

    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    DRAINING = "draining", _("Draining")
    STOPPED = "stopped", _("Stopped")


class WorkerQuerySet(models.QuerySet["Worker"]):
    def living(self) -> Self:
        """Those that did not stop and showed a sign within SIGN_LASTS seconds.

        A sign of the future counts as none: the clock was set back since.
        """
        now, lasts = clock.now(), timedelta(seconds=SIGN_LASTS)
        fresh = Q(last_sign__gt=now - lasts, last_sign__lt=now + lasts)
        return self.filter(fresh).exclude(state=WorkerState.STOPPED)


class Worker(models.Model):
    """One worker, as it was at its last sign. Its row stays for a day after that."""

    name = models.CharField(max_length=300, unique=True, help_text=_("Host, process and start."))
    host = models.CharField(max_length=255)
    process_id = models.PositiveIntegerField()
    version = models.CharField(max_length=50, help_text=_("Of the code that it runs."))
    since = models.DateTimeField()
    last_sign = models.DateTimeField(
        help_text=_("Every 5 s; after 60 s without one it is missing.")
    )
    processes = models.PositiveIntegerField(help_text=_("Documents that it can read at once."))
    busy = models.PositiveIntegerField(default=0, help_text=_("Documents that it reads."))
    last_extraction = models.UUIDField(null=True, help_text=_("The one that it took last."))
    last_taken_at = models.DateTimeField(null=True)
    state = models.CharField(
        max_length=20, choices=WorkerState, default=WorkerState.RUNNING, db_default="running"
    )
    to_drain = models.BooleanField(
        default=False, db_default=False, help_text=_("It is to take no new work.")
    )

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["-since"]

    def __str__(self) -> str:
        return f"{self.host}:{self.process_id}"

    @property
    def is_missing(self) -> bool:
        """Whether it neither stopped nor showed a sign lately."""
        silent = abs((clock.now() - self.last_sign).total_seconds())
        return self.state != WorkerState.STOPPED and silent >= SIGN_LASTS


class QueuePause(models.Model):
    """While its one row exists, no worker takes a document that waits."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    paused_at = models.DateTimeField(default=timezone.now)
    paused_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        default_permissions = ()  # who may change workers may pause the queue
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_queue_pause")]

    def __str__(self) -> str:
        return f"paused by {self.paused_by}"
