"""Fields that every log record of a request or a task has, by a context variable."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Context(NamedTuple):
    """What records can be filtered by; each field has a column of ApplicationLogs."""

    request_id: str | None = None
    extraction_id: str | None = None
    company_id: str | None = None
    user: str | None = None


_NOTHING = Context()
_bound: ContextVar[Context] = ContextVar("log_context", default=_NOTHING)


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Give the records logged inside the block these fields of Context, too."""
    token = _bound.set(_bound.get()._replace(**fields))
    try:
        yield
    finally:
        _bound.reset(token)


def add(**fields: str) -> None:
    """Add fields that become known only now, until the block of ``bound`` around this ends."""
    if _bound.get() is not _NOTHING:  # or no block would remove them
        _bound.set(_bound.get()._replace(**fields))


def current() -> Context:
    """The fields bound here and now."""
    return _bound.get()
