"""Errors are counted by exception type and place, whatever their message."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction

from logs.handler import error_grouping
from logs.handler.error_grouping import Kind, kind_of
from logs.handler.handler import DatabaseHandler
from logs.handler.records import Row, row_of
from logs.models import ApplicationLog, ErrorGroup

pytestmark = pytest.mark.vendor

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def error(
    message: str = "failed",
    *,
    level: str = "ERROR",
    minute: int = 0,
    line: int = 7,
    exception: str | None = None,
) -> Row:
    return Row(
        timestamp=NOON + timedelta(minutes=minute),
        message=message,
        exception=exception,
        line_number=line,
        level=level,
        logger="extraction.pipeline",
        module="pipeline",
        function_name="process",
        request_id=None,
        extraction_id=None,
        company_id=None,
        user=None,
        process_id=1,
        host="here",
    )


def raised(act: Callable[[], object], message: str = "failed") -> Kind:
    """The kind of what the act raises, as the handler stores it."""
    try:
        act()
    except Exception as problem:
        information = (type(problem), problem, problem.__traceback__)
        record = logging.LogRecord("x", logging.ERROR, "", 1, message, (), information, "f")
        return kind_of(row_of(record))
    raise AssertionError


def refuse(text: str = "no such page") -> None:
    raise LookupError(text)


def parse() -> None:
    datetime.fromisoformat('\n  File "x.py", line 1, in f\nValueError: no')


class Unpaid(Exception):
    """An exception of our own."""


def test_an_exceptions_kind_is_its_type_and_the_last_frame_of_our_own_code() -> None:
    line = refuse.__code__.co_firstlineno + 1

    assert raised(refuse) == Kind(
        "LookupError",
        f"tests.logs.handler.test_error_grouping:refuse:{line}",
        "raise LookupError(text)",
    )
    kind, line = raised(parse), parse.__code__.co_firstlineno + 1
    assert (kind.exception_type, kind.place) == (
        "ValueError",
        f"tests.logs.handler.test_error_grouping:parse:{line}",
    )


def test_place_is_in_the_code_of_a_library_only_where_no_frame_is_ours() -> None:
    site = f"{settings.BASE_DIR}/.venv/lib/python3.11/site-packages"
    text = (
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3.11/threading.py", line 1, in run\n    a()\n'
        f'  File "{site}/django_q/worker.py", line 12, in work\n    b()\n    ^^^\n'
        "  [Previous line repeated 977 more times]\n"
        "redis.exceptions.ConnectionError: refused"
    )

    assert kind_of(error(exception=text)) == Kind(
        "redis.exceptions.ConnectionError", "django_q.worker:work:12", "b()"
    )


def test_the_message_makes_no_difference_however_many_lines_it_has() -> None:
    kinds = {
        raised(lambda text=text: refuse(text), message)  # type: ignore[misc]
        for text, message in [("a", "1"), ("", "2"), ("a: b\nValueError: c\n\nd", "3")]
    }

    assert {kind.exception_type for kind in kinds} == {"LookupError"}
    assert len(kinds) == 1


def test_a_release_that_moves_the_lines_begins_no_new_group() -> None:
    before = Kind("LookupError", "extraction.pipeline:process:7", "raise LookupError(text)")
    after = Kind("LookupError", "extraction.pipeline:process:9", "raise LookupError(text)")
    elsewhere = Kind("LookupError", "extraction.pipeline:recover:7", "raise LookupError(text)")
    otherwise = Kind("LookupError", "extraction.pipeline:process:7", "files[key]")
    assert before.fingerprint == after.fingerprint
    assert len({kind.fingerprint for kind in (before, elsewhere, otherwise)}) == 3

    without_source = [Kind("", f"extraction.pipeline:process:{line}") for line in (7, 9)]
    assert len({kind.fingerprint for kind in without_source}) == 2


def test_kind_of_a_chain_is_that_of_the_exception_that_was_logged() -> None:
    def wrap() -> None:
        try:
            refuse()
        except LookupError as problem:
            raise Unpaid from problem

    assert raised(wrap).exception_type == "tests.logs.handler.test_error_grouping.Unpaid"
    assert ":wrap:" in raised(wrap).place


def test_kind_of_an_exception_group_is_that_of_the_group() -> None:
    def gather() -> None:
        raise ExceptionGroup("two", [LookupError("a"), ValueError("b")])

    assert raised(gather).exception_type == "ExceptionGroup"
    assert ":gather:" in raised(gather).place


@pytest.mark.parametrize(
    "exception",
    [None, "Stack (most recent call last):\n  File", "Traceback (most recent call last):\n"],
)
def test_without_an_exception_the_call_is_the_place(exception: str | None) -> None:
    assert kind_of(error(exception=exception)) == Kind("", "extraction.pipeline:process:7")


@pytest.mark.django_db
def test_errors_are_counted_into_their_group_and_nothing_else_is() -> None:
    rows = error_grouping.record(
        [
            error("first", minute=5),
            error(level="WARNING"),
            error("second", level="CRITICAL", minute=9),
            error("elsewhere", line=8),
        ]
    )
    error_grouping.record([error("late", minute=1)])

    assert [bool(row.fingerprint) for row in rows] == [True, False, True, True]
    assert rows[0].fingerprint == rows[2].fingerprint != rows[3].fingerprint
    group = ErrorGroup.objects.get(fingerprint=rows[0].fingerprint)
    assert (group.exception_type, group.place, group.logger, group.message, group.count) == (
        "",
        "extraction.pipeline:process:7",
        "extraction.pipeline",
        "first",
        3,
    )
    assert group.first_seen == NOON + timedelta(minutes=1)
    assert group.last_seen == NOON + timedelta(minutes=9)
    assert ErrorGroup.objects.count() == 2


@pytest.mark.django_db
def test_group_that_another_process_made_a_moment_ago_is_counted_into(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add = error_grouping._add
    outcomes = iter([False])

    def look_too_early(*arguments: object) -> bool:
        return next(outcomes, None) is None and add(*arguments)  # type: ignore[arg-type]

    error_grouping.record([error()])
    monkeypatch.setattr(error_grouping, "_add", look_too_early)

    error_grouping.record([error(), error()])

    assert ErrorGroup.objects.get().count == 3


@pytest.mark.django_db(transaction=True)
def test_counts_are_exact_when_many_write_at_once() -> None:
    def write(_: int) -> None:
        try:
            for _ in range(5):
                with transaction.atomic():
                    error_grouping.record([error(), error(line=8)])
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))

    assert sorted(ErrorGroup.objects.values_list("count", flat=True)) == [30, 30]


@pytest.mark.django_db(transaction=True)
def test_logged_error_is_written_with_its_group() -> None:
    handler = DatabaseHandler()
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        refuse()
    except LookupError:
        logger.exception("reading failed")
    logger.info("something else")
    handler.close()

    group = ErrorGroup.objects.get()
    assert (group.exception_type, group.message, group.count) == (
        "LookupError",
        "reading failed",
        1,
    )
    fingerprints = ApplicationLog.objects.order_by("pk").values_list("fingerprint", flat=True)
    assert list(fingerprints) == [group.fingerprint, None]
    assert str(group) == f"LookupError at {group.place}"
