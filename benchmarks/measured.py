"""What ``benchmarks.accuracy`` measured, on one document each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.readings import FieldRead

# With an e-invoice inside, with a text layer alone, and an image of paper.
DocumentKind = Literal["xml", "page", "scan"]
# As in a result: path, code and text.
Reason = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tried:
    """A wrong answer and what became of it.

    ``flagged``: for what is wrong; ``named``: a reason's path is that of the wrong value.
    """

    kind: str
    field: str
    path: str
    true: str | None
    wrong: str | None
    flagged: bool
    named: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """A document and all that was measured on it.

    ``is_stripped``: its e-invoice was taken out before. ``fields`` and ``needs_review`` are those
    of its offline reading; ``reasons`` are of the right answer of a model, which has these
    ``key_values`` by path; ``contradicts_itself``: e-invoice and page differ.
    """

    group: str
    name: str
    kind: DocumentKind
    is_stripped: bool
    fields: Sequence[FieldRead]
    needs_review: bool
    key_values: Sequence[str]
    reasons: Sequence[Reason]
    contradicts_itself: bool
    tried: Sequence[Tried]

    @property
    def alarms(self) -> list[Reason]:
        """The reasons that name a right key value."""
        return [reason for reason in self.reasons if reason["path"] in self.key_values]

    @property
    def named(self) -> set[str]:
        """The paths of the right key values that a reason names."""
        return {reason["path"] for reason in self.alarms}


@dataclass(frozen=True, slots=True)
class Receipt:
    """The recorded receipt: its wrong amounts with the true ones, by path, and the reasons."""

    wrong: Mapping[str, tuple[str, str]]
    reasons_of_recorded: Sequence[Reason]
    reasons_of_label: Sequence[Reason]
    key_values: Sequence[str]
