"""The pages of an extraction as people see them: which there are, and which way up."""

import uuid
from dataclasses import dataclass

from django.db import transaction

from extraction.documents.intake import drawn_pages
from extraction.models import Extraction

# Degrees clockwise.
TURNS = (0, 90, 180, 270)


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page that there is an image of; people turned it by so many degrees clockwise."""

    number: int
    turn: int


def shown_pages(extraction: Extraction) -> list[ShownPage]:
    """Return the pages that there are images of, in order."""
    turns = extraction.page_turns or {}
    return [ShownPage(each, turns.get(str(each), 0)) for each in drawn_pages(extraction.pk)]


def turn_page(extraction_id: uuid.UUID, number: int, degrees: int) -> None:
    """Remember how far a page is turned clockwise, one of TURNS, against its image."""
    with transaction.atomic():
        rows = Extraction.objects.filter(pk=extraction_id)
        turns = rows.select_for_update().values_list("page_turns", flat=True).get() or {}
        rows.update(page_turns={**turns, str(number): degrees})
