"""What every log record of this request or task carries, without being handed around."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_EMPTY: Mapping[str, str] = MappingProxyType({})
_bound: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=_EMPTY)


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Add fields to the records logged inside the block.

    Those with a column: ``request_id``, ``extraction_id``, ``company_id`` and ``user``.
    """
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def add(**fields: str) -> None:
    """Add fields that become known only now, until the block of ``bound`` around this ends."""
    if _bound.get() is not _EMPTY:  # else nothing would take them away again
        _bound.set({**_bound.get(), **fields})


def current() -> Mapping[str, str]:
    """The fields bound here and now."""
    return _bound.get()
