"""What people delete, and how they get it back within DELETED_DAYS."""

import logging

from django.db import transaction

from extraction import outcomes
from extraction.access import Principal
from extraction.models import Extraction, Right, State
from extraction.models.extraction_queryset import dedup_key
from logs import context
from ocrsite.lib import audit
from ocrsite.lib.audit import Action
from ocrsite.lib.database import deadlocks_retried

logger = logging.getLogger(__name__)


@deadlocks_retried
def delete(extraction: Extraction, *, by: Principal) -> bool:
    """Take a document out of every list, export and count; False while it is being read.

    One that waits to be read is cancelled. False, too, when it is deleted already. Raises
    NotAllowed.
    """
    by.demand(Right.DELETE, extraction.company_id)
    with transaction.atomic():
        outcomes.end_unread(extraction, by=by)
        if not Extraction.objects.mark_deleted(extraction.pk, by.name[:100]):
            return False
        audit.record(Action.DELETED, who=by.who, what=extraction.audited_as)
    _log(extraction, by, "deleted")
    return True


@deadlocks_retried
def undo(extraction: Extraction, *, by: Principal) -> bool:
    """List a deleted document again; False when that was done before, or when it is too late.

    If nothing else does, what was read answers again when the same bytes are sent. Raises
    NotAllowed.
    """
    by.demand(Right.DELETE, extraction.company_id)
    with transaction.atomic():
        if not Extraction.with_deleted.undelete(extraction.pk):
            return False
        key = dedup_key(extraction.company_id, extraction.sha256, extraction.reader)
        answers = Extraction.objects.filter(dedup_key=key).exists()
        if extraction.state == State.SUCCEEDED and not answers:
            Extraction.objects.answer_for_bytes(extraction)
        audit.record(Action.RESTORED, who=by.who, what=extraction.audited_as)
    _log(extraction, by, "undid the deletion of")
    return True


def _log(extraction: Extraction, by: Principal, did: str) -> None:
    with context.bound(extraction_id=str(extraction.pk), company_id=extraction.company_id):
        logger.info("%s %s %s", by.label, did, extraction.pk)
