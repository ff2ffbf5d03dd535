"""Rows as events: pure, so that each kind of row is tested by itself."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import groupby

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from extraction import error_texts
from extraction.invoices import presentation, wording
from extraction.invoices.amounts import as_stated
from extraction.invoices.annotations import ORIGINS
from extraction.invoices.stored import original_invoice
from extraction.models import Attempt, AttemptOutcome, Channel, Extraction, State
from extraction.trace.rows import Rows
from extraction.trace.timeline import Event, Tone, facts
from logs.models import AuditEntry, RetryAttempt
from ocrsite.lib.audit import Action, ActorKind
from tokens.models import TokenUsageLog

_TONES = {
    AttemptOutcome.SUCCEEDED: Tone.GOOD,
    AttemptOutcome.FAILED: Tone.BAD,
    AttemptOutcome.UNKNOWN: Tone.DOUBTFUL,
}
_STATE_TONES = {State.SUCCEEDED: Tone.GOOD, State.FAILED: Tone.BAD}
# What took time, by its name in ``Extraction.timings``.
_STAGES = {
    "pages": pgettext_lazy("stage", "pages"),
    "read": pgettext_lazy("stage", "read"),
    "evidence": pgettext_lazy("stage", "evidence"),
}
# Corrected values that one line names.
_VALUES = 20


def events(rows: Rows) -> list[Event]:
    """Return what the rows tell, in no order but that of causes."""
    return [
        *_arrival(rows.extraction),
        *_calls(rows),
        *_end(rows.extraction),
        *_corrections(rows),
        *map(_deed, (entry for entry in rows.entries if entry.action != Action.CORRECTED)),
        *_deliveries(rows),
        *_unlisted(rows),
        *_removal(rows.extraction),
    ]


def _arrival(row: Extraction) -> Iterator[Event]:
    channel = dict(Channel.choices).get(row.channel, row.channel)
    yield Event(
        row.created_at,
        _("Received and stored"),
        facts(
            (_("By"), row.requested_by),
            (_("As"), row.client),
            (_("Through"), channel),
            (_("From"), row.received_from),
            (_("Document"), f"{row.media_type}, {_bytes(row.size)}"),
            (_("Pages"), row.page_count),
        ),
    )
    if row.started_at:
        again = _("Since it was last queued by hand") if row.attempts_before else None
        yield Event(
            row.started_at,
            _("Taken by a worker"),
            facts((_("Worker"), row.worker), (_("First time"), again)),
            Tone.BUSY,
        )
    pages = (row.timings or {}).get("pages")
    if pages is not None and row.claimed_at:
        made = row.claimed_at + timedelta(seconds=pages)
        yield Event(made, _("Pages made"), facts((_("Took"), _seconds(pages))))


def _calls(rows: Rows) -> Iterator[Event]:
    failures = {failure.attempt: failure for failure in rows.failures}
    usage = {row.attempt_id: row for row in rows.usage}
    for attempt in rows.attempts:
        number = {"number": attempt.number}
        yield Event(
            attempt.started_at,
            _("Call %(number)s") % number,
            facts(
                (_("Model"), attempt.model),
                (_("Key"), f"{attempt.token} {attempt.token.masked_key}"),
                (_("Reserved"), f"{_number(attempt.reserved)} " + _("LLM tokens")),
                (_("Mends the answer to"), _repaired(attempt, rows.attempts)),
            ),
            Tone.BUSY,
        )
        if attempt.finished_at:
            yield _answer(attempt, failures.get(attempt.number), usage.get(attempt.pk))


def _repaired(attempt: Attempt, attempts: list[Attempt]) -> str:
    number = next((each.number for each in attempts if each.pk == attempt.repairs_id), None)
    return _("Call %(number)s") % {"number": number} if number else ""


def _answer(attempt: Attempt, failure: RetryAttempt | None, usage: TokenUsageLog | None) -> Event:
    outcome = AttemptOutcome(attempt.outcome)
    told = {"number": attempt.number, "outcome": outcome.label.lower()}
    words: tuple[tuple[str, str], ...] = ()
    if failure is not None:
        words = facts(
            (_("HTTP code"), failure.provider_code),
            (_("Provider's words"), failure.error_message),
            (_("Wait"), _wait(failure, attempt.asked_wait)),
        )
    return Event(
        attempt.finished_at or attempt.started_at,
        _("Call %(number)s ended: %(outcome)s") % told,
        (*facts((_("Code"), attempt.code)), *words, *_spent(usage)),
        _TONES.get(outcome, Tone.PLAIN),
    )


def _wait(failure: RetryAttempt, asked: float | None) -> str:
    """Return how long was waited before the next call, and why."""
    if failure.delay_seconds is None:
        return _("none: no further call")
    match failure.error_class:
        case "other_key":
            why = _("another key")
        case "repair":
            why = _("the answer is mended")
        case _ if asked and asked <= failure.delay_seconds:
            why = _("the provider asked for %(seconds)s s") % {
                "seconds": as_stated(Decimal(f"{asked:g}"))
            }
        case _:
            why = _("the retry policy")
    return f"{_seconds(failure.delay_seconds)} ({why})"


def money_of(usage: TokenUsageLog) -> str:
    """Return what a call cost, such as "0.0012 USD"; "" where that is not known."""
    return "" if usage.cost is None else f"{as_stated(usage.cost.normalize())} {usage.currency}"


def _spent(usage: TokenUsageLog | None) -> tuple[tuple[str, str], ...]:
    if usage is None:
        return facts((_("LLM tokens"), _("not charged")))
    parts = {
        "input": _number(usage.input_tokens),
        "output": _number(usage.output_tokens),
        "thinking": _number(usage.thinking_tokens),
        "total": _number(usage.total_tokens_used),
    }
    text = _("%(total)s: %(input)s in, %(output)s out, %(thinking)s thinking") % parts
    if usage.estimated:
        text += ", " + _("estimated")
    return facts((_("LLM tokens"), text), (_("Cost"), money_of(usage)))


def _end(row: Extraction) -> Iterator[Event]:
    if row.finished_at and row.result is not None:
        yield _verdict(row)
    if row.finished_at:
        timings = (
            f"{_STAGES.get(stage, stage)} {_seconds(seconds)}"
            for stage, seconds in (row.timings or {}).items()
        )
        state = State(row.state)
        yield Event(
            row.finished_at,
            str(state.label),
            facts(
                (_("Status of the answer"), row.http_status),
                (_("Code"), row.error_code),
                (_("Told"), error_texts.told(row.error_detail)),
                (_("Model"), row.model),
                (_("Stages"), ", ".join(timings)),
            ),
            _STATE_TONES.get(state, Tone.PLAIN),
        )
    elif row.state == State.WAITING:
        yield Event(row.due_at, _("Is tried again, at the earliest"), tone=Tone.DOUBTFUL)


def _verdict(row: Extraction) -> Event:
    """What evidence and checks said when it was read, before people corrected it."""
    invoice = original_invoice(row)
    sources = Counter(evidence.source for evidence in invoice.evidence.values())
    failed = [name for name, check in presentation.checks(invoice) if not check.passed]
    return Event(
        row.finished_at or row.created_at,
        _("Compared with the document and checked"),
        facts(
            (
                _("Values by evidence"),
                ", ".join(f"{ORIGINS[name].mark}: {n}" for name, n in sources.items()),
            ),
            (_("Checks passed"), f"{len(invoice.checks) - len(failed)} / {len(invoice.checks)}"),
            (_("Checks failed"), ", ".join(failed)),
            (_("Reasons for review"), len(invoice.reasons) or ""),
        ),
        Tone.DOUBTFUL if invoice.reasons or failed else Tone.GOOD,
    )


def _corrections(rows: Rows) -> Iterator[Event]:
    """One event for what a person changed at once; of an order to read again the list tells."""
    values = [row for row in rows.corrections if row.path]
    for _version, group in groupby(values, key=lambda row: (row.version, row.corrected_by)):
        changes = list(group)
        shown = ", ".join(wording.name(change.path) for change in changes[:_VALUES])
        shown += " …" if len(changes) > _VALUES else ""
        yield Event(
            changes[0].created_at,
            _("Corrected"),
            facts((_("By"), changes[0].corrected_by), (_("Values"), shown)),
        )


def _deed(entry: AuditEntry) -> Event:
    action = dict(Action.choices).get(entry.action, entry.action)
    who = entry.actor
    if entry.actor_kind != ActorKind.USER:
        kind = dict(ActorKind.choices).get(entry.actor_kind, entry.actor_kind)
        who = f"{kind} {entry.actor}".strip()
    return Event(
        entry.timestamp,
        str(action),
        facts(
            (_("By"), who),
            (_("Before"), entry.before),
            (_("After"), entry.after),
            (_("Why"), entry.why),
        ),
    )


def _deliveries(rows: Rows) -> Iterator[Event]:
    """Each message for a receiver of webhooks, and each try to deliver it."""
    for delivery in rows.deliveries:
        receiver = facts((_("Receiver"), delivery.endpoint), (_("Message"), delivery.pk))
        event = {"event": delivery.event}
        yield Event(delivery.created_at, _("Webhook %(event)s is to be sent") % event, receiver)
        for attempt in delivery.tries.all():
            succeeded = attempt.status_code is not None and 200 <= attempt.status_code < 300
            yield Event(
                attempt.started_at,
                _("Webhook %(event)s sent") % event,
                facts(
                    (_("Receiver"), delivery.endpoint),
                    (_("Try"), attempt.number),
                    (_("HTTP code"), attempt.status_code),
                    (_("Error"), attempt.error),
                    (_("Took"), f"{attempt.milliseconds} ms"),
                ),
                Tone.GOOD if succeeded else Tone.BAD,
            )


def _unlisted(rows: Rows) -> Iterator[Event]:
    """What was decided before there was an audit list, or longer ago than it is kept."""
    row, listed = rows.extraction, {entry.action for entry in rows.entries}
    decided = Action.REJECTED if row.rejection else Action.APPROVED
    if row.reviewed_at and decided not in listed:
        yield Event(row.reviewed_at, str(decided.label), facts((_("By"), row.reviewed_by)))
    if row.deleted_at and Action.DELETED not in listed:
        by = facts((_("By"), row.deleted_by))
        yield Event(row.deleted_at, str(Action.DELETED.label), by)


def _removal(row: Extraction) -> Iterator[Event]:
    if row.files_removed_at:
        yield Event(row.files_removed_at, _("Document and page images removed"))
    if row.purged_at:
        yield Event(row.purged_at, _("Removed for good, but for what it cost"))


def _number(number: int) -> str:
    return number_format(number, use_l10n=True, force_grouping=True)


def _bytes(size: int) -> str:
    return ngettext("%(size)s byte", "%(size)s bytes", size) % {"size": _number(size)}


def _seconds(seconds: float) -> str:
    return f"{number_format(seconds, 3, use_l10n=True, force_grouping=True)} s"
