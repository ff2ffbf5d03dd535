"""The extraction and its attempts. Every change of state is one conditional UPDATE here.

The row is the truth and the queue only a wake-up call: a message lost, doubled or late
changes nothing, because only the process whose UPDATE changed the row goes on.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from extraction import liveness
from tokens.models import TokenMaster

# A live worker renews its lease well within this; without renewal the work is taken up again.
LEASE = timedelta(seconds=20)
# When the whole worker is gone, others leave it so long to show that it is not: only it can tell
# that a single process of it died.
OTHERS_WAIT = timedelta(seconds=5)
# A document that took down the process that read it this often is not tried again.
DEATHS_ALLOWED = 2


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
        """The states that nothing leaves by itself."""
        return (cls.SUCCEEDED, cls.FAILED, cls.CANCELLED)


class ExtractionQuerySet(models.QuerySet["Extraction"]):
    def for_companies(self, company_ids: list[str] | None) -> Self:
        """Those of the given companies; None means every company."""
        return self if company_ids is None else self.filter(company_id__in=company_ids)

    def due(self) -> Self:
        """Those that wait for a time that has come."""
        return self.filter(state=State.WAITING, due_at__lte=timezone.now())

    def abandoned(self) -> Self:
        """Those whose lease ran out, its process dead, hanging or without the database.

        Those of other workers only a while later: they know better what to hold against it.
        """
        now = timezone.now()
        own = Q(worker=liveness.worker_name()) | Q(worker=None)
        ran_out = Q(leased_until__lt=now - OTHERS_WAIT) | own & Q(leased_until__lt=now)
        return self.filter(ran_out, state=State.PROCESSING)

    def claim(self, pk: uuid.UUID) -> "Extraction | None":
        """Take a queued or due extraction to work on; None when another process was first."""
        now = timezone.now()
        lease_id = uuid.uuid4()
        claimed = self.filter(
            pk=pk, state__in=[State.QUEUED, State.WAITING], due_at__lte=now
        ).update(
            state=State.PROCESSING,
            lease_id=lease_id,
            leased_until=now + LEASE,
            worker=liveness.worker_name(),
            # The clock of retries starts with the work, not with a long queue before it.
            started_at=Coalesce(F("started_at"), now),
            deadline=Coalesce(
                F("deadline"), now + timedelta(seconds=settings.JOB_DEADLINE_SECONDS)
            ),
        )
        return self.get(pk=pk) if claimed else None

    def held(self, extraction: "Extraction") -> Self:
        """The row of an extraction, if it is still ours to change."""
        return self.filter(pk=extraction.pk, state=State.PROCESSING, lease_id=extraction.lease_id)

    def held_by(self, worker: str) -> Self:
        """Those that a worker works on, as far as the rows know."""
        return self.filter(state=State.PROCESSING, worker=worker)

    def renew_lease(self, extraction: "Extraction") -> bool:
        """Say that its worker lives; False when the lease was lost to another."""
        return bool(self.held(extraction).update(leased_until=timezone.now() + LEASE))

    def end(self, extraction: "Extraction", state: State, **fields: Any) -> bool:
        """Move a held extraction to an ended state; False when it is no longer ours."""
        return bool(
            self.held(extraction).update(
                state=state,
                lease_id=None,
                leased_until=None,
                finished_at=timezone.now(),
                **fields,
            )
        )

    def postpone(self, extraction: "Extraction", delay: timedelta, **fields: Any) -> bool:
        """Let a held extraction wait and free its worker; False when it is no longer ours."""
        return bool(
            self.held(extraction).update(
                state=State.WAITING,
                lease_id=None,
                leased_until=None,
                due_at=timezone.now() + delay,
                **fields,
            )
        )

    def requeue_due(self, pk: uuid.UUID) -> bool:
        """Turn a due extraction into a queued one; True for the one process that did."""
        return bool(self.due().filter(pk=pk).update(state=State.QUEUED))

    def take_over(self, extraction: "Extraction", *, stopped: bool = False) -> bool:
        """Hold another process's extraction ourselves; True for one process only.

        It was abandoned; or, ``stopped``, we ended its process. What happened counts as a death
        only where it speaks against the document.
        """
        rows = self.held(extraction) if stopped else self.held(extraction) & self.abandoned()
        counts = not stopped and extraction.is_suspect
        taken = rows.update(
            lease_id=uuid.uuid4(),
            leased_until=timezone.now() + LEASE,
            deaths=F("deaths") + int(counts),
        )
        if taken:
            extraction.refresh_from_db()
        return bool(taken)

    def with_old_files(self, cutoff: datetime) -> Self:
        """Those that ended before and still have their document."""
        return self.filter(state__in=State.ended(), finished_at__lt=cutoff, files_removed_at=None)

    def give_up_files(self, extraction: "Extraction", cutoff: datetime) -> bool:
        """Say that its files go; False when it was queued again meanwhile.

        A failed one stops answering for its bytes: who sends them again has them read.
        """
        return bool(
            self.with_old_files(cutoff)
            .filter(pk=extraction.pk)
            .update(
                files_removed_at=timezone.now(),
                dedup_key=Case(When(state=State.SUCCEEDED, then=F("dedup_key"))),
            )
        )

    def requeue(self, pk: uuid.UUID) -> bool:
        """Queue a failed extraction once more, as if it had just come; not without its document."""
        return bool(
            self.filter(pk=pk, state=State.FAILED, files_removed_at=None).update(
                state=State.QUEUED,
                due_at=timezone.now(),
                started_at=None,
                finished_at=None,
                deadline=None,
                retry_after_at=None,
                attempts_before=F("attempts"),
                deaths=0,
                http_status=None,
                error_code="",
                error_message="",
                error_detail="",
            )
        )


class Extraction(models.Model):
    """One document that somebody brought, and what became of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company_id = models.CharField(max_length=50)
    branch = models.CharField(max_length=50, default="Default")
    requested_by = models.CharField(max_length=100)
    licence_id = models.CharField(max_length=100, blank=True)
    client = models.CharField(
        max_length=200, help_text="Who sent it: user:<id> or client:<prefix>."
    )
    dedup_key = models.CharField(
        max_length=120,
        null=True,
        unique=True,
        editable=False,
        help_text="company:sha256 of the one extraction that answers for these bytes.",
    )

    file = models.CharField(
        max_length=100, editable=False, help_text="Path of the document under DATA_DIR/files."
    )
    file_name = models.CharField(max_length=255, help_text="As sent; shown, never used as a path.")
    sha256 = models.CharField(max_length=64, editable=False)
    files_removed_at = models.DateTimeField(
        null=True, help_text="When document and page images were removed (FILE_RETENTION_DAYS)."
    )
    media_type = models.CharField(max_length=50)
    size = models.BigIntegerField(help_text="Bytes.")
    page_count = models.PositiveIntegerField()

    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0, help_text="Calls made to a provider.")
    attempts_before = models.PositiveIntegerField(
        default=0, editable=False, help_text="Of these, calls made before the last retry by hand."
    )
    deaths = models.PositiveIntegerField(default=0, help_text="Workers that died on it.")
    lease_id = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    worker = models.CharField(
        max_length=300, null=True, help_text="Who has or last had it: host and main process."
    )
    due_at = models.DateTimeField(default=timezone.now)
    deadline = models.DateTimeField(null=True, help_text="No retry starts after this.")
    retry_after_at = models.DateTimeField(
        null=True, help_text="When a key may be free again: set when it failed with status 503."
    )

    result = models.JSONField(
        null=True, encoder=DjangoJSONEncoder, help_text="The canonical invoice."
    )
    needs_review = models.BooleanField(default=False)
    checks = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    http_status = models.PositiveSmallIntegerField(
        null=True, help_text="What POST /extract answers, once ended."
    )
    error_code = models.CharField(max_length=50, blank=True)
    error_message = models.CharField(max_length=200, blank=True)
    error_detail = models.TextField(blank=True)

    token = models.ForeignKey(TokenMaster, models.PROTECT, null=True, editable=False)
    model = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    timings = models.JSONField(null=True, help_text="Seconds of wall clock by stage: pages, read.")

    objects = ExtractionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["state", "due_at"], name="extraction_due"),
            models.Index(fields=["company_id", "-created_at"], name="extraction_company"),
            models.Index(fields=["files_removed_at", "finished_at"], name="extraction_files"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.company_id})"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in State.ended()

    @property
    def is_suspect(self) -> bool:
        """Whether it may be its own fault that nobody renews its lease any more.

        A process of this worker died alone, with it in its hands. When a whole worker died, that
        was most likely something else, and hit every document it held; but past the deadline
        nothing is excused, so that what takes whole machines down is not tried for ever.
        """
        alone = self.worker in (None, liveness.worker_name())  # None: it cannot be known (Windows)
        return alone or (self.deadline is not None and self.deadline < timezone.now())


