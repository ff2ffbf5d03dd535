"""What the tests of the worker's processes share."""

import signal
from collections.abc import Iterator

import pytest

from extraction import liveness


@pytest.fixture
def restored_signals() -> Iterator[None]:
    """Put the test runner's own handlers back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process belong to no worker, before and after."""
    monkeypatch.setattr(liveness, "_own", None)
