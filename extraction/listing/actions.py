"""What can be done with the chosen extractions of the list: a registry that others add to."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from extraction import submission
from extraction.exports.download import TooManyChosen, download
from extraction.exports.formats import Format
from extraction.listing.conditions import Rows
from extraction.models import State

# A request queues so many again; the user is told what is left.
RETRIED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Action:
    """One button. ``act`` gets the chosen rows, which the user may see, in no order.

    It answers with a response, such as a file; or with None, when the list is shown again with the
    messages that it left.
    """

    label: StrOrPromise
    act: Callable[[HttpRequest, Rows], HttpResponseBase | None]


def retry_failed(request: HttpRequest, chosen: Rows) -> None:
    """Queue the failed ones whose documents are kept again, RETRIED_AT_ONCE at most."""
    failed = chosen.filter(state=State.FAILED, files_removed_at=None).order_by("created_at", "pk")
    some = list(failed.only("pk")[: RETRIED_AT_ONCE + 1])
    queued = sum(submission.retry(extraction) for extraction in some[:RETRIED_AT_ONCE])
    if not queued:
        messages.info(request, gettext("None of them failed, or their documents were removed."))
        return
    told = ngettext("%d document is queued again.", "%d documents are queued again.", queued)
    messages.success(request, told % queued)
    if len(some) > RETRIED_AT_ONCE:
        messages.info(request, gettext("There are more: try them again as well."))


def _exported_as(format_: Format) -> Callable[[HttpRequest, Rows], HttpResponseBase | None]:
    def export(request: HttpRequest, chosen: Rows) -> HttpResponseBase | None:
        try:
            return download(chosen, format_)
        except TooManyChosen as error:
            messages.error(request, error.detail)
            return None

    return export


# By the names in requests, in the order of their buttons.
ACTIONS: dict[str, Action] = {
    "csv": Action(_("Export as CSV"), _exported_as(Format.CSV)),
    "xlsx": Action(_("Export to Excel"), _exported_as(Format.XLSX)),
    "zip": Action(_("Save the documents"), _exported_as(Format.DOCUMENTS)),
    "retry": Action(_("Try failed ones again"), retry_failed),
}


def chosen_by_id(ids: list[str], visible: Rows) -> Rows:
    """Return the rows of these ids among the visible ones. What is no id names no row."""
    keys = set()
    for text in ids:
        try:
            keys.add(UUID(text))
        except ValueError:
            continue
    return visible.filter(pk__in=keys)
