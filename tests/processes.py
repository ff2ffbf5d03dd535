"""Processes of tests that begin with the project loaded: by fork, in hundredths of a second.

multiprocessing's server loads it (``tests.loaded``) once for each process of pytest, and forks
whenever one is started. It runs nothing else: what tests patch, its processes do not have. They
work on the database of the running test.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

T = TypeVar("T")

# Seconds within which all that begin together are there, on a busy machine.
_PATIENCE = 120


@functools.cache
def _context() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.loaded"])
    return context


def start(function: Callable[..., object], *arguments: object, **overridden: object) -> BaseProcess:
    """Call a function in a process of its own, where these settings are other than usual."""
    process = _context().Process(target=_call, args=(_place(overridden), function, arguments))
    process.start()
    return process


@contextmanager
def together(
    function: Callable[..., T], arguments: Sequence[tuple[object, ...]], **overridden: object
) -> Iterator[list[Future[T]]]:
    """Call a function in as many processes as it has arguments; they begin at the same time."""
    begin = _context().Barrier(len(arguments))
    prepared = (_place(overridden), begin)
    with ProcessPoolExecutor(len(arguments), _context(), _prepare, prepared) as pool:
        yield [pool.submit(function, *each) for each in arguments]


def stop_server() -> None:
    """End the server, if there is one: who forks this process must not ask it for more."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # as Python's own tests do


# The name of the database, and settings.
_Place = tuple[str, dict[str, object]]


def _place(overridden: dict[str, object]) -> _Place:
    return str(connection.settings_dict["NAME"]), overridden


def _go_to(place: _Place) -> None:
    connection.settings_dict["NAME"], overridden = place
    for name, value in overridden.items():
        setattr(settings, name, value)


def _call(place: _Place, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    _go_to(place)
    function(*arguments)


def _prepare(place: _Place, begin: Barrier) -> None:
    _go_to(place)
    begin.wait(_PATIENCE)
