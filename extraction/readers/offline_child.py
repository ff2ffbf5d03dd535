"""Reads text by rules in a child process: a hostile one can take any time.

The argument is a file with the document's text in UTF-8. Run by
``extraction.documents.sandbox.run_child``.
"""

from pathlib import Path
from typing import TypedDict

from extraction.readers.text.heuristic import read_text

# Less text than this is a scanner's stamp or a page number, not an invoice.
FEWEST_LETTERS = 100


class Answer(TypedDict):
    """What was read; ``fields`` are those of InvoiceFields as JSON.

    ``is_short``: what text there is may be a scanner's.
    """

    fields: dict[str, object]
    is_short: bool


def answer(arguments: list[str]) -> Answer:
    """Read the text of the file."""
    [path] = arguments
    text = Path(path).read_text("utf-8")
    return Answer(
        fields=read_text(text).model_dump(mode="json"),
        is_short=len("".join(text.split())) < FEWEST_LETTERS,
    )
