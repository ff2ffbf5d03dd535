"""The words of pages that are kept for the review."""

import json
import logging
from pathlib import Path

import pytest

from extraction.documents import kept_words
from extraction.documents.kept_words import keep_words
from extraction.documents.words import PageWords, Word

TOTAL = Word("Total\u2028<b>\ud83d", (0.1, 0.2, 0.300049, 0.4))


def words_of(folder: Path, number: int) -> object:
    return json.loads(kept_words.kept_words(folder, number))


def test_words_are_kept_page_by_page(tmp_path: Path) -> None:
    keep_words(tmp_path, [PageWords(1, "text", [Word("old", (0, 0, 1, 1))])])
    keep_words(tmp_path, [PageWords(3, "ocr", [TOTAL, TOTAL])])

    assert words_of(tmp_path, 3) == [["Total\u2028<b>?", 0.1, 0.2, 0.3, 0.4]] * 2
    assert words_of(tmp_path, 1) == []


@pytest.mark.parametrize(
    ("turn", "box"),
    [(90, [0.2, 0.7, 0.4, 0.9]), (180, [0.7, 0.6, 0.9, 0.8]), (270, [0.6, 0.1, 0.8, 0.3])],
)
def test_words_of_a_page_that_lies_on_its_side_are_kept_where_they_are_seen(
    tmp_path: Path, turn: int, box: list[float]
) -> None:
    keep_words(tmp_path, [PageWords(1, "ocr", [Word("Total", (0.1, 0.2, 0.3, 0.4))], turn)])

    assert words_of(tmp_path, 1) == [["Total", *box]]


def test_endless_page_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_words, "MOST_WORDS", 2)

    keep_words(tmp_path, [PageWords(1, "text", [TOTAL] * 3)])

    assert len(words_of(tmp_path, 1)) == 2  # type: ignore[arg-type]


def test_file_that_was_cut_off_says_nothing(tmp_path: Path) -> None:
    keep_words(tmp_path, [PageWords(1, "text", [TOTAL])])
    file = tmp_path / "words" / "001.json.gz"
    file.write_bytes(file.read_bytes()[:-4])

    assert words_of(tmp_path, 1) == []


def test_file_with_a_hole_says_nothing(tmp_path: Path) -> None:
    """Such as a machine leaves that crashed before all of it was on disk."""
    keep_words(tmp_path, [PageWords(1, "text", [TOTAL])])
    file = tmp_path / "words" / "001.json.gz"
    content = file.read_bytes()
    file.write_bytes(content[:10] + b"\xff" * 20 + content[30:])

    assert words_of(tmp_path, 1) == []


def test_words_that_cannot_be_kept_fail_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        keep_words(tmp_path / "away", [PageWords(1, "text", [TOTAL])])

    assert "The words of away cannot be kept." in caplog.text
