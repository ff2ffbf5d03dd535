"""Webhooks: who is told of what, and each message on its way."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ocrsite.lib import clock
from ocrsite.lib.clock import Disturbance

# Longer than any exchange: whoever died while sending cannot be sending any more.
WEBHOOK_LEASE = timedelta(minutes=2)
# A message is tried for so long, and an endpoint that fails for so long is disabled.
TRIED_FOR = timedelta(days=1)


class WebhookEvent(models.TextChoices):
    """What receivers can be told of."""

    SUCCEEDED = "extraction.succeeded", _("Extraction succeeded")
    FAILED = "extraction.failed", _("Extraction failed")
    NEEDS_REVIEW = "extraction.needs_review", _("Extraction needs review")
    APPROVED = "extraction.approved", _("Extraction approved")
    BATCH_ENDED = "batch.ended", _("Batch ended")
    QUOTA_WARNING = "quota.warning", _("Quota warning")
    ALERT_RAISED = "alert.raised", _("Alert raised")
    PING = "webhook.ping", _("Test")

    @classmethod
    def subscribable(cls) -> list["WebhookEvent"]:
        """All that an endpoint can ask for: a test is sent when a person asks for it."""
        return [event for event in cls if event is not cls.PING]


class WebhookEndpoint(models.Model):
    """An address of a receiver that is told what happens to a company's documents.

    Secrets are stored encrypted (extraction/webhooks/secrets.py); after a rotation the old one
    signs beside the new one until ``old_secret_until``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company_id = models.CharField(
        _("company"), max_length=50, blank=True, help_text=_("Empty: the site itself.")
    )
    client = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text=_("client:<prefix>: only what this API client sent; empty: the whole company."),
    )
    url = models.CharField(_("address"), max_length=500, help_text=_("https://…"))
    events = models.CharField(max_length=300, help_text=_("Separated by commas."))
    alert_kinds = models.CharField(
        _("alerts about"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("Kinds of alerts, separated by commas; empty: every kind."),
    )
    secret = models.CharField(max_length=1000, editable=False)
    old_secret = models.CharField(max_length=1000, blank=True, default="", editable=False)
    old_secret_until = models.DateTimeField(null=True, editable=False)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True, default="", editable=False)
    failing_since = models.DateTimeField(
        null=True, editable=False, help_text=_("Since then nothing has arrived.")
    )
    last_success_at = models.DateTimeField(_("last success"), null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("webhook")
        ordering = ["company_id", "created_at"]
        indexes = [models.Index(fields=["company_id", "enabled"], name="webhook_company")]

    def __str__(self) -> str:
        whose = self.company_id or gettext("site")
        return f"{whose}: {self.host}"

    @property
    def host(self) -> str:
        """The host of its address: the rest may hold a secret of the receiver."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def event_list(self) -> list[str]:
        """The events that it asks for."""
        return [event for event in self.events.split(",") if event]

    @property
    def alert_kind_list(self) -> list[str]:
        """The kinds of alerts that it asks for; empty: every kind."""
        return [kind for kind in self.alert_kinds.split(",") if kind]

    def wants(self, event: str, client: str | None, alert_kind: str | None = None) -> bool:
        """Whether it asks for an event of what a client (``Extraction.client``) sent.

        None: of the whole company, such as a quota. ``alert_kind``: of an event that is an alert.
        """
        if alert_kind and self.alert_kinds and alert_kind not in self.alert_kind_list:
            return False
        return event in self.event_list and (client is None or self.client in ("", client))


class DeliveryState(models.TextChoices):
    """Where a message stands."""

    PENDING = "pending", _("Pending")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def due(self) -> "WebhookDeliveryQuerySet":
        """Those that are to be sent now, the oldest first: of enabled endpoints, sent by nobody."""
        return self._free().filter(endpoint__enabled=True).order_by("due_at", "pk")

    def claim(self, pk: uuid.UUID) -> "WebhookDelivery | None":
        """Lease a due message to this process and count the try; None if another was first."""
        claimed = self._free().filter(pk=pk)
        # By its own columns alone: a join would be read from before the other process's commit.
        if not claimed.update(
            lease_id=uuid.uuid4(),
            leased_until=clock.now() + WEBHOOK_LEASE,
            attempts=F("attempts") + 1,
        ):
            return None
        return self.select_related("endpoint").get(pk=pk)

    def _free(self) -> "WebhookDeliveryQuerySet":
        now = clock.now()
        unleased = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(unleased, state=DeliveryState.PENDING, due_at__lte=now)

    def let_go(self, delivery: "WebhookDelivery", **fields: Any) -> bool:
        """End this process's lease and set these columns; False when it has lost the lease."""
        held = self.filter(pk=delivery.pk, lease_id=delivery.lease_id)
        return bool(held.update(lease_id=None, leased_until=None, **fields))

    def send_again(self, pks: Collection[uuid.UUID]) -> int:
        """Have ended messages sent once more, for another day; return how many."""
        now = clock.now()
        return (
            self.filter(pk__in=pks)
            .exclude(state=DeliveryState.PENDING)
            .update(
                state=DeliveryState.PENDING,
                due_at=now,
                give_up_at=now + TRIED_FOR,
                ended_at=None,
            )
        )

    def follow_clock(self, disturbance: Disturbance | None = None) -> None:
        """Correct times that the shared clock, since it was set, makes wrong. Safe to repeat.

        None can be further ahead than it is ever set. After SET_FORWARD what was to be given up by
        now is tried for as long as any other; after SET_BACK whatever waits is due.
        """
        now = clock.now()
        pending = self.filter(state=DeliveryState.PENDING)
        wrong = Q(give_up_at__gt=now + TRIED_FOR)
        if disturbance is Disturbance.SET_FORWARD:
            wrong |= Q(give_up_at__lt=now)
        pending.filter(wrong).update(give_up_at=now + TRIED_FOR)
        pending.filter(leased_until__gt=now + WEBHOOK_LEASE).update(
            leased_until=now + WEBHOOK_LEASE
        )
        set_back = disturbance is Disturbance.SET_BACK
        # Nothing is postponed beyond the time at which it is given up.
        too_late = Q(due_at__gt=now) if set_back else Q(due_at__gt=F("give_up_at"))
        pending.filter(too_late).update(due_at=now)

    def ended_before(self, cutoff: datetime) -> "WebhookDeliveryQuerySet":
        """Those that nobody needs any more: ended, or left by an endpoint that stays disabled."""
        ended = Q(ended_at__lt=cutoff)
        return self.filter(ended | Q(ended_at=None, give_up_at__lt=cutoff))


class WebhookDelivery(models.Model):
    """One message for one endpoint. Written with what it tells of; its id stays at every try."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, related_name="deliveries", db_index=False
    )
    event = models.CharField(max_length=50, choices=WebhookEvent)
    event_key = models.CharField(
        max_length=200, editable=False, help_text=_("What happened, once for each endpoint.")
    )
    extraction_id = models.UUIDField(null=True, editable=False, db_index=True)
    body = models.TextField(help_text=_("As it is signed and sent."))
    state = models.CharField(max_length=20, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveIntegerField(_("tries"), default=0)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    give_up_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    lease_id = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event_key"], name="webhook_event_once")
        ]
        indexes = [
            models.Index(fields=["state", "due_at"], name="webhook_due"),
            models.Index(fields=["-created_at"], name="webhook_created"),
            models.Index(fields=["ended_at", "give_up_at"], name="webhook_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.pk}"


class WebhookAttempt(models.Model):
    """One try to deliver a message, and what the receiver said."""

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    milliseconds = models.PositiveIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True, default="")
    answer = models.CharField(
        max_length=500, blank=True, default="", help_text=_("How the answer's body begins.")
    )

    class Meta:
        verbose_name = _("try")
        verbose_name_plural = _("tries")
        ordering = ["number", "pk"]

    def __str__(self) -> str:
        return f"{self.number}: {self.status_code or self.error}"
