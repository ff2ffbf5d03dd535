"""Exports take no more memory for more rows."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest

from extraction.exports.csv_file import csv_file
from extraction.exports.json_lines import json_lines
from extraction.exports.values import Exported
from extraction.exports.workbook import workbook
from extraction.models import RowsPer
from tests.extraction.exports.made_up import columns, many

TABLE = columns("extraction.file_name", "invoice_number", "total_amount", "invoice_date")
LINES = columns("extraction.file_name", "line_items.amount", rows_per=RowsPer.LINE)
FEW = 3_000  # buffers are full by then
Write = Callable[[Iterable[Exported]], Iterator[bytes]]


def peak(write: Write, number: int) -> int:
    """The bytes that Python held at most while an export of so many rows was read."""
    tracemalloc.start()
    try:
        for _ in write(many(number)):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.no_cover  # what it runs is measured elsewhere; with its memory measured, both are slow
@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("number", [5_000, pytest.param(40_000, marks=pytest.mark.chaos)])
@pytest.mark.parametrize(
    "write",
    [
        lambda exported: csv_file(exported, TABLE),
        json_lines,
        lambda exported: workbook(exported, LINES),
    ],
    ids=["csv", "json lines", "workbook"],
)
def test_memory_does_not_grow_with_the_rows(write: Write, number: int) -> None:
    peak(write, 10)  # what is loaded and cached with the first use

    few, more = peak(write, FEW), peak(write, number)

    # The texts of one column alone would take 80 bytes a row and more.
    assert more < few + 16 * (number - FEW)
