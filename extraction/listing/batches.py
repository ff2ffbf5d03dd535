"""Many documents, one after the other, within the time of a request; and what came of it."""

import time
from collections import Counter
from collections.abc import Iterator
from enum import Enum, auto

from django.contrib import messages
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from extraction.listing.conditions import Rows
from extraction.models import Extraction

# A request does so many; the user is told that there are more.
AT_ONCE = 500
# Nor does it take longer than so many seconds.
SECONDS = 10.0


class Skipped(Enum):
    """Why something is not done."""

    DOUBTFUL = auto()
    DECIDED = auto()
    UNREAD = auto()
    UNDER_WAY = auto()
    ENDED = auto()
    WAITING = auto()
    REMOVED = auto()
    CORRECTED = auto()
    CHANGED = auto()


# As said of one document, and of several.
_WHY = {
    Skipped.DOUBTFUL: ngettext_lazy("it needs review", "they need review"),
    Skipped.DECIDED: ngettext_lazy(
        "it was approved or rejected before", "they were approved or rejected before"
    ),
    Skipped.UNREAD: ngettext_lazy("it has not been read", "they have not been read"),
    Skipped.UNDER_WAY: ngettext_lazy("it is being read", "they are being read"),
    Skipped.ENDED: ngettext_lazy("it has ended", "they have ended"),
    Skipped.WAITING: ngettext_lazy("it waits to be read already", "they wait to be read already"),
    Skipped.REMOVED: ngettext_lazy("its document was removed", "their documents were removed"),
    Skipped.CORRECTED: ngettext_lazy(
        "a person corrected or decided it, so have it read again on its own page",
        "people corrected or decided them, so have them read again on their own pages",
    ),
    Skipped.CHANGED: ngettext_lazy("it changed meanwhile", "they changed meanwhile"),
}


class Batch:
    """Counts what was done, in a word, and what was skipped and why."""

    def __init__(self, done: str) -> None:
        self._word = done
        self._done = 0
        self._skipped: Counter[Skipped] = Counter()
        self._is_cut = False

    def each_of(self, rows: Rows) -> Iterator[Extraction]:
        """Yield the rows as each then is, the oldest first: AT_ONCE of them, for SECONDS."""
        give_up_at = time.monotonic() + SECONDS
        pks = list(rows.order_by("created_at", "pk").values_list("pk", flat=True)[: AT_ONCE + 1])
        self._is_cut = len(pks) > AT_ONCE
        for pk in pks[:AT_ONCE]:
            if time.monotonic() >= give_up_at:
                self._is_cut = True
                return
            extraction = rows.filter(pk=pk).first()
            if extraction is None:
                self.note(Skipped.CHANGED)
            else:
                yield extraction

    def note(self, skipped: Skipped | None) -> None:
        """Count one as done, or as skipped."""
        if skipped is None:
            self._done += 1
        else:
            self._skipped[skipped] += 1

    def skip(self, rows: Rows, why: Skipped) -> None:
        """Count rows as skipped. Ask before anything is done: it changes what they are."""
        self._skipped[why] += rows.order_by().count()

    def tell(self, request: HttpRequest) -> None:
        """Leave the summary for the user, such as "41 approved, 4 skipped: they need review."."""
        parts = [f"{_grouped(self._done)} {self._word}"]
        for why, count in self._skipped.items():
            if count:
                told = {"count": _grouped(count), "why": _WHY[why] % count}
                parts.append(_("%(count)s skipped: %(why)s") % told)
        level = messages.SUCCESS if self._done else messages.INFO
        messages.add_message(request, level, f"{', '.join(parts)}.")
        if self._is_cut:
            messages.info(request, _("There are more: do it again for the rest."))


def _grouped(number: int) -> str:
    return number_format(number, force_grouping=True)
