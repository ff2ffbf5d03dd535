"""Counts errors by group: one exception type, raised in one place, whatever the message."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Case, F, QuerySet, Value, When

from logs.handler.records import Row
from logs.models import ERROR_LEVELS, PLACE_LENGTH, ErrorGroup

# What the traceback of an ExceptionGroup is indented with.
_INDENT = re.compile(r"^  [|+] ", re.MULTILINE)
_TRACEBACK = re.compile(
    r"^(?:Exception Group )?Traceback \(most recent call last\):\n", re.MULTILINE
)
_FRAME = re.compile(
    r"^  File \"(.+)\", line (\d+), in (.+)$(?:\n    (\S.*)$)?",  # and the line itself, if known
    re.MULTILINE,
)
_EXCEPTION_LINE = re.compile(r"^([^\W\d][\w.<>]*)(?::|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kind:
    """What the errors of one group have in common: the exception's type and the place."""

    exception_type: str
    place: str
    code: str = ""
    """The line of source at the place, where it is known."""

    @property
    def fingerprint(self) -> str:
        """A digest of both.

        Of the line its source counts, if known: its number may change with every release.
        """
        function, _, line = self.place.rpartition(":")
        text = "\n".join([self.exception_type, function, self.code or line])
        return hashlib.sha256(text.encode()).hexdigest()


def kind_of(row: Row) -> Kind:
    """Return the kind of an error by its row: by the text of the traceback, if there is one."""
    if row.exception and (raised := _raised(row.exception)):
        return raised
    return Kind("", f"{row.logger}:{row.function_name}:{row.line_number}"[:PLACE_LENGTH])


def record(rows: Sequence[Row]) -> list[Row]:
    """Count the errors among new rows into their groups; return the rows with fingerprints.

    Call it in the transaction that inserts the rows, before the insert: then the counts are exact,
    whatever dies and however many processes write.
    """
    grouped = []
    kinds: dict[str, Kind] = {}
    errors: dict[str, list[Row]] = {}
    for row in rows:
        if row.level in ERROR_LEVELS:
            kind = kind_of(row)
            fingerprint = kind.fingerprint
            row = row._replace(fingerprint=fingerprint)
            kinds.setdefault(fingerprint, kind)
            errors.setdefault(fingerprint, []).append(row)
        grouped.append(row)
    # In one order in all processes, or two could wait for each other's rows: a deadlock.
    for fingerprint in sorted(kinds):
        _count(fingerprint, kinds[fingerprint], errors[fingerprint])
    return grouped


def _count(fingerprint: str, kind: Kind, errors: Sequence[Row]) -> None:
    times = [error.timestamp for error in errors]
    group = ErrorGroup.objects.filter(fingerprint=fingerprint)
    if _add(group, len(errors), min(times), max(times)):
        return
    _, created = ErrorGroup.objects.get_or_create(
        fingerprint=fingerprint,
        defaults={
            "exception_type": kind.exception_type,
            "place": kind.place,
            "logger": errors[0].logger,
            "message": errors[0].message,
            "count": len(errors),
            "first_seen": min(times),
            "last_seen": max(times),
        },
    )
    if not created:  # another process has created it in between
        _add(group, len(errors), min(times), max(times))


def _add(group: QuerySet[ErrorGroup], count: int, first: datetime, last: datetime) -> bool:
    """Add to the count of a group; False when the group does not exist."""
    # Rows of an outage are inserted late.
    return bool(
        group.update(
            count=F("count") + count,
            first_seen=Case(When(first_seen__gt=first, then=Value(first)), default=F("first_seen")),
            last_seen=Case(When(last_seen__lt=last, then=Value(last)), default=F("last_seen")),
        )
    )


def _raised(text: str) -> Kind | None:
    """The kind of the exception in a text of Python's traceback module; None without one."""
    text = _INDENT.sub("", text)
    tracebacks = list(_TRACEBACK.finditer(text))
    if not tracebacks:
        return None
    # The last is the exception that was logged; those before led to it.
    shown = text[tracebacks[-1].end() :]
    line = _EXCEPTION_LINE.search(shown)
    if line is None:
        return None
    frames = _FRAME.findall(shown, 0, line.start())
    places = [
        (*_place(Path(file), number, function), code) for file, number, function, code in frames
    ]
    ours = [place for place in places if place[0]] or places
    _, place, code = ours[-1] if ours else (False, "", "")
    return Kind(line[1][:255], place[:PLACE_LENGTH], code)


def _place(file: Path, line: str, function: str) -> tuple[bool, str]:
    """Whether a frame is of our own code, and its place by the module's name."""
    is_ours = file.is_relative_to(settings.BASE_DIR) and "site-packages" not in file.parts
    if is_ours:
        file = file.relative_to(settings.BASE_DIR)
    elif "site-packages" in file.parts:
        file = Path(*file.parts[file.parts.index("site-packages") + 1 :])
    else:
        file = Path(file.name)
    return is_ours, f"{'.'.join(file.with_suffix('').parts)}:{function}:{line}"
