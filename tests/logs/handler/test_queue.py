import logging
from datetime import timedelta

from logs.handler.queue import RecordQueue
from logs.handler.records import Row, own_record

FIRST = own_record("")


def row(level: int, number: int) -> Row:
    """A row that was logged so many seconds after the first."""
    return FIRST._replace(
        timestamp=FIRST.timestamp + timedelta(seconds=number),
        level=logging.getLevelName(level),
        message=str(number),
    )


def fill(queue: RecordQueue, *levels: int) -> list[Row]:
    """Put a row of each level, numbered from 1."""
    rows = [row(level, number) for number, level in enumerate(levels, 1)]
    for level, each in zip(levels, rows, strict=True):
        queue.put(level, each)
    return rows


def test_rows_of_all_levels_come_out_in_the_order_in_which_they_were_logged() -> None:
    queue = RecordQueue(10)
    rows = fill(queue, logging.INFO, logging.ERROR, logging.DEBUG, logging.INFO)

    assert len(queue) == 4
    assert queue.take() == rows
    assert len(queue) == 0
    assert queue.take() == []


def test_full_queue_drops_the_oldest_of_the_lowest_level_and_says_so_once() -> None:
    queue = RecordQueue(3)
    fill(
        queue,
        *(logging.INFO, logging.DEBUG, logging.DEBUG),
        *(logging.ERROR, logging.WARNING, logging.CRITICAL),
    )

    assert len(queue) == 3
    *kept, notice = queue.take()
    assert [each.message for each in kept] == ["4", "5", "6"]
    assert (notice.level, notice.logger, notice.message) == (
        "WARNING",
        "logs",
        "3 log records were dropped because the queue was full: 2 DEBUG, 1 INFO",
    )
    assert queue.take() == []


def test_full_queue_drops_a_new_row_that_is_no_more_severe() -> None:
    queue = RecordQueue(1)
    fill(queue, logging.INFO, logging.INFO, logging.DEBUG)

    kept, notice = queue.take()
    assert kept.message == "1"
    assert notice.message.endswith(": 1 INFO, 1 DEBUG")


def test_emptied_queue_takes_as_many_rows_as_before() -> None:
    queue = RecordQueue(1)
    fill(queue, logging.INFO)
    queue.take()

    rows = fill(queue, logging.DEBUG)

    assert queue.take() == rows
