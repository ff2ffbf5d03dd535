"""The words of a document's pages, kept beside its page images for those who review it."""

import gzip
import json
import logging
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path

from extraction.documents.words import PageWords, turned_back

logger = logging.getLogger(__name__)

# An honest page has some hundreds; what OCR or a text layer finds is bounded at 20,000.
MOST_WORDS = 5_000
_DIGITS = 4  # of a share of the page: a tenth of a pixel


def keep_words(folder: Path, pages: Sequence[PageWords]) -> None:
    """Write the words of each page into a document's folder, in the place of earlier ones.

    Raises nothing: the extraction does not fail for it. Of a page the first MOST_WORDS are kept.
    """
    try:
        words = folder / "words"
        shutil.rmtree(words, ignore_errors=True)
        words.mkdir()
        for page in pages:
            _path(folder, page.number).write_bytes(_packed(page))
    except OSError:
        logger.exception("The words of %s cannot be kept.", folder.name)


def kept_words(folder: Path, number: int) -> bytes:
    """Return the words of a page as JSON, [[text, left, top, right, bottom], …], in reading order.

    The sides are shares of the page as it is drawn. The list is empty where none are known.
    """
    try:
        return gzip.decompress(_path(folder, number).read_bytes())
    except (OSError, EOFError, zlib.error):  # not kept, removed, or damaged by a machine's crash
        return b"[]"


def _path(folder: Path, number: int) -> Path:
    return folder / "words" / f"{number:03}.json.gz"


def _packed(page: PageWords) -> bytes:
    words = [
        [word.text, *(round(side, _DIGITS) for side in turned_back(word.box, page.turn))]
        for word in page.words[:MOST_WORDS]
    ]
    text = json.dumps(words, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode("utf-8", "replace"), compresslevel=6, mtime=0)
