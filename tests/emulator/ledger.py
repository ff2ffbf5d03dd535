"""What the emulator received and billed, call by call."""

import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.emulator.billing import Bill
from tests.emulator.requests import Image


@dataclass(slots=True)
class Call:
    """One request. ``usage`` is what it was billed (None: nothing), answered or not."""

    number: int
    key: str
    key_call: int  # this key's n-th call, from 1
    method: str
    model: str
    document: str = ""  # SHA-256 of all image bytes, in order
    images: tuple[Image, ...] = ()
    temperature: float | None = None
    outcome: str = "received"
    usage: dict[str, object] | None = None
    bill: Bill | None = None
    client_gone: bool = False
    received_at: float = field(default_factory=time.time)

    def charge(self, bill: Bill) -> None:
        """Bill the call. Google bills what it processed, even if the client is gone."""
        self.bill = bill
        self.usage = bill.as_usage_metadata()

    def as_json(self) -> dict[str, Any]:
        """Render for ``GET /ledger``."""
        return asdict(self)


class Ledger:
    """All calls in order of arrival."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[Call] = []

    def open(self, key: str, method: str, model: str) -> Call:
        """Record a call and number it."""
        with self._changed:
            key_call = 1 + sum(call.key == key for call in self._calls)
            call = Call(len(self._calls) + 1, key, key_call, method, model)
            self._calls.append(call)
            self._changed.notify_all()
            return call

    def wait_for(self, count: int, seconds: float) -> bool:
        """Wait until so many calls have arrived. False: they have not."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._calls) >= count, seconds)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call so far."""
        with self._changed:
            return tuple(self._calls)

    def clear(self) -> None:
        """Forget every call and start counting anew."""
        with self._changed:
            self._calls.clear()
