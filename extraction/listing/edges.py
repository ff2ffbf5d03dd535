"""Where each company's rows reach a number: an index finds that, whatever there is."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Subquery

from extraction.listing.conditions import Rows
from extraction.models import Extraction

# Each company takes a column of one query.
_COMPANIES_AT_ONCE = 200


def edge(part: Rows, column: str, place: int) -> Subquery:
    """The column's value in a part's row at a place, from 0; the part is in an index's order."""
    return Subquery(part.values(column)[place : place + 1])


def values(edges: Sequence[Subquery]) -> list[Any]:
    """Return the values of those that there are, by a query for every 200."""
    found: list[Any] = []
    for start in range(0, len(edges), _COMPANIES_AT_ONCE):
        some = edges[start : start + _COMPANIES_AT_ONCE]
        # Of whichever row: a table without any has no edges either.
        for row in Extraction.with_deleted.order_by().values_list(*some)[:1]:
            found += [value for value in row if value is not None]
    return found
