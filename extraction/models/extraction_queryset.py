"""Every change of an extraction's state: one conditional UPDATE each.

The row is the truth and the queue only a wake-up call: a message lost, doubled or late
changes nothing, because only the process whose UPDATE changed the row goes on.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Protocol, Self, TypeVar

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Case, Count, F, Q, When
from django.db.models.functions import Coalesce

from extraction.models.reader_choice import ReaderChoice
from extraction.models.state import State
from ocrsite.lib import clock
from ocrsite.lib.clock import Disturbance


class HeldRow(Protocol):
    """What is asked of an extraction whose row is to change."""

    pk: Any
    company_id: str
    sha256: str
    reader: str
    lease_id: uuid.UUID | None

    def may_have_killed(self, worker: str | None) -> bool:
        """See Extraction."""

    def refresh_from_db(self) -> None:
        """See Model."""


Row = TypeVar("Row", bound=models.Model)

# A process at work renews its lease well within this; without renewal another takes it over.
LEASE = timedelta(seconds=settings.LEASE_SECONDS)
# So often it does: three renewals may fail.
HEARTBEAT = LEASE / 4
# Other workers wait so much longer than the lease for a worker to take over what its own processes
# held: only it can tell that one of them died and the rest did not.
OTHERS_WAIT = LEASE / 4
# A document that the process reading it died of this often is not tried again.
DEATHS_ALLOWED = 2
# So many rows are read at a time to find the companies that have some.
ROWS_AT_ONCE = 100
# So many of the latest claims tell in which order companies were served.
CLAIMS_REMEMBERED = 200
# What ``extraction.invoices.listed`` copies of an invoice.
_LISTED_FIELDS = (
    *("document_type", "supplier_name", "supplier_tax_id", "invoice_number", "invoice_date"),
    *("due_date", "currency", "total_amount", "duplicate_of"),
)


def dedup_key(company_id: str, sha256: str, reader: str) -> str:
    """Return what identifies the bytes of a company's document, and what is to be read of it.

    The column has room for four letters of the reader.
    """
    key = f"{company_id}:{sha256}"
    return key if reader == ReaderChoice.AUTO else f"{key}:{reader[:4]}"


class ExtractionQuerySet(models.QuerySet[Row]):
    def for_companies(self, company_ids: list[str] | None) -> Self:
        """Those of the given companies; None means every company."""
        return self if company_ids is None else self.filter(company_id__in=company_ids)

    def queued(self) -> Self:
        """Those that only wait for a process to take them."""
        return self.filter(state=State.QUEUED)

    def oldest_by_company(
        self, after: str = "", enough: int = 10**9, *, fold: Callable[[str], str] = str
    ) -> dict[str, list[uuid.UUID]]:
        """Some of the rows of each company that has any, at most ROWS_AT_ONCE, the oldest first.

        Of a company with many rows no more are read, so that the others are found soon. The
        companies are those that follow ``after``; the search ends once ``enough`` are found. Those
        whose ids ``fold`` makes the same are one.
        """
        rows = self.order_by("company_id", "due_at", "pk").values_list("company_id", "due_at", "pk")
        found: dict[str, list[tuple[datetime, uuid.UUID]]] = {}
        chunk = list((rows.filter(company_id__gt=after) if after else rows)[:ROWS_AT_ONCE])
        while chunk and len(found) < enough:
            for company_id, due_at, pk in chunk:
                found.setdefault(fold(company_id), []).append((due_at, pk))
            if len(chunk) < ROWS_AT_ONCE:
                break
            chunk = list(rows.filter(company_id__gt=chunk[-1][0])[:ROWS_AT_ONCE])
        return {company: [pk for _, pk in sorted(rows)] for company, rows in found.items()}

    def running_by_company(self, *, fold: Callable[[str], str] = str) -> dict[str, int]:
        """How many extractions of each company are being worked on."""
        rows = self.filter(state=State.PROCESSING).order_by().values_list("company_id")
        running: Counter[str] = Counter()
        for company_id, count in rows.annotate(Count("pk")):
            running[fold(company_id)] += count
        return running

    def companies_served_lately(self, *, fold: Callable[[str], str] = str) -> list[str]:
        """The companies of the latest CLAIMS_REMEMBERED claims, the last one first."""
        rows = self.filter(claimed_at__isnull=False).order_by("-claimed_at")
        lately = rows.values_list("company_id", flat=True)[:CLAIMS_REMEMBERED]
        return list(dict.fromkeys(map(fold, lately)))

    def due(self) -> Self:
        """Those that wait for a time that has come."""
        return self.filter(state=State.WAITING, due_at__lte=clock.now())

    def abandoned(self, worker: str | None) -> Self:
        """Those whose lease ran out, as seen by a worker: its process died, hangs or is cut off.

        What another worker held is left to that one for OTHERS_WAIT.
        """
        now = clock.now()
        own = Q(worker=worker) | Q(worker=None)
        ran_out = Q(leased_until__lt=now - OTHERS_WAIT) | own & Q(leased_until__lt=now)
        return self.filter(ran_out, state=State.PROCESSING)

    def claim(
        self, pk: uuid.UUID, *, worker: str | None, lease_id: uuid.UUID | None = None
    ) -> Row | None:
        """Lease a queued or due extraction to a process of ``worker``; None if another was first.

        None stands for a worker without a name, as on Windows. A queued one is due whatever its
        ``due_at`` says: a clock that was set back must not hold it up. With a ``lease_id`` of the
        caller's it may be repeated when the database went away before it confirmed.
        """
        now = clock.now()
        lease_id = lease_id or uuid.uuid4()
        free = Q(state=State.QUEUED) | Q(state=State.WAITING, due_at__lte=now)
        claimed_before = Q(state=State.PROCESSING, lease_id=lease_id)
        claimed = self.filter(free | claimed_before, pk=pk).update(
            state=State.PROCESSING,
            claimed_at=now,
            lease_id=lease_id,
            leased_until=now + LEASE,
            worker=worker,
            # The time allowed for retries starts with the work, not with the wait in the queue.
            started_at=Coalesce(F("started_at"), now),
            deadline=Coalesce(
                F("deadline"), now + timedelta(seconds=settings.JOB_DEADLINE_SECONDS)
            ),
        )
        return self.get(pk=pk) if claimed else None

    def held(self, extraction: HeldRow) -> Self:
        """The row of an extraction, as long as the caller's lease holds."""
        return self.filter(pk=extraction.pk, state=State.PROCESSING, lease_id=extraction.lease_id)

    def held_by(self, worker: str) -> Self:
        """Those that a worker works on, or died working on."""
        return self.filter(state=State.PROCESSING, worker=worker)

    def renew_lease(self, extraction: HeldRow) -> bool:
        """Extend the lease by LEASE from now; False when another process took it over."""
        return bool(self.held(extraction).update(leased_until=clock.now() + LEASE))

    def end(self, extraction: HeldRow, state: State, **fields: Any) -> bool:
        """Move a held extraction to an ended state; False when the lease is lost."""
        return bool(
            self.held(extraction).update(
                state=state,
                lease_id=None,
                leased_until=None,
                finished_at=clock.now(),
                **fields,
            )
        )

    def answer_for_bytes(self, extraction: HeldRow) -> bool:
        """Make a succeeded extraction the one that answers when its bytes are sent again.

        An ended one gives that up; False where one that has not ended does it, or is just queued.
        """
        key = dedup_key(extraction.company_id, extraction.sha256, extraction.reader)
        others = self.filter(dedup_key=key).exclude(pk=extraction.pk)
        try:
            with transaction.atomic():
                others.filter(state__in=State.ended()).update(dedup_key=None)
                return bool(self.filter(pk=extraction.pk).update(dedup_key=key))
        except IntegrityError:
            return False

    def postpone(self, extraction: HeldRow, delay: timedelta, **fields: Any) -> bool:
        """Let a held extraction wait and free its worker; False when the lease is lost."""
        return bool(
            self.held(extraction).update(
                state=State.WAITING,
                lease_id=None,
                leased_until=None,
                due_at=clock.now() + delay,
                **fields,
            )
        )

    def requeue_due(self, pk: uuid.UUID) -> bool:
        """Turn a due extraction into a queued one; True for the one process that did."""
        return bool(self.due().filter(pk=pk).update(state=State.QUEUED))

    def take_over(self, extraction: HeldRow, *, worker: str | None, stopped: bool = False) -> bool:
        """Take the lease of another process; True for the one process that did.

        The extraction was abandoned as ``worker`` sees it; or, ``stopped``, that worker ended the
        process itself. A death is counted only where the document may be its cause.
        """
        held = self.held(extraction)
        counts = not stopped and extraction.may_have_killed(worker)
        taken = (held if stopped else held & self.abandoned(worker)).update(
            lease_id=uuid.uuid4(),
            leased_until=clock.now() + LEASE,
            deaths=F("deaths") + int(counts),
        )
        if taken:
            extraction.refresh_from_db()
        return bool(taken)

    def follow_clock(self, disturbance: Disturbance | None = None) -> None:
        """Correct times that the wall clock, since it was set, makes wrong. Safe to repeat.

        None can be further ahead than it is ever set. After SET_FORWARD deadlines that have passed
        are set anew; after SET_BACK whatever waits is due.
        """
        now = clock.now()
        latest = now + timedelta(seconds=settings.JOB_DEADLINE_SECONDS)
        wrong = Q(deadline__gt=latest)
        if disturbance is Disturbance.SET_FORWARD:
            wrong |= Q(deadline__lt=now)
        self.filter(wrong, state__in=State.unended()).update(deadline=latest)
        self.filter(state=State.PROCESSING, leased_until__gt=now + LEASE).update(
            leased_until=now + LEASE
        )
        set_back = disturbance is Disturbance.SET_BACK
        # Nothing is postponed beyond its deadline.
        too_late = Q(due_at__gt=now) if set_back else Q(due_at__gt=F("deadline"))
        self.filter(too_late, state=State.WAITING).update(due_at=now)

    def with_old_files(self, cutoff: datetime) -> Self:
        """Those that ended before and still have their document."""
        return self.filter(state__in=State.ended(), finished_at__lt=cutoff, files_removed_at=None)

    def mark_files_removed(self, extraction: HeldRow, cutoff: datetime) -> bool:
        """Record, before it is done, that its files are removed; False when it was queued again.

        A failed one loses its dedup_key: the same bytes sent again are read again.
        """
        return bool(
            self.with_old_files(cutoff)
            .filter(pk=extraction.pk)
            .update(
                files_removed_at=clock.now(),
                dedup_key=Case(When(state=State.SUCCEEDED, then=F("dedup_key"))),
            )
        )

    def requeue(
        self, pk: uuid.UUID, states: Collection[State] = State.unread(), **fields: Any
    ) -> bool:
        """Queue one of these ended states as if it were new; False when its document is removed."""
        return bool(
            self.filter(pk=pk, state__in=states, files_removed_at=None).update(
                state=State.QUEUED,
                due_at=clock.now(),
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
                **fields,
            )
        )

    def cancel(self, pk: uuid.UUID, **told: Any) -> State | None:
        """End one that no process has taken, and return its state; None when one has.

        ``told``: the columns that say so. One that was being read again keeps its earlier result.
        """
        now = clock.now()
        unclaimed = self.filter(pk=pk, state__in=[State.QUEUED, State.WAITING])
        if unclaimed.filter(document_type=None).update(
            state=State.CANCELLED, finished_at=now, dedup_key=None, **told
        ):
            return State.CANCELLED
        if unclaimed.filter(document_type__isnull=False).update(
            finished_at=now, **self.earlier_result()
        ):
            return State.SUCCEEDED
        return None

    @staticmethod
    def earlier_result() -> dict[str, Any]:
        """The columns of one that was not read again after all, and has its earlier result."""
        return {"state": State.SUCCEEDED, "http_status": 200, "version": F("version") + 1}

    @staticmethod
    def unreviewed() -> dict[str, Any]:
        """The columns of one whose result another reading has replaced."""
        return {
            "version": F("version") + 1,
            "original": None,
            "reviewed_by": None,
            "reviewed_at": None,
            "rejection": "",
            "claimed_for_review_by": None,
            "claimed_for_review_until": None,
        }

    def mark_deleted(self, pk: uuid.UUID, by: str) -> bool:
        """Hide an ended extraction from every list; False when it has not ended, or is hidden."""
        return bool(
            self.filter(pk=pk, state__in=State.ended(), deleted_at=None).update(
                deleted_at=clock.now(),
                deleted_by=by,
                dedup_key=None,  # the same bytes may be sent again
                claimed_for_review_by=None,
                claimed_for_review_until=None,
            )
        )

    def deleted(self) -> Self:
        """Those whose deletion can be undone."""
        return self.filter(deleted_at__isnull=False, purged_at=None)

    def undelete(self, pk: uuid.UUID) -> bool:
        """List a deleted extraction again; True for the one process that did."""
        return bool(self.deleted().filter(pk=pk).update(deleted_at=None, deleted_by=None))

    def purge(self, pk: uuid.UUID, cutoff: datetime) -> bool:
        """Empty what was deleted before: what it cost stays, and who sent and deleted it.

        False when it was undone meanwhile.
        """
        old = self.deleted().filter(pk=pk, deleted_at__lt=cutoff)
        return bool(old.update(**self.emptied(clock.now())))

    @staticmethod
    def emptied(now: datetime) -> dict[str, Any]:
        """The columns of one of which all that its document says is removed."""
        said = ("result", "original", "checks", *_LISTED_FIELDS)
        return {
            "purged_at": now,
            "files_removed_at": Coalesce(F("files_removed_at"), now),
            "file_name": "",
            "sha256": "",
            "rejection": "",
            "error_detail": "",
            **dict.fromkeys(said),
        }


_Manager = models.Manager.from_queryset(ExtractionQuerySet)


class UndeletedManager(_Manager[Row]):
    """Knows no deleted extraction, so that no reader of the table has to think of them."""

    def get_queryset(self) -> ExtractionQuerySet[Row]:
        """Return those that nobody deleted."""
        every: ExtractionQuerySet[Row] = ExtractionQuerySet(self.model, using=self._db)
        return every.filter(deleted_at=None)
