"""Events and their order: what a timeline is made of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils.formats import get_format


class Tone(StrEnum):
    """How an event is shown; the name of the pill's style."""

    PLAIN = ""
    GOOD = "pill-ok"
    BUSY = "pill-processing"
    DOUBTFUL = "pill-warning"
    BAD = "pill-failed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment; ``facts`` are pairs of a label and a text."""

    at: datetime
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Line:
    """An event in a timeline, and how long after the one before; None for the first."""

    event: Event
    after: timedelta | None
    shown_after: str = field(default="")


def timeline(events: Iterable[Event]) -> list[Line]:
    """Return events in the order of time; of the same moment in the order given."""
    ordered = sorted(events, key=lambda event: event.at)
    lines = []
    before: datetime | None = None
    for event in ordered:
        after = None if before is None else event.at - before
        lines.append(Line(event, after, "" if after is None else elapsed(after)))
        before = event.at
    return lines


def elapsed(time: timedelta) -> str:
    """Return a difference to the millisecond below an hour, above in its two largest units."""
    milliseconds = time // timedelta(milliseconds=1)
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    told = f"{seconds}{get_format('DECIMAL_SEPARATOR')}{milliseconds:03}"
    if days:
        return f"+{days} d {hours} h"
    if hours:
        return f"+{hours} h {minutes} min"
    if minutes:
        return f"+{minutes} min {told} s"
    return f"+{told} s"


def facts(*pairs: tuple[str, object]) -> tuple[tuple[str, str], ...]:
    """Return the pairs that say something."""
    return tuple((str(label), str(value)) for label, value in pairs if value not in (None, ""))
