"""Lines with lines below them: each amount is counted once, on the lines that goods stand on.

CII states the tree by ids (Factur-X EXTENDED, BT-X-7 LineStatusReasonCode and BT-X-304
ParentLineID), UBL by nesting (extension of XRechnung, SubInvoiceLine).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from extraction.invoices.schema import LineItem

DETAIL = "DETAIL"
GROUP = "GROUP"
INFORMATION = "INFORMATION"
# Deeper trees are hostile.
_DEEPEST = 100


@dataclass(slots=True)
class Line:
    """A line, the lines below it, and its code: DETAIL, GROUP, INFORMATION, or None."""

    item: LineItem
    code: str | None = None
    below: list["Line"] = field(default_factory=list)


def tree(lines: Sequence[tuple[Line, str | None, str | None]]) -> list[Line]:
    """Put lines, each with its id and that of the line above it, below one another.

    Returns the uppermost ones. A line above that is not there, or lies below the line itself, is
    none.
    """
    by_id: dict[str, Line] = {}
    above: dict[int, Line] = {}
    for line, line_id, _ in lines:
        if line_id is not None:
            by_id.setdefault(line_id, line)
    uppermost = []
    for line, _, parent_id in lines:
        parent = by_id.get(parent_id) if parent_id is not None else None
        if parent is None or _is_below(parent, line, above):
            uppermost.append(line)
        else:
            above[id(line)] = parent
            parent.below.append(line)
    return uppermost


def counted(lines: Sequence[Line], net: Decimal | None = None) -> list[LineItem]:
    """Return the items whose amounts add up to those of the lines.

    A group that names no lines below it is left out where the others alone add up to ``net``, the
    sum that the invoice states of its lines: it is the heading, or the sum, of those beside it.
    """
    others = [line for line in lines if line.code != GROUP or line.below]
    if len(others) < len(lines) and net is not None:
        items = [item for line in others for item in _counted(line, 0)]
        if items and sum((item.amount or Decimal() for item in items), Decimal()) == net:
            return items
    return [item for line in lines for item in _counted(line, 0)]


def _counted(line: Line, depth: int) -> list[LineItem]:
    """Return the items of a line and those below it.

    A line is left out when what is below it adds up to its amount, or is all that has an amount.
    Below a line that keeps its own amount only those are counted that say so: DETAIL.
    """
    parts = [_counted(part, depth + 1) for part in line.below] if depth < _DEEPEST else []
    below = [item for part in parts for item in part]
    own = line.item.amount
    amounts = [item.amount for item in below if item.amount]
    if line.code == INFORMATION:
        return below
    if line.code == GROUP:
        return below if amounts or not own else [line.item]
    if own is None:
        return below or [line.item]
    if amounts and sum(amounts, Decimal()) == own:
        return below
    kept = (
        item
        for part, items in zip(line.below, parts, strict=False)
        if part.code == DETAIL
        for item in items
        if item.amount
    )
    return [line.item, *kept]


def _is_below(line: Line, above_it: Line, above: dict[int, Line]) -> bool:
    """Whether a line is another one or lies below it; too deep counts as that."""
    for _ in range(_DEEPEST):
        if line is above_it:
            return True
        parent = above.get(id(line))
        if parent is None:
            return False
        line = parent
    return True
