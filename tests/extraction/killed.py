"""A process that dies by SIGKILL at one step of an attempt, for tests.

``python -m tests.extraction.killed STEP EXTRACTION``. After "send" it lives on: the test kills it
while it waits for the answer.
"""

import os
import signal
import sys
import uuid
from collections.abc import Callable
from typing import Any, NoReturn

import django


def die(*_arguments: object, **_named: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def then_die(function: Callable[..., object]) -> Callable[..., NoReturn]:
    """The function, and death as soon as it has returned."""

    def wrapper(*arguments: Any, **named: Any) -> NoReturn:
        function(*arguments, **named)
        die()

    return wrapper


def work_until(step: str, extraction_id: uuid.UUID) -> None:
    """Work on the extraction as a worker does, until the step."""
    from extraction import outcomes, pipeline
    from extraction.models.extraction_queryset import ExtractionQuerySet
    from tokens import ledger
    from tokens.quota_sums import LockedQuotas

    match step:
        case "before reserve":
            ledger.reserve = die
        case "after reserve":
            ledger.reserve = then_die(ledger.reserve)
        case "before send":
            pipeline.read = die
        case "after answer":
            pipeline.read = then_die(pipeline.read)
        case "inside reserve":  # the sums of the periods are moved, there is no reservation
            LockedQuotas.set_aside = then_die(LockedQuotas.set_aside)  # type: ignore[method-assign]  # a death for a test
        case "inside periods":  # the totals are moved, the sums of the periods half
            LockedQuotas.shift = then_die(LockedQuotas.shift)  # type: ignore[method-assign]  # a death for a test
        case "inside settle":  # the usage row is written, the totals are not
            ledger._end_reservation = then_die(ledger._end_reservation)
        case "before commit":
            ExtractionQuerySet.end = then_die(ExtractionQuerySet.end)  # type: ignore[method-assign]  # a death for a test
        case "after settle":
            outcomes.finish = then_die(outcomes.finish)
    pipeline.process(extraction_id)


if __name__ == "__main__":
    django.setup()
    work_until(sys.argv[1], uuid.UUID(sys.argv[2]))
