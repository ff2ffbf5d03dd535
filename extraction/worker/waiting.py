"""Which of the extractions that wait are woken now: those that could make their call."""

import logging
import math
import uuid
from itertools import islice

from django.db.models import Exists, OuterRef, QuerySet

from extraction.models import Attempt, AttemptOutcome, Extraction, State
from extraction.readers.registry import least_cost
from ocrsite.lib import clock
from ocrsite.lib.database import is_unreachable
from tokens import selection

logger = logging.getLogger(__name__)

# Of a long backlog only so many are woken in one round, but one of each company.
WOKEN_AT_ONCE = 100
# So many companies are looked at in one round, at some milliseconds each: a round that takes longer
# than a heartbeat is taken for a pause.
COMPANIES_AT_ONCE = 25


class Waiting:
    """Looks through the extractions that wait, from one round to the next."""

    def __init__(self) -> None:
        self._after = ""
        self._failing: set[str] = set()

    def startable(self) -> list[uuid.UUID]:
        """Return the oldest due extractions of companies, as many as their keys have room for.

        Without regard to that, those past their deadlines: they end when they are looked at again.
        Of many companies the next look goes on with those that follow.
        """
        due = Extraction.objects.due()
        if not due.exists():  # most often
            return []
        found_companies = due.oldest_by_company(after=self._after, enough=COMPANIES_AT_ONCE)
        companies = dict(islice(found_companies.items(), COMPANIES_AT_ONCE))
        self._after = list(companies)[-1] if len(companies) == COMPANIES_AT_ONCE else ""
        share = max(1, WOKEN_AT_ONCE // max(1, len(companies)))
        found = []
        for company_id, rows in companies.items():
            fitting = self._room(company_id, at_most=min(share, len(rows)))
            found += rows[:fitting]
            late = due.filter(pk__in=rows[fitting:], deadline__lte=clock.now())
            found += late.values_list("pk", flat=True)[: share - fitting]
        return found

    def _room(self, company_id: str, *, at_most: int) -> int:
        """``_room``, or 1 where that fails: what is wrong with a company holds up no other.

        One of its extractions is woken and told.
        """
        try:
            room = _room(company_id, at_most=at_most)
        except Exception as error:
            if is_unreachable(error):
                raise
            if company_id not in self._failing:  # once, not four times a second
                logger.exception("How many calls of %s could start is not known.", company_id)
            self._failing.add(company_id)
            return min(at_most, 1)
        self._failing.discard(company_id)
        return room


def starting(company_id: str) -> QuerySet[Extraction]:
    """Return the extractions that were woken or claimed and have not begun their call."""
    under_way = Attempt.objects.filter(extraction=OuterRef("pk"), outcome=AttemptOutcome.PENDING)
    woken = Extraction.objects.filter(
        company_id=company_id, state__in=[State.QUEUED, State.PROCESSING]
    )
    return woken.exclude(Exists(under_way)).order_by()


def _room(company_id: str, *, at_most: int) -> int:
    """How many more calls of a company could start, without those of extractions woken before."""
    room = selection.room(company_id, cost_of=least_cost)
    if math.isinf(room):
        return at_most
    ahead = len(starting(company_id).values_list("pk")[: int(room)])
    return min(at_most, int(room) - ahead)
