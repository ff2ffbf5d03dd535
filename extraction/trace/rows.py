"""What is kept about one extraction: a few queries, however much happened to it."""

from dataclasses import dataclass, field
from uuid import UUID

from extraction.models import Attempt, Correction, Extraction, WebhookDelivery
from logs.models import ApplicationLog, AuditEntry, RetryAttempt
from tokens.models import TokenUsageLog

# Of more of a kind the latest are shown.
MOST = 500
LOGS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that events are made of, each kind in the order of time."""

    extraction: Extraction
    attempts: list[Attempt] = field(default_factory=list)
    failures: list[RetryAttempt] = field(default_factory=list)
    usage: list[TokenUsageLog] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)
    deliveries: list[WebhookDelivery] = field(default_factory=list)


def rows_of(extraction: Extraction) -> Rows:
    """Fetch them, with the keys of the calls."""
    attempts = list(extraction.attempt_set.select_related("token").order_by("number")[:MOST])
    ids = [attempt.pk for attempt in attempts]
    return Rows(
        extraction,
        attempts,
        list(RetryAttempt.objects.filter(extraction_id=extraction.pk).order_by("retry_id")[:MOST]),
        list(TokenUsageLog.objects.filter(attempt_id__in=ids).order_by("usage_id")),
        list(
            extraction.corrections.defer("old_value", "new_value").order_by("version", "pk")[:MOST]
        ),
        _entries(extraction.pk),
        list(
            WebhookDelivery.objects.filter(extraction_id=extraction.pk)
            .select_related("endpoint")
            .prefetch_related("tries")
            .order_by("created_at")[:MOST]
        ),
    )


def logs_of(extraction: Extraction) -> list[ApplicationLog]:
    """Return the log records about it, and those of the request that it came with; the oldest."""
    found = {
        log.pk: log
        for logs in (
            ApplicationLog.objects.filter(extraction_id=extraction.pk),
            ApplicationLog.objects.filter(request_id=extraction.received_in)
            if extraction.received_in
            else ApplicationLog.objects.none(),
        )
        for log in logs.defer("exception").order_by("timestamp", "-log_id")[:LOGS_SHOWN]
    }
    return sorted(found.values(), key=lambda log: (log.timestamp, log.pk))[:LOGS_SHOWN]


def _entries(pk: UUID) -> list[AuditEntry]:
    own = AuditEntry.objects.filter(object_type="extraction", object_id=str(pk))
    named = AuditEntry.objects.filter(extractions__extraction_id=pk)
    found = [*own.order_by("-entry_id")[:MOST], *named.order_by("-entry_id")[:MOST]]
    return sorted(found, key=lambda entry: entry.pk)
