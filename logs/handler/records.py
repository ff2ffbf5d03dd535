"""Makes a row of ApplicationLogs from a log record, in the call of logging."""

import logging
import os
import socket
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from traceback import TracebackException
from typing import NamedTuple

from logs import context
from logs.context import Context
from logs.redaction import redact

_HOST = socket.gethostname()
# Of this app's own warnings: the app's name rather than a module's, for staff to filter by.
_OWN_LOGGER = "logs"


class Row(NamedTuple):
    """A row of ApplicationLogs by the model's field names, without secrets."""

    timestamp: datetime
    message: str
    exception: str | None
    line_number: int | None
    level: str
    logger: str
    module: str | None
    function_name: str | None
    request_id: str | None
    extraction_id: uuid.UUID | None
    company_id: str | None
    user: str | None
    process_id: int | None
    host: str | None
    fingerprint: str | None = None


def row_of(record: logging.LogRecord) -> Row:
    """Return the record's row, redacted and cut to what the columns of every database take.

    Call it when the record is logged: its arguments and the context may change afterwards.
    """
    # Not by Row(...), which takes twice as long: every call of logging comes this way.
    return tuple.__new__(
        Row,
        (
            datetime.fromtimestamp(record.created, UTC),
            _storable(redact(_message(record))),
            _exception(record),
            record.lineno,
            *_place(record.levelname, record.name, record.module, record.funcName),
            *_context(context.current()),
            record.process,
            _HOST,
            None,  # set by error_grouping
        ),
    )


def own_record(message: str, level: str = "WARNING") -> Row:
    """Return a record of this app itself, which cannot log in the ordinary way."""
    return Row(
        datetime.now(UTC),
        _storable(redact(message)),
        None,
        0,
        *_place(level, _OWN_LOGGER, "", None),
        *_context(context.current()),
        os.getpid(),
        _HOST,
    )


def line_of(row: Row) -> str:
    """Return the text that is printed while the database is away."""
    moment = row.timestamp.isoformat(timespec="milliseconds")
    text = f"{moment} {row.level} {row.logger}: {row.message}"
    return f"{text}\n{row.exception}" if row.exception else text


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        # The arguments do not fit the message: the record is still worth a row.
        return f"{record.msg!r} cannot be formatted with {record.args!r}"


def _exception(record: logging.LogRecord) -> str | None:
    text = record.stack_info or ""
    if record.exc_info and record.exc_info[1] is not None:
        text = "".join(TracebackException(*record.exc_info, compact=True).format()) + text
    return _storable(redact(text.rstrip())) or None if text else None


# Cached: there are few places and contexts, and many records of each.
@lru_cache(maxsize=1024)
def _place(
    level_name: str, logger: str, module: str, function: str | None
) -> tuple[str, str, str, str]:
    return (
        _storable(level_name)[:20],
        _storable(logger)[:255],
        _storable(module)[:255],
        _storable(function or "")[:255],
    )


@lru_cache(maxsize=1024)
def _context(bound: Context) -> tuple[str | None, uuid.UUID | None, str | None, str | None]:
    return (
        _storable(bound.request_id or "")[:36] or None,
        _uuid(bound.extraction_id),
        _storable(bound.company_id or "")[:50] or None,
        _storable(bound.user or "")[:150] or None,
    )


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL, and no database a lone surrogate."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def _uuid(value: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if value else None
    except ValueError:
        return None
