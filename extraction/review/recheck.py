"""The verdict on an invoice after a person's changes. Pure."""

from collections.abc import Mapping
from datetime import date

from extraction.evidence.verdict import contradictions, distinct
from extraction.invoices.names import name_of
from extraction.invoices.schema import Evidence, Invoice, Reason
from extraction.invoices.validation import run_checks
from extraction.review.edits import Edit, Edited, applied
from extraction.review.values import texts_of

# Reasons that follow from the values alone, besides those of checks.
_OF_VALUES = frozenset({"other", "absent", "same_party", "no_lines"})


def edited(invoice: Invoice, edit: Edit, today: date) -> tuple[Invoice, Edited]:
    """Return the invoice with the changes, checked again, and what was changed.

    A value that the person set or confirmed is not doubted for what the document shows; the checks
    are made of all values. Reasons about other values stay. An invoice that needs review needs it
    until it is approved. Raises InvalidEdit.
    """
    after = applied(invoice, edit)
    checks = run_checks(after.fields, today)
    checked = _OF_VALUES | {check.code for check in (*invoice.checks, *checks)}
    kept = (_kept(reason, after) for reason in invoice.reasons if reason.code not in checked)
    reasons = distinct([*filter(None, kept), *contradictions(after.fields, checks)])
    return (
        invoice.model_copy(
            update={
                **dict(after.fields),
                "checks": checks,
                "reasons": reasons,
                "evidence": _evidence(invoice, after, edit.places),
                "needs_review": invoice.needs_review or bool(reasons),
            }
        ),
        after,
    )


def unsettled(invoice: Invoice) -> list[Reason]:
    """Return the reasons that no look at the document settles: its values contradict each other."""
    codes = _OF_VALUES | {check.code for check in invoice.checks}
    return [reason for reason in invoice.reasons if reason.code in codes]


def _kept(reason: Reason, after: Edited) -> Reason | None:
    """Return a reason with the new path of its value; None where a person settled it."""
    path = after.moved(reason.path)
    if path is None or path in after.settled:
        return None
    text = reason.text.replace(name_of(reason.path), name_of(path)) if reason.path else reason.text
    return reason.model_copy(update={"path": path, "text": text})


def _evidence(
    invoice: Invoice, after: Edited, clicked: Mapping[str, Evidence]
) -> dict[str, Evidence]:
    """Return the evidence by path.

    A value that a person set has the place that was clicked for it, and a confirmed one keeps its
    own.
    """
    confirmed = {change.path for change in after.changes if change.old == change.new}
    evidence: dict[str, Evidence] = {}
    for former, found in invoice.evidence.items():
        path = after.moved(former)
        if path is None:
            continue
        if path not in after.settled:
            evidence[path] = found
        elif former in confirmed:
            evidence[path] = found.model_copy(update={"source": "person"})
    texts = texts_of(after.fields.model_dump(mode="json"))
    for path in after.settled:
        if not texts[path]:
            continue
        if place := clicked.get(after.typed(path)):
            evidence[path] = place
        evidence.setdefault(path, Evidence(source="person"))
    return evidence
