"""The extraction: one document, the state of its reading and the result."""

import time
import uuid
from datetime import datetime, timedelta

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from extraction.models.extraction_queryset import (
    ExtractionQuerySet,
    UndeletedManager,
    dedup_key,
)
from extraction.models.reader_choice import ReaderChoice
from extraction.models.review_state import ReviewState
from extraction.models.rights import OWN_PERMISSIONS
from extraction.models.state import State
from ocrsite.lib import audit, clock
from tokens.models import TokenMaster

# At the end of the indexes by which rows are listed: whether each is to be listed at all.
_LISTED = ("id", "deleted_at")
_SUMMED = (*_LISTED, "currency", "document_type", "total_amount")


class Extraction(models.Model):
    """One uploaded document, the state of its reading and the result."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company_id = models.CharField(max_length=50)
    branch = models.CharField(max_length=50, default="Default")
    requested_by = models.CharField(max_length=100)
    licence_id = models.CharField(max_length=100, blank=True)
    client = models.CharField(
        max_length=200, help_text=_("Who sent it: user:<id> or client:<prefix>.")
    )
    # Without choices: a new way in needs no migration.
    channel = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("Through what it was sent: page, sample, api, extract."),
    )
    received_from = models.CharField(
        max_length=45, null=True, editable=False, help_text=_("IP address that it was sent from.")
    )
    received_in = models.CharField(
        max_length=36, null=True, editable=False, help_text=_("Id of the request that brought it.")
    )
    batch = models.UUIDField(
        null=True, editable=False, help_text=_("Files of the upload page that were sent together.")
    )
    dedup_key = models.CharField(
        max_length=120,
        null=True,
        unique=True,
        editable=False,
        help_text=_("company:sha256 of the one extraction that answers for these bytes."),
    )
    reader = models.CharField(
        max_length=20,
        choices=ReaderChoice,
        default=ReaderChoice.AUTO,
        db_default=ReaderChoice.AUTO.value,
        help_text=_("What is to be read: the e-invoice, the pages, or what there is."),
    )
    # Chosen by a person who had it read again; what was sent is still the same as far as other
    # requests for the same bytes go.
    chosen_reader = models.CharField(
        max_length=20, choices=ReaderChoice, blank=True, default="", db_default="", editable=False
    )
    chosen_key = models.ForeignKey(
        TokenMaster, models.PROTECT, null=True, editable=False, related_name="+", db_index=False
    )

    file = models.CharField(
        max_length=100, editable=False, help_text=_("Path of the document under DATA_DIR/files.")
    )
    file_name = models.CharField(
        max_length=255, help_text=_("As sent; shown, never used as a path.")
    )
    sha256 = models.CharField(max_length=64, editable=False)
    files_removed_at = models.DateTimeField(
        null=True, help_text=_("When document and page images were removed (FILE_RETENTION_DAYS).")
    )
    media_type = models.CharField(max_length=50)
    size = models.BigIntegerField(help_text=_("Bytes."))
    page_count = models.PositiveIntegerField()

    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0, help_text=_("Calls made to a provider."))
    attempts_before = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text=_("Of these, calls made before the last retry by hand."),
    )
    deaths = models.PositiveIntegerField(default=0, help_text=_("Workers that died on it."))
    claimed_at = models.DateTimeField(
        null=True, editable=False, help_text=_("When a process last took it.")
    )
    lease_id = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    worker = models.CharField(
        max_length=300, null=True, help_text=_("Who has or last had it: host and main process.")
    )
    due_at = models.DateTimeField(default=timezone.now)
    deadline = models.DateTimeField(null=True, help_text=_("No retry starts after this."))
    retry_after_at = models.DateTimeField(
        null=True, help_text=_("When a key may be free again: set when it failed with status 503.")
    )

    result = models.JSONField(
        null=True, encoder=DjangoJSONEncoder, help_text=_("The canonical invoice, as corrected.")
    )
    original = models.JSONField(
        null=True,
        encoder=DjangoJSONEncoder,
        editable=False,
        help_text=_("The invoice as it was read, once a person has changed it."),
    )
    needs_review = models.BooleanField(
        default=False, help_text=_("Until a person approves it; a rejected one is left so.")
    )
    reviewed_by = models.CharField(max_length=100, null=True, editable=False)
    reviewed_at = models.DateTimeField(null=True, editable=False)
    rejection = models.CharField(
        max_length=500, blank=True, default="", db_default="", help_text=_("Why it was rejected.")
    )
    version = models.PositiveIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text=_("Counts the changes by people: each states which version it changes."),
    )
    claimed_for_review_by = models.CharField(
        max_length=200, null=True, editable=False, help_text=_("Who reviews it: user:<id>.")
    )
    claimed_for_review_until = models.DateTimeField(null=True, editable=False)
    checks = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    page_turns = models.JSONField(
        null=True,
        editable=False,
        help_text=_("Degrees clockwise by page number: how people turned pages to be upright."),
    )

    # Copies of what ``result`` says, to find it by: JSON is never filtered on. Filled by
    # ``extraction.invoices.listed.listed_fields`` alone, null until it has succeeded.
    document_type = models.CharField(max_length=20, null=True, editable=False)
    supplier_name = models.CharField(max_length=255, null=True, editable=False)
    supplier_tax_id = models.CharField(max_length=50, null=True, editable=False)
    invoice_number = models.CharField(max_length=100, null=True, editable=False)
    invoice_date = models.DateField(null=True, editable=False)
    due_date = models.DateField(null=True, editable=False)
    currency = models.CharField(max_length=3, null=True, editable=False)
    total_amount = models.DecimalField(
        max_digits=24,
        decimal_places=6,
        null=True,
        editable=False,
        help_text=_("SQLite keeps 15 digits of it."),
    )
    duplicate_of = models.UUIDField(
        null=True, editable=False, help_text=_("The first extraction of the same document.")
    )

    http_status = models.PositiveSmallIntegerField(
        null=True, help_text=_("What POST /extract answers, once ended.")
    )
    error_code = models.CharField(max_length=50, blank=True)
    error_message = models.CharField(max_length=200, blank=True)
    error_detail = models.TextField(blank=True)

    token = models.ForeignKey(TokenMaster, models.PROTECT, null=True, editable=False)
    model = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    timings = models.JSONField(
        null=True, help_text=_("Seconds of wall clock by stage: pages, read.")
    )

    deleted_at = models.DateTimeField(
        null=True, editable=False, help_text=_("A person can undo it for DELETED_DAYS.")
    )
    deleted_by = models.CharField(max_length=100, null=True, editable=False)
    purged_at = models.DateTimeField(
        null=True, editable=False, help_text=_("When all that a deleted document said was removed.")
    )

    erased_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text=_("When an erasure also removed its files, its log records and all names."),
    )

    # The shared clock and the monotonic one when this process took it; None for any other.
    _taken: tuple[datetime, float] | None = None

    # The first one is Django's default: whoever reads the table must ask for deleted ones.
    objects = UndeletedManager()
    with_deleted = ExtractionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions = OWN_PERMISSIONS
        indexes = [
            models.Index(fields=["state", "due_at"], name="extraction_due"),
            models.Index(fields=["state", "company_id", "due_at", "id"], name="extraction_turn"),
            models.Index(fields=["-claimed_at", "company_id"], name="extraction_served"),
            # What a page of the list adds up stands in the indexes by which it finds the rows.
            # And what the dashboard counts of a day.
            models.Index(
                fields=[
                    *("created_at", *_SUMMED, "state", "company_id"),
                    *("needs_review", "reviewed_at", "error_code"),
                ],
                name="extraction_received",
            ),
            models.Index(fields=["company_id", "created_at", *_SUMMED], name="extraction_company"),
            models.Index(
                fields=["company_id", "invoice_date", *_SUMMED], name="extraction_invoiced"
            ),
            models.Index(
                fields=[
                    *("company_id", "needs_review", "reviewed_at", "created_at"),
                    *_SUMMED,
                ],
                name="extraction_to_review",
            ),
            models.Index(
                fields=["company_id", "state", "created_at", *_LISTED], name="extraction_state"
            ),
            models.Index(
                fields=["company_id", "supplier_name", *_LISTED], name="extraction_supplier"
            ),
            models.Index(
                fields=["company_id", "supplier_tax_id", *_LISTED], name="extraction_tax_id"
            ),
            models.Index(
                fields=["company_id", "invoice_number", *_LISTED], name="extraction_number"
            ),
            models.Index(fields=["company_id", "due_date", *_LISTED], name="extraction_payable"),
            models.Index(fields=["company_id", "total_amount", *_LISTED], name="extraction_total"),
            models.Index(fields=["company_id", "file_name", *_LISTED], name="extraction_file_name"),
            models.Index(
                fields=["batch", "company_id", "created_at", *_LISTED], name="extraction_batch"
            ),
            # Of every company, for superusers.
            models.Index(
                fields=["needs_review", "reviewed_at", "created_at", *_SUMMED],
                name="extraction_all_to_review",
            ),
            models.Index(fields=["state", "created_at", *_LISTED], name="extraction_all_state"),
            # Has this company had these bytes read before, and when first?
            models.Index(
                fields=["company_id", "sha256", "state", "created_at"], name="extraction_bytes"
            ),
            models.Index(fields=["files_removed_at", "finished_at"], name="extraction_files"),
            # It begins with what no list asks for: nearly all rows have the same ``deleted_at``.
            models.Index(fields=["purged_at", "deleted_at"], name="extraction_deleted"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.company_id})"

    @property
    def audited_as(self) -> audit.What:
        """How the audit list names it: not by its file's name, which erasing could not find."""
        return audit.row(self, name="")

    @property
    def awaits_review(self) -> bool:
        """Whether a person still has to look at what was read."""
        return self.needs_review and self.reviewed_at is None

    @property
    def review_state(self) -> ReviewState | None:
        """Where its review stands; None where none is needed."""
        if self.reviewed_at is not None:
            return ReviewState.REJECTED if self.rejection else ReviewState.APPROVED
        return ReviewState.TO_REVIEW if self.needs_review else None

    @property
    def has_result(self) -> bool:
        """Whether it says what was read: that of an earlier time while it is being read again."""
        return self.document_type is not None

    @property
    def answers_for_bytes(self) -> bool:
        """Whether it answers when its bytes are sent again, as of when it was read.

        No other process takes that from one that is held.
        """
        return self.dedup_key == dedup_key(self.company_id, self.sha256, self.reader)

    @property
    def ended(self) -> bool:
        """Whether its state is one of ``State.ended``."""
        return self.state in State.ended()

    def note_taken(self) -> None:
        """Have ``now`` go by the monotonic clock of this process, which has just claimed it."""
        # The claim's own time: to ask the clock again is to ask a database that may be away by now.
        self._taken = self.claimed_at or clock.now(), time.monotonic()

    def now(self) -> datetime:
        """What the shared clock would say had nobody set it since this process claimed it.

        Its deadline goes by that: a clock that is set forward must not end its tries.
        """
        if self._taken is None:
            return clock.now()
        shared, monotonic = self._taken
        return shared + timedelta(seconds=time.monotonic() - monotonic)

    def may_have_killed(self, worker: str | None) -> bool:
        """Whether the document may be why its lease ran out, as seen by ``worker``.

        It may where one process of that worker died and the rest did not. The death of a whole
        worker most likely has another cause, and hits every document that it held; but past the
        deadline it counts, so that a document that takes down whole machines is not tried for ever.
        """
        alone = self.worker in (None, worker)  # None: it cannot be known (Windows)
        return alone or (self.deadline is not None and self.deadline < clock.now())


class IdempotencyKey(models.Model):
    """An Idempotency-Key of a client, and the extraction that its requests get, or what they made.

    Holds no secret: neither one that was sent nor one that was answered.
    """

    client = models.CharField(max_length=200)
    key = models.CharField(max_length=200, help_text=_("Its SHA-256."))
    request = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text=_("SHA-256 of what else than a submission."),
    )
    extraction = models.ForeignKey(
        Extraction, models.CASCADE, null=True, related_name="idempotency_keys"
    )
    made = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("The id of what was made or changed, where that is no extraction."),
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "key"], name="unique_idempotency_key")
        ]

    def __str__(self) -> str:
        return self.key
