"""The work queue: what needs review, the oldest first, and who has it open."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from extraction.access import Principal
from extraction.models import Extraction, Right, State
from ocrsite.lib import clock

CLAIMED_FOR = timedelta(minutes=10)
# No more are counted: the page says 100+.
COUNTED = 100


@dataclass(frozen=True, slots=True)
class Position:
    """Which of those to review one is, counted from 1, and of how many; both at most COUNTED."""

    number: int
    of: int

    @property
    def is_known(self) -> bool:
        """Whether it is among those that are counted."""
        return self.number <= COUNTED


def to_review(principal: Principal) -> QuerySet[Extraction]:
    """Those that it may correct and nobody has approved or rejected yet, the oldest first."""
    return _waiting(Extraction.objects.for_companies(principal.company_ids(Right.CORRECT)))


def count_for(principal: Principal) -> int:
    """Return how many it has to review, at most COUNTED."""
    return _counted(to_review(principal))


def position(principal: Principal, extraction: Extraction) -> Position:
    """Return where in the queue an extraction to review stands."""
    rows = to_review(principal)
    created = extraction.created_at
    earlier = rows.filter(Q(created_at__lt=created) | Q(created_at=created, pk__lt=extraction.pk))
    before = _counted(earlier)
    return Position(before + 1, COUNTED if before >= COUNTED else _counted(rows))


def open_next(principal: Principal, after: Extraction | None = None) -> Extraction | None:
    """Claim the oldest that nobody else has open, of those after ``after`` first; None if none."""
    rows = to_review(principal)
    if after is not None:
        created = after.created_at
        later = Q(created_at__gt=created) | Q(created_at=created, pk__gt=after.pk)
        found = _first_claimed(rows.filter(later), principal)
        return found or _first_claimed(rows.exclude(pk=after.pk), principal)
    return _first_claimed(rows, principal)


def claim(extraction: Extraction, principal: Principal) -> bool:
    """Have others skip it for CLAIMED_FOR; False where another has it open."""
    now = clock.now()
    return bool(
        Extraction.objects.filter(
            _free_for(principal, now), pk=extraction.pk, reviewed_at=None
        ).update(claimed_for_review_by=principal.label, claimed_for_review_until=now + CLAIMED_FOR)
    )


def _free_for(principal: Principal, now: datetime) -> Q:
    """Those that nobody else has open.

    What is claimed for much longer than anybody claims it was so before the clock was set back.
    """
    until = "claimed_for_review_until"
    # Twice: whoever claims it after ``now`` was read has it open.
    over = Q(**{f"{until}__lt": now}) | Q(**{f"{until}__gt": now + 2 * CLAIMED_FOR})
    return Q(**{until: None}) | over | Q(claimed_for_review_by=principal.label)


def _waiting(rows: QuerySet[Extraction]) -> QuerySet[Extraction]:
    # "In" has SQLite look into the index; it walks all rows of a state to compare a bare column.
    rows = rows.filter(needs_review__in=[True], reviewed_at=None, state=State.SUCCEEDED)
    return rows.order_by("created_at", "pk")


def _counted(rows: QuerySet[Extraction]) -> int:
    return rows.order_by()[:COUNTED].count()


def _first_claimed(rows: QuerySet[Extraction], principal: Principal) -> Extraction | None:
    """Claim the first one that no other process claims first."""
    rows = rows.only("pk", "created_at")
    while (found := rows.filter(_free_for(principal, clock.now())).first()) is not None:
        if claim(found, principal):
            return found
    return None
