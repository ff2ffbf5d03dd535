"""Numbers of the dashboard with the addresses of the lists that have as many rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from django.urls import get_script_prefix, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from extraction.document_days import begin_of
from ocrsite.lib.numbers import grouped


@dataclass(frozen=True, slots=True)
class Number:
    """A number and the list that it counts, or whose rows it adds up."""

    value: int
    address: str

    def __str__(self) -> str:
        return self.html()

    def html(self) -> SafeString:
        """Return it as a link."""
        return format_html('<a href="{}">{}</a>', self.address, grouped(self.value))


def words(told: str, address: str) -> SafeString:
    """Return what is told of a list's rows, such as their cost, as a link to it; "" for nothing."""
    return format_html('<a href="{}">{}</a>', address, told) if told else SafeString()


def documents(**filters: Any) -> str:
    """Return the address of the admin's list of documents."""
    return listed("extraction_extraction", filters)


def usage(since: date, until: date, **filters: Any) -> str:
    """Return the address of the list of usage rows of some days, both counted."""
    return listed("tokens_tokenusagelog", {**days("logged_at", since, until), **filters})


def received(since: date, until: date) -> dict[str, str]:
    """Return the filter of the documents that were received on some days, both counted."""
    return days("created_at", since, until)


def days(column: str, since: date, until: date) -> dict[str, str]:
    """Return the filter of the rows of some days of UTC, both counted."""
    end = begin_of(until + timedelta(days=1))
    return {f"{column}__gte": _moment(begin_of(since)), f"{column}__lt": _moment(end)}


def listed(name: str, filters: Mapping[str, Any] | None = None) -> str:
    """Return the address of a list of the admin, named as ``app_model``."""
    address = _list(name, get_script_prefix())
    return f"{address}?{urlencode(filters)}" if filters else address


@cache
def _list(name: str, _prefix: str) -> str:
    """The address of a list, for each prefix of the site: a page asks a hundred times."""
    return reverse(f"admin:{name}_changelist")


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
