"""Two reviewers of one invoice: what the second typed, on what the first stored meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from extraction.invoices.schema import Invoice
from extraction.invoices.stored import current_invoice
from extraction.models import Correction, Extraction
from extraction.review import values
from extraction.review.edits import TABLES, Edit, fields_of
from extraction.review.values import normalised, texts_of

CHANGED = gettext_noop("{name} changed this to {value} meanwhile.")
CLEARED = gettext_noop("{name} cleared this meanwhile.")


@dataclass(frozen=True, slots=True)
class Merged:
    """What is left of an edit after others' changes.

    ``notes``: by path, what another stored where the edit has something else. ``misplaced``: texts
    of tables whose rows another changed, so that nobody knows where they belong.
    """

    edit: Edit
    notes: dict[str, str] = field(default_factory=dict)
    misplaced: list[str] = field(default_factory=list)


def merged(extraction: Extraction, edit: Edit, version: int) -> Merged:
    """Return an edit of an earlier version as one of the stored version: nothing typed is lost.

    Where only the other changed a value, the stored one counts.
    """
    now = texts_of(fields_of(current_invoice(extraction)))
    since: list[Correction] = []
    rearranged: set[str] = set()
    for each in extraction.corrections.filter(version__gt=version).order_by("pk"):
        if each.path:
            since.append(each)
            rearranged |= {table for table in TABLES if _is_of_rows(each, table)}
        else:
            since += _read_again(each, now)
            rearranged |= TABLES.keys()
    first: dict[str, Correction] = {}
    for each in since:
        first.setdefault(each.path, each)
    kept: dict[str, str] = {}
    notes: dict[str, str] = {}
    misplaced: list[str] = []
    for path, text in edit.values.items():
        table = path.partition(".")[0]
        if table in rearranged:
            stored = {value for at, value in now.items() if at.startswith(f"{table}.")}
            if normalised(text) and normalised(text) not in stored:
                misplaced.append(normalised(text))
            continue
        other = first.get(path)
        if other is not None:
            if values.same(path.rpartition(".")[2], text, other.old_value):
                continue
            if normalised(text) != now.get(path):
                last = [each for each in since if each.path == path][-1]
                notes[path] = _note(last)
        kept[path] = text

    def stays(path: str) -> bool:
        return path.partition(".")[0] not in rearranged and path not in first

    return Merged(
        replace(
            edit,
            values=kept,
            confirmed=frozenset(filter(stays, edit.confirmed)),
            removed=frozenset(filter(stays, edit.removed)),
            order={table: rows for table, rows in edit.order.items() if table not in rearranged},
            places={path: place for path, place in edit.places.items() if path in kept},
        ),
        notes,
        misplaced,
    )


def _read_again(correction: Correction, now: dict[str, str]) -> Iterator[Correction]:
    """Return what another reading changed, value by value, as if a person had done it."""
    kept = cast("dict[str, object]", correction.old_value)
    before = Invoice.model_validate(kept["result"])
    for path, text in texts_of(fields_of(before)).items():
        if now.get(path, "") != text:
            yield Correction(
                path=path,
                old_value=text or None,
                new_value=now.get(path) or None,
                corrected_by=correction.corrected_by,
            )


def _is_of_rows(correction: Correction, table: str) -> bool:
    name, *rest = correction.path.split(".")
    return name == table and len(rest) < 2


def _note(correction: Correction) -> str:
    if correction.new_value is None:
        return _(CLEARED).format(name=correction.corrected_by)
    return _(CHANGED).format(name=correction.corrected_by, value=correction.new_value)
