import time

import pytest

from extraction.documents.words import Box, PageWords, Word
from extraction.readers.text.page_layout import layout_text, rows_of


def words(*lines: str, slope: float = 0.0, top: float = 0.1) -> list[Word]:
    """Return the words of lines in letters that are each 1/100 of the page wide."""
    found = []
    for row, line in enumerate(lines):
        column = 0
        for part in line.split(" "):
            if part:
                y = top + 0.03 * row + slope * column / 100
                box: Box = (column / 100, y, (column + len(part)) / 100, y + 0.015)
                found.append(Word(part, box))
            column += len(part) + 1
    return found


def text_of(*pages: list[Word]) -> str:
    return layout_text(
        PageWords(number, "text", page) for number, page in enumerate(pages, start=1)
    )


TABLE = (
    "Desk lamp                 4       25.00     100.00",
    "Bulb                      10       3.00      30.00",
    "Total                             GBP       130.00",
)


@pytest.mark.parametrize("slope", [0.0, 0.02, -0.02])
def test_words_are_set_in_their_lines_and_columns(slope: float) -> None:
    assert text_of(words(*TABLE, *TABLE, slope=slope)).split("\n") == [*TABLE, *TABLE]


@pytest.mark.parametrize("slope", [0.0, 0.02, -0.02])
def test_rows_hold_the_words_as_they_stand_on_a_page_that_lies_askew(slope: float) -> None:
    page = words(*TABLE, *TABLE, slope=slope)

    rows = rows_of(page)

    assert [" ".join(word.text for word in row) for row in rows] == [
        " ".join(line.split()) for line in (*TABLE, *TABLE)
    ]
    assert {word for row in rows for word in row} == set(page)


def test_words_are_set_in_lines_whatever_their_order() -> None:
    assert text_of(words(*TABLE)[::-1]).split("\n") == list(TABLE)


def test_pages_are_parted_by_a_form_feed() -> None:
    assert text_of(words("one"), [], words("two")) == "one\f\ftwo"


def test_cells_are_two_blanks_apart_where_there_is_no_room_for_more() -> None:
    large = Word("Total", (0.0, 0.1, 0.3, 0.12))
    small = Word("130.00", (0.35, 0.1, 0.38, 0.12))

    assert text_of([*words(*TABLE, top=0.3), large, small]).split("\n")[0].split("  ")[0] == "Total"


def test_a_dash_stands_in_the_line_of_its_number() -> None:
    page = [Word("-", (0.1, 0.107, 0.11, 0.108)), Word("4.00", (0.12, 0.1, 0.16, 0.115))]

    assert text_of(page).strip() == "- 4.00"


def test_a_cell_over_two_lines_joins_one_of_them() -> None:
    high = Word("X", (0.0, 0.1, 0.05, 0.16))

    assert [line.split() for line in text_of([*words("  a b", "  c d"), high]).split("\n")] == [
        ["a", "b"],
        ["X", "c", "d"],
    ]


def test_words_without_a_size_are_no_error() -> None:
    assert text_of([Word("a", (0.5, 0.5, 0.5, 0.5)), Word("b", (0.5, 0.5, 0.5, 0.5))]).split()


@pytest.mark.parametrize("step", [(0.0, 0.0), (1e-5, 0.0), (0.0, 4e-5), (4e-5, 4e-5)])
def test_hostile_words_are_set_in_time(step: tuple[float, float]) -> None:
    across, down = step
    page = [
        Word("a" * 100, (across * n, down * n, across * n + 0.01, down * n + 0.01))
        for n in range(20_000)
    ]
    before = time.process_time()

    text_of(page)

    assert time.process_time() - before < 3
