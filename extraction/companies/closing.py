"""Closes a company and opens it again. What closed means, ``tokens.selection`` enforces."""

import logging

from django.db import transaction

from extraction.models import Extraction, State
from ocrsite.lib import audit, clock
from ocrsite.lib.audit import Action, Who
from ocrsite.lib.database import deadlocks_retried
from tokens.models import Company

_OPEN, _CLOSED = "open", "closed"

logger = logging.getLogger(__name__)


@deadlocks_retried
def close(company: Company, *, who: Who, why: str) -> bool:
    """Close a company; False when it is closed already.

    From now on its documents are refused and no key of it is called. Calls under way end, since
    they are paid for. What waits is due at once and ends with the same refusal, as does what is
    queued when its turn comes; people can have it tried again once the company is open.
    """
    with transaction.atomic():
        now = clock.now()
        if not Company.objects.active().filter(pk=company.pk).update(closed_at=now):
            return False
        waiting = Extraction.with_deleted.filter(company_id__in=company.ids, state=State.WAITING)
        waiting.filter(due_at__gt=now).update(due_at=now)
        _record(company, who, why, before=_OPEN, after=_CLOSED)
    company.closed_at = now
    logger.warning("%s closed the company %s: %s", who.name, company.pk, why)
    return True


@deadlocks_retried
def reopen(company: Company, *, who: Who, why: str) -> bool:
    """Open a closed company; False when it is not closed."""
    with transaction.atomic():
        if not Company.objects.closed().filter(pk=company.pk).update(closed_at=None):
            return False
        _record(company, who, why, before=_CLOSED, after=_OPEN)
    company.closed_at = None
    logger.warning("%s opened the company %s again: %s", who.name, company.pk, why)
    return True


def _record(company: Company, who: Who, why: str, *, before: str, after: str) -> None:
    what = audit.row(company)
    audit.record(Action.CHANGED, who=who, what=what, before=before, after=after, why=why)
