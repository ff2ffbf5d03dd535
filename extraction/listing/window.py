"""The rows that a page of the list looks at: EXAMINED of a company at most, whatever there is.

One condition that has an index selects the rows, newest first; the others are then examined row by
row, and what is left is sorted, counted and summed. So a page's work does not grow with the table.
What was cut off is told, and how to reach it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.db.models import Case, F, Q, Subquery, When
from django.db.models.functions import Coalesce

from extraction.listing import edges
from extraction.listing.conditions import (
    TO_REVIEW,
    Rows,
    all_of,
    asked_companies,
    conditions,
    exactly,
    of_companies,
)
from extraction.listing.filters import NEWEST_FIRST, SORTS, Filters
from extraction.models import Extraction, State

# Of each company; of a superuser's, who sees every company, of all together.
EXAMINED = 5_000
# Rows further back that a search names in full.
OLDER_SHOWN = 10
# These have an index behind the company.
_INDEXED_SORTS = {
    "file_name",
    "supplier_name",
    "supplier_tax_id",
    "invoice_number",
    "invoice_date",
    "due_date",
    "total_amount",
}


@dataclass(frozen=True, slots=True)
class _Driver:
    """The condition that has an index: ``indexed`` is followed there by ``column``."""

    column: str
    indexed: Q
    name: str = ""


class Window:
    """What a user's filters find, as far as it is examined."""

    def __init__(self, filters: Filters, company_ids: Sequence[str] | None) -> None:
        self.filters = filters
        self._companies = asked_companies(filters, company_ids)
        self._company = of_companies(filters, company_ids)
        self._left = conditions(filters)
        self._driver = self._choose_driver()
        self._left.pop(self._driver.name, None)

    @property
    def limit(self) -> int:
        """How many rows of a company are examined."""
        return EXAMINED

    @property
    def is_cut(self) -> bool:
        """Whether there are rows that were not examined."""
        return self._edge is not None

    @property
    def has_totals(self) -> bool:
        """Whether there is something to sum up: only what has succeeded has a total."""
        return self.filters.state in ("", State.SUCCEEDED)

    @property
    def received_since(self) -> datetime | None:
        """Rows received before were not examined; None where their invoice date tells."""
        return self._edge if self._driver.column == "created_at" else None

    @property
    def invoiced_since(self) -> date | None:
        """Rows with an invoice date before were not examined; None where their receipt tells."""
        return self._edge if self._driver.column == "invoice_date" else None

    @cached_property
    def rows(self) -> Rows:
        """The rows found, in no order."""
        found = Extraction.objects.filter(self._company, self._driver.indexed)
        if self._edge is not None:
            found = found.filter(**{f"{self._driver.column}__gte": self._edge})
        return found.filter(all_of(list(self._left.values()))).order_by()

    @cached_property
    def has_whole_order(self) -> bool:
        """Whether the rows of ``ordered`` come from all that there are: an index sorts them."""
        alone = self._companies is not None and len(self._companies) == 1
        unfiltered = self._driver == _Driver("created_at", Q()) and not self._left
        return self.is_cut and alone and unfiltered and self._column in _INDEXED_SORTS

    def ordered(self) -> Rows:
        """The rows in the order asked for; those without a value come last."""
        sign, column = self._sign, self._column
        if self.has_whole_order:
            rows = Extraction.objects.filter(self._company, **{f"{column}__isnull": False})
            return rows.order_by(f"{sign}{column}", f"{sign}pk")
        if self.filters.sort == NEWEST_FIRST and self._driver.column == column:
            return self.rows.order_by("-created_at", "-pk")
        # As expressions: an index that sorts all rows of the table would be no help.
        value = Coalesce(F(column), F(column))
        absent = Case(When(**{f"{column}__isnull": True}, then=1), default=0)
        return self.rows.order_by(absent, value.desc() if sign else value.asc(), f"{sign}pk")

    def older(self) -> list[dict[str, Any]]:
        """Some rows behind the window that the search text names in full.

        There are none where all were examined, nor for a superuser who chose no company: the
        indexes begin with it.
        """
        if self._edge is None or not self.filters.text or self._companies is None:
            return []
        others = [self._driver.indexed, Q(**{f"{self._driver.column}__lt": self._edge})]
        others += [condition for name, condition in self._left.items() if name != "text"]
        rows = Extraction.objects.filter(self._company, all_of(others)).order_by()
        columns = ["pk", "file_name", "supplier_name", "invoice_number", "created_at", "company_id"]
        first, *more = [rows.filter(named).values(*columns) for named in exactly(self.filters.text)]
        # In no order: for that of the newest SQLite would read all rows of the company.
        found = first.union(*more, all=True)[:OLDER_SHOWN]
        return list({row["pk"]: row for row in found}.values())

    @cached_property
    def _edge(self) -> Any:
        """The driver's value of the first row that is one too many; None where all are examined.

        With several companies it is the newest of theirs.
        """
        companies = self._companies
        legs = [Q()] if companies is None else [Q(company_id=each) for each in companies]
        return max(edges.values([self._edge_of(leg) for leg in legs]), default=None)

    def _edge_of(self, company: Q) -> Subquery:
        column = self._driver.column
        rows = Extraction.objects.filter(company, self._driver.indexed)
        return edges.edge(rows.order_by(f"-{column}", "-pk"), column, EXAMINED)

    def _choose_driver(self) -> _Driver:
        """The condition that selects the fewest rows, as a rule. Indexes begin with the company."""
        of_some = self._companies is not None
        if "batch" in self._left:
            return _Driver("created_at", self._left["batch"], "batch")
        if of_some and "dates" in self._left:
            return _Driver("invoice_date", self._left["dates"], "dates")
        if self.filters.review == "needed":  # has an index for superusers, too
            return _Driver("created_at", TO_REVIEW, "review")
        if of_some and "state" in self._left:
            return _Driver("created_at", self._left["state"], "state")
        return _Driver("created_at", Q())

    @property
    def _sign(self) -> str:
        return "-" if self.filters.sort.startswith("-") else ""

    @property
    def _column(self) -> str:
        return SORTS[self.filters.sort.removeprefix("-")]
