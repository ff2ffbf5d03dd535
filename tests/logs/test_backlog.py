import logging

from logs.backlog import Backlog
from logs.entries import Entry


def entry(level: int, message: str = "") -> Entry:
    name = logging.getLevelName(level)
    return Entry(0.0, level, name, "test", message, None, "module", None, 1, {})


def test_entries_of_all_levels_come_out_in_the_order_they_came() -> None:
    backlog = Backlog(10)
    entries = [
        entry(level, str(number))
        for number, level in enumerate([logging.INFO, logging.ERROR, logging.DEBUG, logging.INFO])
    ]
    for each in entries:
        backlog.put(each)

    assert len(backlog) == 4
    assert backlog.take_all() == (entries, {})
    assert len(backlog) == 0
    assert backlog.take_all() == ([], {})


def test_full_backlog_drops_the_oldest_of_the_lowest_level() -> None:
    backlog = Backlog(3)
    for level, message in [
        (logging.INFO, "1"),
        (logging.DEBUG, "2"),
        (logging.DEBUG, "3"),
        (logging.ERROR, "4"),
        (logging.WARNING, "5"),
        (logging.CRITICAL, "6"),
    ]:
        backlog.put(entry(level, message))

    kept, dropped = backlog.take_all()
    assert [each.message for each in kept] == ["4", "5", "6"]
    assert dropped == {"DEBUG": 2, "INFO": 1}


def test_full_backlog_refuses_a_newcomer_that_is_no_more_severe() -> None:
    backlog = Backlog(1)
    for level, message in [(logging.INFO, "1"), (logging.INFO, "2"), (logging.DEBUG, "3")]:
        backlog.put(entry(level, message))

    kept, dropped = backlog.take_all()
    assert [each.message for each in kept] == ["1"]
    assert dropped == {"INFO": 1, "DEBUG": 1}
    assert backlog.last_number == 3
