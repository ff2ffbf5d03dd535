import logging

from logs.context import Context
from logs.handler.queue import Backlog
from logs.handler.records import Entry


def entry(level: int, number: int) -> Entry:
    name = logging.getLevelName(level)
    nothing = Context()
    return Entry(
        number, 0.0, level, name, "test", str(number), None, None, "module", None, 1, 4711, nothing
    )


def test_entries_of_all_levels_come_out_in_the_order_they_came() -> None:
    backlog = Backlog(10)
    entries = [
        entry(level, number)
        for number, level in enumerate([logging.INFO, logging.ERROR, logging.DEBUG, logging.INFO])
    ]
    for each in entries:
        backlog.put(each)

    assert len(backlog) == 4
    assert backlog.take(10) == entries
    assert len(backlog) == 0
    assert backlog.take(10) == []


def test_the_most_severe_are_taken_first() -> None:
    backlog = Backlog(10)
    for level, number in [
        (logging.INFO, 1),
        (logging.DEBUG, 2),
        (logging.INFO, 3),
        (logging.ERROR, 4),
    ]:
        backlog.put(entry(level, number))

    assert (backlog.has(logging.ERROR), backlog.oldest_number()) == (True, 1)
    assert [each.number for each in backlog.take(2)] == [1, 4]
    assert (backlog.has(logging.ERROR), backlog.oldest_number()) == (False, 2)
    assert [each.number for each in backlog.take(2)] == [2, 3]
    assert backlog.oldest_number() == 5


def test_full_backlog_drops_the_oldest_of_the_lowest_level_and_says_so_once() -> None:
    backlog = Backlog(3)
    for level, number in [
        (logging.INFO, 1),
        (logging.DEBUG, 2),
        (logging.DEBUG, 3),
        (logging.ERROR, 4),
        (logging.WARNING, 5),
        (logging.CRITICAL, 6),
    ]:
        backlog.put(entry(level, number))

    *kept, notice = backlog.take(10)
    assert [each.number for each in kept] == [4, 5, 6]
    assert (notice.level_name, notice.logger, notice.message) == (
        "WARNING",
        "logs",
        "3 log records were dropped because the queue was full: 2 DEBUG, 1 INFO",
    )
    assert backlog.take(10) == []


def test_full_backlog_refuses_a_newcomer_that_is_no_more_severe() -> None:
    backlog = Backlog(1)
    for level, number in [(logging.INFO, 1), (logging.INFO, 2), (logging.DEBUG, 3)]:
        backlog.put(entry(level, number))

    kept, notice = backlog.take(10)
    assert kept.number == 1
    assert notice.message.endswith(": 1 INFO, 1 DEBUG")
    assert backlog.last_number == 3
