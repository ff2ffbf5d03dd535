"""Reads text by rules in a child process: a hostile one can take any time.

The argument is a file with the document's text in UTF-8. Run by
``extraction.documents.sandbox.run_child``.
"""

from pathlib import Path
from typing import Any

from extraction.readers.text.heuristic import read_text


def answer(arguments: list[str]) -> dict[str, Any]:
    """Return what the text of the file says: InvoiceFields as JSON."""
    [path] = arguments
    return read_text(Path(path).read_text("utf-8")).model_dump(mode="json")
