"""Loaded by processes whose wall clock tests set: sleeps in a way that libfaketime understands.

It refuses ``clock_nanosleep`` up to a time of the monotonic clock, which is Python's way.
"""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep
