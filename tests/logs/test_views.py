import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from logs.models import ApplicationLog, FailedRetry, RecentError, RetryAttempt

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]


def make_log(level: str, minutes_old: float = 0) -> ApplicationLog:
    return ApplicationLog.objects.create(
        timestamp=timezone.now() - timedelta(minutes=minutes_old),
        level=level,
        logger="test",
        message=level,
    )


def test_recent_errors_are_the_newest_hundred_errors_and_criticals() -> None:
    logs = [make_log("ERROR" if number % 2 else "CRITICAL", number) for number in range(103)]
    for level in ("DEBUG", "INFO", "WARNING"):
        make_log(level)

    recent = list(RecentError.objects.values_list("log_id", flat=True))

    assert recent == [log.pk for log in logs[:100]]


def test_recent_errors_count_whole_minutes() -> None:
    for minutes_old in (0, 0.5, 1.5, 90.5):
        make_log("ERROR", minutes_old)

    minutes = RecentError.objects.values_list("minutes_ago", flat=True)
    assert list(minutes) == [0, 0, 1, 90]


def make_attempt(
    extraction_id: uuid.UUID | None,
    attempt: int,
    *,
    allowed: int | None = 2,
    retryable: bool = True,
    company_id: str = "NT047",
) -> RetryAttempt:
    return RetryAttempt.objects.create(
        extraction_id=extraction_id,
        company_id=company_id,
        attempt=attempt,
        attempts_allowed=allowed,
        error_message="overloaded",
        is_retryable=retryable,
    )


def test_failed_retries_are_grouped_by_extraction() -> None:
    extraction = uuid.uuid4()
    make_attempt(extraction, 1)
    last = make_attempt(extraction, 2, retryable=False)

    row = FailedRetry.objects.get()
    assert (row.extraction_id, row.company_id, row.attempts) == (extraction, "NT047", 2)
    assert (row.retryable_share, row.last_attempt) == (0.5, last.timestamp)


def test_failed_retries_leave_out_what_may_still_be_tried_or_names_no_extraction() -> None:
    make_attempt(uuid.uuid4(), 1)
    make_attempt(uuid.uuid4(), 9, allowed=None)
    make_attempt(None, 2)

    assert not FailedRetry.objects.exists()
