"""What processes do that die by SIGKILL at one step of their work, for tests."""

import os
import pkgutil
import signal
import uuid
from collections.abc import Callable
from typing import Any, NoReturn


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
    """Work on the extraction as a worker does, until the step.

    After "send" it lives on: the test kills it while it waits for the answer.
    """
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


def erase_until(step: str, when: str, pk: int) -> None:
    """Go on with an erasure, two documents at a time, until before or after a step."""
    from extraction import erasing

    erasing.BATCH = 2
    function = getattr(erasing, step)
    setattr(erasing, step, die if when == "before" else then_die(function))
    erasing.go_on(pk)


def housekeep_until(database: str, target: str, when: str) -> None:
    """Do one round of the housekeeping on this SQLite file, until before or after a function."""
    from django.db import connection

    from extraction.worker.housekeeping import run_housekeeping

    connection.settings_dict["NAME"] = database
    if target:
        owner, _, name = target.rpartition(".")
        found = pkgutil.resolve_name(owner)
        function = getattr(found, name)
        setattr(found, name, die if when == "before" else then_die(function))
    run_housekeeping()