class IdempotencyKey(models.Model):
    """A client's promise that two requests are one: the extraction that answers for the key."""

    client = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    extraction = models.ForeignKey(Extraction, models.CASCADE, related_name="idempotency_keys")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "key"], name="unique_idempotency_key")
        ]

    def __str__(self) -> str:
        return self.key


class AttemptOutcome(models.TextChoices):
    """What came of one call."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Attempt(models.Model):
    """One call to a provider, committed before it is made, so that a crash cannot hide it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    extraction = models.ForeignKey(Extraction, models.CASCADE, related_name="attempt_set")
    number = models.PositiveIntegerField(help_text="1 is the first call for this extraction.")
    token = models.ForeignKey(TokenMaster, models.PROTECT)
    model = models.CharField(max_length=100)
    reserved = models.BigIntegerField(help_text="LLM tokens set aside for this call.")
    outcome = models.CharField(
        max_length=20, choices=AttemptOutcome, default=AttemptOutcome.PENDING
    )
    failure = models.CharField(
        max_length=20,
        blank=True,
        help_text="What the failure allowed next: retry, other_key, repair, final.",
    )
    code = models.CharField(max_length=50, blank=True)
    output_budget = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="LLM tokens that its output could have, thinking included.",
    )
    repairs = models.ForeignKey(
        "self", models.SET_NULL, null=True, help_text="The call whose answer this one mends."
    )
    correction = models.TextField(
        blank=True, default="", db_default="", help_text="What to tell the model to mend."
    )
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["extraction", "number"]
        constraints = [
            models.UniqueConstraint(fields=["extraction", "number"], name="unique_attempt_number")
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.outcome}"
