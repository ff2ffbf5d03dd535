"""Cells and fields that several lists of this app show."""

import uuid

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

_SHOWN = 120


def first_line(text: str) -> str:
    """Return the first line, as far as a list has room."""
    line = text.partition("\n")[0]
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def folded(traceback: str | None) -> str:
    """Return a traceback that is opened by a click; "-" for none."""
    if not traceback:
        return "-"
    return format_html(
        "<details><summary>{}</summary><pre>{}</pre></details>", _("Traceback"), traceback
    )


def records(text: str, **filters: object) -> str:
    """Return a link to the log records that the filters select."""
    address = reverse("admin:logs_applicationlog_changelist", query=filters)
    return format_html('<a href="{}">{}</a>', address, text)


def of_extraction(extraction_id: uuid.UUID | None) -> str:
    """Return a link to all records of an extraction, by the beginning of its id; "-" for none."""
    if extraction_id is None:
        return "-"
    return records(str(extraction_id)[:8], extraction_id=extraction_id)
