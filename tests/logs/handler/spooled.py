"""Rows that wait on disk, as processes leave them there."""

import uuid
from datetime import UTC, datetime
from typing import Any

from logs.handler.records import Row
from logs.handler.spool import Spool
from logs.models import ApplicationLog


def row(message: str, **fields: Any) -> Row:
    usual = Row(
        timestamp=datetime(2026, 11, 24, 12, 0, 0, 123456, UTC),
        message=message,
        exception="Traceback\nof two lines",
        line_number=7,
        level="ERROR",
        logger="test",
        module="spool",
        function_name="row",
        request_id="request-1",
        extraction_id=uuid.UUID("0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11"),
        company_id="NT047",
        user="asha",
        process_id=4711,
        host="here",
    )
    return usual._replace(**fields)


def written(*messages: str) -> None:
    """A file of a process that has ended."""
    one = Spool()
    one.append([row(message) for message in messages])
    one.finish()


def messages() -> list[str]:
    return list(ApplicationLog.objects.order_by("pk").values_list("message", flat=True))
