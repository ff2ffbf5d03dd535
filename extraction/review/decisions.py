"""What people decide about an invoice: correct, approve, reject. One conditional UPDATE each.

Who changes an invoice states the version that they saw: of two, one is told of the other.
"""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from extraction.access import Principal
from extraction.invoices.listed import listed_fields
from extraction.invoices.schema import Invoice, Reason
from extraction.invoices.stored import current_invoice
from extraction.models import Correction, Extraction, Right, State
from extraction.review.edits import NOTHING, Change, Edit, InvalidEdit
from extraction.review.recheck import edited, unsettled
from extraction.review.values import normalised, parse
from extraction.webhooks import events
from ocrsite.lib import audit
from ocrsite.lib.audit import Action

logger = logging.getLogger(__name__)

REASON_MISSING = gettext_noop("Say why it is rejected.")
REASON_TOO_LONG = gettext_noop("Enter at most 500 characters.")
LONGEST_REASON = 500
# Characters of the paths that one record names.
LONGEST_LOGGED = 2000


class ReviewConflict(Exception):
    """Another person changed the invoice since the version that was to be changed."""


class NeedsConfirmation(Exception):
    """An invoice is to be approved whose values contradict each other: ``reasons`` says how."""

    def __init__(self, reasons: list[Reason]) -> None:
        super().__init__("; ".join(reason.text for reason in reasons))
        self.reasons = reasons


def correct(extraction: Extraction, edit: Edit, *, by: Principal, version: int) -> Extraction:
    """Store a person's changes and return the extraction as it is then.

    What was approved or rejected before is to be reviewed again. An edit that changes nothing
    stores nothing. Raises NotAllowed, InvalidEdit, with nothing stored, and ReviewConflict.
    """
    by.demand(Right.CORRECT, extraction.company_id)
    invoice, changes = _after(extraction, edit, version)
    if not changes:
        return extraction
    if extraction.reviewed_at is not None:
        invoice = invoice.model_copy(update={"needs_review": True})
    with transaction.atomic():
        _store(extraction, invoice, reviewed_by=None, reviewed_at=None, rejection="")
        _record(extraction, changes, by)
    _log_changes(extraction, changes, by)
    return extraction


def approve(
    extraction: Extraction,
    edit: Edit = NOTHING,
    *,
    by: Principal,
    version: int,
    anyway: bool = False,
) -> Extraction:
    """Store a person's changes and that the invoice is right: it needs no review any more.

    Raises InvalidEdit and ReviewConflict, and NeedsConfirmation, unless ``anyway``, where its
    values contradict each other; nothing is stored then. Doubts about what the document shows are
    settled by approving. Raises NotAllowed; changes need the right to correct besides.
    """
    by.demand(Right.APPROVE, extraction.company_id)
    invoice, changes = _after(extraction, edit, version)
    if changes:
        by.demand(Right.CORRECT, extraction.company_id)
    contradictions = unsettled(invoice)
    if contradictions and not anyway:
        raise NeedsConfirmation(contradictions)
    with transaction.atomic():
        _decide(extraction, invoice.model_copy(update={"needs_review": False}), by)
        events.tell_approved(extraction)
        _record(extraction, changes, by)
        _audit(Action.APPROVED, extraction, by, _confirmed(contradictions))
    _log_changes(extraction, changes, by)
    logger.info("%s approved %s", by.label, extraction.pk)
    return extraction


def reject(extraction: Extraction, reason: str, *, by: Principal, version: int) -> Extraction:
    """Record that the invoice is not to be used, and why; it stays marked as needing review.

    Raises NotAllowed, ReviewConflict, and InvalidEdit for "rejection" where the reason cannot be
    kept.
    """
    by.demand(Right.APPROVE, extraction.company_id)
    _demand(extraction, version)
    reason = normalised(reason)
    try:
        parse("rejection", reason)
    except ValueError as error:
        raise InvalidEdit({"rejection": str(error)}) from error
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidEdit({"rejection": gettext(REASON_TOO_LONG if reason else REASON_MISSING)})
    invoice = current_invoice(extraction).model_copy(update={"needs_review": True})
    with transaction.atomic():
        _decide(extraction, invoice, by, rejection=reason)
        # The reason stands with the invoice: it may say what the document does.
        _audit(Action.REJECTED, extraction, by)
    logger.info("%s rejected %s", by.label, extraction.pk)
    return extraction


def _demand(extraction: Extraction, version: int) -> None:
    if extraction.state != State.SUCCEEDED or extraction.version != version:
        raise ReviewConflict


def _after(extraction: Extraction, edit: Edit, version: int) -> tuple[Invoice, list[Change]]:
    _demand(extraction, version)
    invoice, after = edited(current_invoice(extraction), edit, timezone.now().date())
    return invoice, after.changes


def _confirmed(contradictions: list[Reason]) -> str:
    return f"confirmed, though {len(contradictions)} checks fail" if contradictions else ""


def _audit(action: Action, extraction: Extraction, by: Principal, told: str = "") -> None:
    """Add a line to the audit list; what was corrected stands in Correction alone."""
    after = f"version {extraction.version}"
    audit.record(
        action,
        who=by.who,
        what=extraction.audited_as,
        after=f"{after}, {told}" if told else after,
    )


def _record(extraction: Extraction, changes: list[Change], by: Principal) -> None:
    if changes:
        _audit(Action.CORRECTED, extraction, by, f"values: {len(changes)}")
    Correction.objects.bulk_create(
        Correction(
            extraction=extraction,
            version=extraction.version,
            path=change.path,
            old_value=change.old,
            new_value=change.new,
            corrected_by=by.name[:100],
            client=by.label,
        )
        for change in changes
    )


def _log_changes(extraction: Extraction, changes: list[Change], by: Principal) -> None:
    if changes:
        paths = ", ".join(sorted(change.path for change in changes))
        logger.info("%s corrected %s: %s", by.label, extraction.pk, paths[:LONGEST_LOGGED])


def _decide(
    extraction: Extraction, invoice: Invoice, by: Principal, *, rejection: str = ""
) -> None:
    _store(
        extraction,
        invoice,
        reviewed_by=by.name[:100],
        reviewed_at=timezone.now(),
        rejection=rejection,
        claimed_for_review_by=None,
        claimed_for_review_until=None,
    )


def _store(extraction: Extraction, invoice: Invoice, **fields: str | datetime | None) -> None:
    """Store an invoice, and all that is copied from it, as the next version of its extraction.

    Raises ReviewConflict when that version is stored already.
    """
    result = invoice.model_dump(mode="json")
    original = extraction.original
    changed: dict[str, Any] = {
        **listed_fields(invoice),
        **fields,
        "result": result,
        "original": extraction.result if original is None else original,
        "checks": result["checks"],
        "needs_review": invoice.needs_review,
        "version": extraction.version + 1,
    }
    same_version = Extraction.objects.filter(
        pk=extraction.pk, version=extraction.version, state=State.SUCCEEDED
    )
    if not same_version.update(**changed):
        raise ReviewConflict
    for name, value in changed.items():
        setattr(extraction, name, value)
