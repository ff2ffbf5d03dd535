"""Failed calls, counted by company, error class and error code."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, QuerySet

from logs.error_names import name_of
from logs.models import RetryAttempt

# Rows of the summary; the list of failed attempts has all.
SHOWN = 100


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Failed calls of one company for one reason; ``share`` of all that failed, 0 to 1."""

    company_id: str
    error_class: str | None
    error_code: str | None
    calls: int
    extractions: int
    last: datetime
    share: float

    @property
    def reason(self) -> str:
        """What the code is called; what follows from it, where there is none."""
        return name_of(self.error_code) or self.error_class or ""


def what_fails_most(
    since: datetime, attempts: QuerySet[RetryAttempt] | None = None
) -> list[FailureCount]:
    """Count the calls that failed since then, the most frequent first; at most SHOWN rows.

    ``attempts`` are those to count; all, unless they are given.
    """
    every = RetryAttempt.objects.all() if attempts is None else attempts
    failed = every.filter(timestamp__gte=since).order_by()
    total = failed.count()
    kinds = (
        failed.values("company_id", "error_class", "error_code")
        .annotate(
            calls=Count("pk"),
            extractions=Count("extraction_id", distinct=True),
            last=Max("timestamp"),
        )
        .order_by("-calls", "company_id", "error_code")
    )
    return [FailureCount(**kind, share=kind["calls"] / total) for kind in kinds[:SHOWN]]
