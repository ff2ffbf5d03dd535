"""What a reader read of a document, field by field, beside what it should have read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from extraction.evidence.values import Kind

Outcome = Literal["right", "wrong", "missing"]


@dataclass(frozen=True, slots=True)
class FieldRead:
    """One value; ``source`` is its evidence's, and "" of a missing one.

    ``flagged``: a reason for review names it, or the part that it belongs to.
    """

    path: str
    source: str
    outcome: Outcome
    true: str
    read: str | None
    flagged: bool

    @property
    def name(self) -> str:
        """The path without the numbers of rows."""
        return re.sub(r"\.\d+\.", "[].", self.path)


def fields_read(result: Mapping[str, Any], facts: Mapping[str, Any]) -> list[FieldRead]:
    """Return the values of an answer that is right, as a result has them."""
    from extraction.evidence.values import values_of
    from extraction.invoices.schema import InvoiceFields

    invoice = {name: result[name] for name in InvoiceFields.model_fields}
    read = {path: value for path, _, value in values_of(invoice)}
    named = [reason["path"] for reason in result["reasons"]]
    found = []
    for path, kind, true in values_of(facts):
        value = read.get(path)
        outcome: Outcome = "missing"
        if value is not None:
            outcome = "right" if is_same(kind, value, true) else "wrong"
        elif kind == "number" and not Decimal(true):
            continue  # no number says what 0 does
        source = "" if value is None else result["evidence"][path]["source"]
        flagged = any(path == name or path.startswith(f"{name}.") for name in named)
        found.append(FieldRead(path, source, outcome, true, value, flagged))
    return found


def is_same(kind: "Kind", value: str, other: str) -> bool:
    """Whether two texts of a kind mean the same: blanks and case do not count."""
    if kind == "number":
        return Decimal(value) == Decimal(other)
    blank = "" if kind == "code" else " "
    first, second = (blank.join(text.split()).casefold() for text in (value, other))
    return first == second
