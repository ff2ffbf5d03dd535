"""Documents by the day (UTC) on which they were received: today's from the rows, others as counted.

A past day changes when an old document is retried, reviewed or deleted. The worker looks for such
changes every few seconds and counts the day again; every day is counted again every hour.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, DateField, F, Q, QuerySet, Sum, Value
from django.db.models.functions import TruncDate

from extraction.models import DocumentDay, Extraction, State
from ocrsite.lib import clock

logger = logging.getLogger(__name__)

# So many days are shown, today among them.
DAYS = 30
# Seconds between two looks for changes, and between two counts of every day.
LOOK_EVERY = 10.0
COUNT_EVERY = 3600.0
# So much before the last look, too: a change has the time at which its transaction began.
OVERLAP = timedelta(minutes=2)
TO_REVIEW = Q(needs_review=True, reviewed_at=None)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many documents of a day are in a state, why they failed ("" or a code), and to review.

    The reason is told for today alone.
    """

    day: date
    state: str
    error_code: str
    documents: int
    to_review: int


def today() -> date:
    """Return the day that it is now in UTC, by the clock that all hosts share."""
    return clock.now().astimezone(UTC).date()


def begin_of(day: date) -> datetime:
    """Return the first moment of a day of UTC."""
    return datetime.combine(day, time_of_day(), tzinfo=UTC)


def counted(until: date, companies: Sequence[str] | None = None) -> list[Counted]:
    """Return the documents of the DAYS days that end with ``until``, by day and state.

    ``companies``: None means every one. One query; a second one where a past day is not counted
    yet.
    """
    since = until - timedelta(days=DAYS - 1)
    known = DocumentDay.objects.filter(day__gte=since, day__lt=until)
    stored = _stored(_of(known.exclude(state=""), companies))
    live = _live(_received(until, until, companies), Value(until, DateField()), F("error_code"))
    rows = stored.union(_stored(known.filter(state="")), live, all=True)
    found = [Counted(*row) for row in rows]
    missing = _missing(since, until, (row.day for row in found if not row.state))
    if missing:
        late = _received(min(missing), max(missing), companies)
        days = TruncDate("created_at", tzinfo=UTC)
        counts = [Counted(*row) for row in _live(late, days, Value(""))]
        found += [row for row in counts if row.day in missing]
    return [row for row in found if row.state]


def recount(day: date) -> None:
    """Count the documents of a day that is over, and keep that in place of what was counted."""
    rows = (
        _received(day, day, None)
        .order_by()
        .values_list("company_id", "state")
        .annotate(count=Count("pk"), reviews=Count("pk", filter=TO_REVIEW))
    )
    try:
        with transaction.atomic():
            DocumentDay.objects.filter(day=day).delete()
            DocumentDay.objects.create(day=day)  # conflicts with another worker's first
            DocumentDay.objects.bulk_create(
                DocumentDay(
                    day=day, company_id=company, state=state, documents=count, to_review=reviews
                )
                for company, state, count, reviews in rows
            )
    except IntegrityError:
        logger.debug("Another worker counts the documents of %s.", day)


class Recounter:
    """Keeps the counts of past days, in one process of each worker."""

    def __init__(self) -> None:
        self._counted_at = self._looked_at = -COUNT_EVERY
        self._changes_since: datetime | None = None
        self._today: date | None = None

    def look(self) -> None:
        """Count the days again that may have changed, if it is time to look."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        day, looked_at = today(), clock.now()
        is_whole = day != self._today or now - self._counted_at >= COUNT_EVERY
        if is_whole or self._changes_since is None:
            days = {day - timedelta(days=back) for back in range(1, DAYS)}
            outside = Q(day__lte=day - timedelta(days=DAYS)) | Q(day__gte=day)
            DocumentDay.objects.filter(outside).delete()
            self._counted_at, self._today = now, day
        else:
            days = _changed(self._changes_since - OVERLAP, day)
        for each in sorted(days, reverse=True):
            recount(each)
        self._changes_since = looked_at


def _changed(since: datetime, day: date) -> set[date]:
    """The past days of documents that were read, reviewed or deleted since, or are under way."""
    first = begin_of(day - timedelta(days=DAYS - 1))
    past: QuerySet[Extraction] = Extraction.with_deleted.filter(
        created_at__gte=first, created_at__lt=begin_of(day)
    ).order_by()
    # Each condition as an index has it.
    changes = (
        Q(state__in=State.unended()),
        Q(files_removed_at=None, finished_at__gte=since),
        Q(needs_review__in=[True, False], reviewed_at__gte=since),
        Q(purged_at=None, deleted_at__gte=since),
    )
    return {
        moment.astimezone(UTC).date()
        for change in changes
        for moment in past.filter(change).values_list("created_at", flat=True)
    }


def _received(first: date, last: date, companies: Sequence[str] | None) -> QuerySet[Extraction]:
    end = begin_of(last + timedelta(days=1))
    rows: QuerySet[Extraction] = Extraction.objects.filter(
        created_at__gte=begin_of(first), created_at__lt=end
    )
    found: QuerySet[Extraction] = _of(rows, companies)
    return found


def _of(rows: Any, companies: Sequence[str] | None) -> Any:
    return rows if companies is None else rows.filter(company_id__in=companies)


def _stored(rows: Any) -> Any:
    """What was counted, as Counted names it."""
    days = rows.order_by().annotate(code=Value("")).values_list("day", "state", "code")
    return days.annotate(count=Sum("documents"), reviews=Sum("to_review"))


def _live(rows: Any, day: Any, code: Any) -> Any:
    """The rows themselves, counted as Counted names it."""
    named = rows.order_by().annotate(of_day=day, code=code)
    days = named.values_list("of_day", "state", "code")
    return days.annotate(count=Count("pk"), reviews=Count("pk", filter=TO_REVIEW))


def _missing(since: date, until: date, known: Iterable[date]) -> set[date]:
    days = {since + timedelta(days=number) for number in range((until - since).days)}
    return days.difference(known)
