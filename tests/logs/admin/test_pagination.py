"""Pages show each record once, in order, however large the table is."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Q

from logs.admin import pagination
from logs.admin.pagination import Page, Position, Selection, every, page
from logs.models import ApplicationLog

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
# Minutes after noon: some at one instant, and not in the order in which they were written.
MINUTES = (5, 1, 1, 1, 4, 3, 3, 0, 2, 2)
NEWEST_FIRST = ["5", "4", "3", "3", "2", "2", "1", "1", "1", "0"]


@pytest.fixture(autouse=True)
def logs() -> None:
    for minute in MINUTES:
        ApplicationLog.objects.create(
            timestamp=NOON + timedelta(minutes=minute),
            level="INFO" if minute % 2 else "DEBUG",
            logger="test",
            message=str(minute),
        )


def messages(logs: list[ApplicationLog]) -> list[str]:
    return [log.message for log in logs]


def walk(selection: Selection, size: int) -> list[Page]:
    """Every page from the first to the last."""
    pages = [page(selection, size=size)]
    while position := pages[-1].older:
        pages.append(page(selection, older_than=position, size=size))
    return pages


def everything() -> Selection:
    return Selection(ApplicationLog.objects.all())


@pytest.mark.parametrize("size", [1, 2, 3, 9, 10, 11])
def test_pages_show_every_record_once_and_back_again(size: int) -> None:
    pages = walk(everything(), size)

    shown = [log.pk for each in pages for log in each.logs]
    assert messages([log for each in pages for log in each.logs]) == NEWEST_FIRST
    assert len(set(shown)) == len(MINUTES)
    assert len(pages) == -(-len(MINUTES) // size)
    for earlier, later in itertools.pairwise(pages):
        assert later.newer is not None
        back = page(everything(), newer_than=later.newer, size=size)
        assert back.logs == earlier.logs
    assert pages[0].newer is None


def test_records_logged_since_are_on_a_newer_page() -> None:
    first = page(everything(), size=3)
    second = page(everything(), older_than=first.older, size=3)
    ApplicationLog.objects.create(
        timestamp=NOON + timedelta(minutes=9), level="INFO", logger="test", message="9"
    )

    back = page(everything(), newer_than=second.newer, size=3)

    assert messages(back.logs) == ["5", "4", "3"]
    assert back.newer is not None
    # Before them there are too few for a page, so it is the first one.
    assert messages(page(everything(), newer_than=back.newer, size=3).logs) == ["9", "5", "4"]


def test_times_bound_what_is_shown() -> None:
    selection = Selection(
        ApplicationLog.objects.all(),
        since=NOON + timedelta(minutes=1),
        until=NOON + timedelta(minutes=3),
    )

    pages = walk(selection, 2)

    assert [messages(each.logs) for each in pages] == [["2", "2"], ["1", "1"], ["1"]]
    assert messages(list(every(selection, batch=2))) == ["2", "2", "1", "1", "1"]
    beyond = Position(NOON + timedelta(minutes=9), 0)
    assert messages(page(selection, older_than=beyond, size=9).logs) == ["2", "2", "1", "1", "1"]
    before = Position(NOON, 0)
    assert messages(page(selection, newer_than=before, size=9).logs) == ["2", "2", "1", "1", "1"]


def test_condition_without_an_index_examines_so_many_records_a_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pagination, "EXAMINED", 4)
    selection = Selection(ApplicationLog.objects.all(), unindexed=Q(message__in=["5", "3", "0"]))

    pages = walk(selection, 9)

    assert [messages(each.logs) for each in pages] == [["5", "3", "3"], [], ["0"]]
    assert [each.examined_to is not None for each in pages] == [True, True, False]
    assert messages(list(every(selection, batch=2))) == ["5", "3", "3", "0"]
    # And back: the four before "0" hold nothing, those before them do.
    assert pages[2].newer is not None
    back = page(selection, newer_than=pages[2].newer, size=9)
    assert (back.logs, back.newer, back.older) == ([], back.examined_to, back.examined_to)
    assert messages(page(selection, older_than=back.older, size=9).logs) == ["0"]
    back = page(selection, newer_than=back.newer, size=9)
    assert messages(back.logs) == ["3", "3"]
    assert back.older == Position.of(back.logs[-1])
    assert messages(page(selection, newer_than=back.newer, size=9).logs) == ["5", "3", "3"]


def test_examining_goes_on_where_a_full_page_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "EXAMINED", 4)
    selection = Selection(ApplicationLog.objects.all(), unindexed=~Q(message="4"))

    pages = walk(selection, 2)

    assert [messages(each.logs) for each in pages] == [
        ["5", "3"],
        ["3", "2"],
        ["2", "1"],
        ["1", "1"],
        ["0"],
    ]


@pytest.mark.parametrize(
    "text",
    ["", "x", "~1", "2026-11-24T12:00:00+00:00~x", "0001-01-01T00:00:00+23:00~1"],
)
def test_invalid_position_is_ignored(text: str) -> None:
    assert Position.read(text) is None


def test_position_is_read_as_it_was_written() -> None:
    position = Position(NOON + timedelta(microseconds=1), 2**62)

    assert Position.read(str(position)) == position
    assert messages(page(everything(), older_than=position, size=9).logs) == ["0"]
