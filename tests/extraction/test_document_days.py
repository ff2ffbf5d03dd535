"""Past days are counted once, and again when one of their documents changes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from extraction import document_days
from extraction.document_days import Counted, Recounter, counted, recount
from extraction.models import DocumentDay, Extraction, State
from tests.extraction.factories import make_extraction

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
TODAY = NOW.date()
OLD = NOW - timedelta(days=3)


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def recounter(monkeypatch: pytest.MonkeyPatch) -> Recounter:
    """One that looks whenever it is asked to, and has counted every day."""
    monkeypatch.setattr(document_days, "LOOK_EVERY", 0.0)
    found = Recounter()
    found.look()
    return found


def states(until: date = TODAY, companies: list[str] | None = None) -> dict[tuple[date, str], int]:
    return {(row.day, row.state): row.documents for row in counted(until, companies)}


def test_days_are_counted_alike_before_and_after_they_are_stored() -> None:
    for days, company in ((0, "NT047"), (1, "NT047"), (1, "NT048"), (29, "NT047"), (30, "NT047")):
        make_extraction(
            company_id=company,
            created_at=NOW - timedelta(days=days),
            state=State.FAILED,
            error_code="server_error",
        )
    make_extraction(created_at=OLD, state=State.SUCCEEDED, needs_review=True)
    make_extraction(created_at=OLD, state=State.SUCCEEDED, needs_review=True, reviewed_at=NOW)

    live = [counted(TODAY), counted(TODAY, ["NT048"]), counted(TODAY, [])]
    Recounter().look()
    stored = [counted(TODAY), counted(TODAY, ["NT048"]), counted(TODAY, [])]

    for one, other in zip(live, stored, strict=True):
        assert sorted(one, key=str) == sorted(other, key=str)
    assert Counted(OLD.date(), "succeeded", "", 2, 1) in stored[0]
    assert Counted(TODAY, "failed", "server_error", 1, 0) in stored[0]
    assert sum(row.documents for row in stored[0]) == 6
    assert len(stored[1]) == 1
    assert stored[2] == []


@pytest.mark.parametrize(
    "change",
    [
        {"state": State.SUCCEEDED, "finished_at": NOW},
        {"state": State.QUEUED, "finished_at": None},
        {"needs_review": False, "reviewed_at": NOW},
        {"reviewed_at": NOW},
        {"deleted_at": NOW},
    ],
)
def test_changed_document_has_its_day_counted_again(
    recounter: Recounter, change: dict[str, Any]
) -> None:
    extraction = make_extraction(
        created_at=OLD, state=State.FAILED, finished_at=OLD, needs_review=True
    )
    recount(OLD.date())
    recounter.look()
    before = counted(TODAY)
    Extraction.objects.filter(pk=extraction.pk).update(**change)
    assert counted(TODAY) == before

    recounter.look()

    live = Extraction.objects.filter(created_at__date=OLD.date())
    assert states() == {(OLD.date(), row.state): 1 for row in live}
    reviews = sum(row.to_review for row in counted(TODAY))
    assert reviews == sum(row.needs_review and row.reviewed_at is None for row in live)


def test_nothing_is_counted_again_without_a_change(
    recounter: Recounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_extraction(created_at=OLD, state=State.FAILED, finished_at=OLD)
    asked: list[date] = []
    monkeypatch.setattr(document_days, "recount", asked.append)

    recounter.look()

    assert asked == []


def test_every_day_is_counted_when_a_day_begins(recounter: Recounter) -> None:
    make_extraction(created_at=NOW, state=State.SUCCEEDED)
    DocumentDay.objects.create(day=TODAY - timedelta(days=29), company_id="x", documents=1)

    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        recounter.look()
        tomorrow = document_days.today()
        assert states(tomorrow) == {(TODAY, "succeeded"): 1}

    marks = DocumentDay.objects.filter(state="").values_list("day", flat=True)
    assert set(marks) == {tomorrow - timedelta(days=back) for back in range(1, 30)}


def test_looks_are_not_taken_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[date] = []
    monkeypatch.setattr(document_days, "recount", asked.append)
    recounter = Recounter()
    recounter.look()
    assert len(asked) == 29

    recounter.look()

    assert len(asked) == 29


def test_two_workers_that_count_a_day_do_each_other_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_extraction(created_at=OLD, state=State.FAILED)
    recount(OLD.date())

    def conflict(*_: object, **__: object) -> None:
        raise IntegrityError

    with monkeypatch.context() as patched:
        patched.setattr(DocumentDay.objects, "create", conflict)
        recount(OLD.date())

    assert states() == {(OLD.date(), "failed"): 1}
    assert str(DocumentDay.objects.get(state="failed")) == "2026-03-14 NT047 failed: 1"


def test_today_is_the_day_of_utc() -> None:
    with time_machine.travel(datetime(2026, 3, 17, 23, 59, 59, tzinfo=UTC), tick=False):
        assert document_days.today() == TODAY
        assert timezone.now().date() == TODAY
