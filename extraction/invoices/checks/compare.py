"""How a check compares numbers, and how it says where and what it found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from extraction.invoices.checks import rounding
from extraction.invoices.schema import Check

# A check of each line names so many lines; a hostile document has tens of thousands.
MOST_SHOWN = 50
# Products of two numbers of 24 digits.
_WIDE = Context(prec=100)


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a list that was compared: ``path`` such as "line_items.3.amount"."""

    path: str
    expected: str
    actual: str
    fits: bool


def near(left: Decimal, right: Decimal, tolerance: Decimal) -> bool:
    """Return whether two numbers differ by the tolerance at most."""
    return abs(left - right) <= tolerance


def any_near(stated: Decimal, ways: Iterable[Decimal], tolerance: Decimal) -> bool:
    """Return whether a number is near one of several."""
    return any(near(stated, way, tolerance) for way in ways)


def sum_check(
    code: str,
    stated: Decimal,
    ways: Sequence[Decimal],
    tolerance: Decimal,
    paths: list[str],
    currency: str | None,
) -> Check:
    """Compare a stated sum with the ways to compute it; the first is shown as expected."""
    return Check(
        code=code,
        passed=any_near(stated, ways, tolerance),
        expected=shown(ways[0], currency),
        actual=shown(stated, currency),
        paths=paths,
    )


def item_check(code: str, items: Sequence[Item]) -> Check | None:
    """Return one check of all items, which shows the first MOST_SHOWN that do not fit.

    ``expected``, ``actual`` and ``paths`` name them in the same order. None without items.
    """
    if not items:
        return None
    wrong = [item for item in items if not item.fits]
    named = wrong[:MOST_SHOWN]
    return Check(
        code=code,
        passed=not wrong,
        expected="; ".join(item.expected for item in named) or None,
        actual="; ".join(item.actual for item in named) or None,
        paths=[item.path for item in named],
    )


def complete(numbers: Iterable[Decimal | None]) -> list[Decimal]:
    """Return the numbers, or none of them when one is missing: their sum would mean nothing."""
    present = []
    for number in numbers:
        if number is None:
            return []
        present.append(number)
    return present


def shown(number: Decimal, currency: str | None = None) -> str:
    """Return a number for people, with no more decimal places than its currency has."""
    places = rounding.digits(currency) or 2
    if int(number.as_tuple().exponent) < -places:
        number = number.quantize(Decimal(1).scaleb(-places), context=_WIDE)
    return format(number, "f")
