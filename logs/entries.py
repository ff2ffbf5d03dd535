"""One log record between the caller and its row: taken at the call, written later."""

import logging
import traceback
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from logs import context
from logs.redaction import redact

if TYPE_CHECKING:
    from logs.models import ApplicationLog


class Entry(NamedTuple):
    """What is kept of a log record; still with its secrets, which writing takes out."""

    created: float
    level: int
    level_name: str
    logger: str
    message: str
    exception: str | None
    module: str
    function: str | None
    line: int
    context: Mapping[str, str]


def entry_of(record: logging.LogRecord) -> Entry:
    """Take a record as it is now: its arguments and the context may change after the call."""
    return Entry(
        record.created,
        record.levelno,
        record.levelname,
        record.name,
        _message(record),
        _exception(record),
        record.module,
        record.funcName,
        record.lineno,
        context.current(),
    )


def row_of(entry: Entry) -> "ApplicationLog":
    """Return the unsaved row, redacted and cut to what the columns of every database take."""
    # Here, because logging is set up before Django's models can be imported.
    from logs.models import ApplicationLog

    return ApplicationLog(
        timestamp=datetime.fromtimestamp(entry.created, UTC),
        level=entry.level_name[:20],
        logger=entry.logger[:255],
        message=_storable(redact(entry.message)),
        exception=_storable(redact(entry.exception)) if entry.exception else None,
        module=entry.module[:255],
        function_name=(entry.function or "")[:255],
        line_number=entry.line,
        request_id=entry.context.get("request_id", "")[:36] or None,
        extraction_id=_uuid(entry.context.get("extraction_id")),
    )


def line_of(entry: Entry) -> str:
    """Return the redacted text for the console, which stands in for the database."""
    moment = datetime.fromtimestamp(entry.created, UTC).isoformat(timespec="milliseconds")
    text = f"{moment} {entry.level_name} {entry.logger}: {entry.message}"
    if entry.exception:
        text = f"{text}\n{entry.exception}"
    return _storable(redact(text))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        # Wrong arguments are the caller's mistake; what it meant to say is still worth a row.
        return f"{record.msg!r} cannot be formatted with {record.args!r}"


def _exception(record: logging.LogRecord) -> str | None:
    parts = []
    if record.exc_info and record.exc_info[0]:
        parts += traceback.format_exception(*record.exc_info)
    if record.stack_info:
        parts.append(record.stack_info)
    return "".join(parts).rstrip() or None


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL, and no database a lone surrogate."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def _uuid(value: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if value else None
    except ValueError:
        return None
