"""One log record between the caller and its row: taken at the call, written later."""

import logging
import os
import socket
import time
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from traceback import TracebackException
from typing import NamedTuple

from logs import context
from logs.context import Context
from logs.redaction import redact

_HOST = socket.gethostname()
# Not the name of this module: what staff filter by and set a level for.
_OWN_LOGGER = "logs"
_numbers = count(1)


class Entry(NamedTuple):
    """What is kept of a log record; still with its secrets, which writing takes out.

    Entries are numbered, and so ordered, as they come.
    """

    number: int
    created: float
    level: int
    level_name: str
    logger: str
    message: str
    error: TracebackException | None
    stack: str | None
    module: str
    function: str | None
    line: int
    process_id: int | None
    context: Context


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


def entry_of(record: logging.LogRecord) -> Entry:
    """Take a record as it is now: its arguments and the context may change after the call."""
    return Entry(
        next(_numbers),
        record.created,
        record.levelno,
        record.levelname,
        record.name,
        _message(record),
        _error(record),
        record.stack_info,
        record.module,
        record.funcName,
        record.lineno,
        record.process,
        context.current(),
    )


def row_of(entry: Entry) -> Row:
    """Return the row, redacted and cut to what the columns of every database take."""
    # Not by Row._make, which takes twice as long: every record comes this way.
    return tuple.__new__(
        Row,
        (
            datetime.fromtimestamp(entry.created, UTC),
            _storable(redact(entry.message)),
            _exception(entry),
            entry.line,
            *_place(entry.level_name, entry.logger, entry.module, entry.function),
            *_context(entry.context),
            entry.process_id,
            _HOST,
            None,  # error_grouping knows it
        ),
    )


def own_warning(message: str) -> Entry:
    """Return a warning of this app itself, which cannot log in the ordinary way."""
    return Entry(
        number=next(_numbers),
        created=time.time(),
        level=logging.WARNING,
        level_name="WARNING",
        logger=_OWN_LOGGER,
        message=message,
        error=None,
        stack=None,
        module="",
        function=None,
        line=0,
        process_id=os.getpid(),
        context=context.current(),
    )


def line_of(row: Row) -> str:
    """Return the text for the console, which stands in for the database."""
    moment = row.timestamp.isoformat(timespec="milliseconds")
    text = f"{moment} {row.level} {row.logger}: {row.message}"
    return f"{text}\n{row.exception}" if row.exception else text


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        # Wrong arguments are the caller's mistake; what it meant to say is still worth a row.
        return f"{record.msg!r} cannot be formatted with {record.args!r}"


def _error(record: logging.LogRecord) -> TracebackException | None:
    """The exception without its frames, which must not outlive the call.

    Its text is put together by the writer: reading the source takes most of the time.
    """
    if not record.exc_info or record.exc_info[1] is None:
        return None
    return TracebackException(*record.exc_info, lookup_lines=False, compact=True)


def _exception(entry: Entry) -> str | None:
    if entry.error is None and entry.stack is None:
        return None
    text = "".join(entry.error.format()) if entry.error else ""
    return _storable(redact(f"{text}{entry.stack or ''}".rstrip())) or None


# The same few places and contexts come again and again.
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
