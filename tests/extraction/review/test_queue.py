"""The oldest first, of granted companies, and each opened by one person."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from extraction.access import Principal
from extraction.models import Extraction, State
from extraction.review import queue
from extraction.roles import OPERATOR
from tests.extraction.factories import make_extraction, make_user
from tests.extraction.sample_invoices import make_invoice

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 27, 8, tzinfo=UTC)


def waiting(minute: int = 0, **fields: object) -> Extraction:
    defaults = {
        "state": State.SUCCEEDED,
        "needs_review": True,
        "result": make_invoice().model_dump(mode="json"),
        "created_at": START + timedelta(minutes=minute),
    }
    return make_extraction(**{**defaults, **fields})


def counted(principal: Principal) -> int:
    return queue.count_for(principal)


def person(name: str, *companies: str, is_superuser: bool = False) -> Principal:
    user = make_user(name, OPERATOR, *companies, is_superuser=is_superuser)
    return Principal(f"user:{user.pk}", name, user)


def test_oldest_of_the_granted_companies_comes_first() -> None:
    waiting(0, company_id="NT048")
    waiting(0, needs_review=False)
    waiting(0, reviewed_at=START)
    waiting(0, state=State.FAILED)
    newer, older = waiting(2), waiting(1)
    asha = person("asha", "NT047")

    assert list(queue.to_review(asha)) == [older, newer]
    assert queue.open_next(asha) == older
    assert counted(asha) == 2
    assert queue.open_next(person("nobody")) is None
    assert counted(person("root", is_superuser=True)) == 3


def test_others_skip_what_one_has_open_for_ten_minutes() -> None:
    first, second = waiting(1), waiting(2)
    asha, binod = person("asha", "NT047"), person("binod", "NT047")

    with time_machine.travel(START, tick=False):
        assert queue.open_next(asha) == first
        assert queue.open_next(asha) == first
        assert queue.open_next(binod) == second
        assert queue.claim(first, binod) is False
    with time_machine.travel(START + timedelta(minutes=9, seconds=59), tick=False):
        assert queue.open_next(binod) == second
    with time_machine.travel(START + timedelta(minutes=10, seconds=1), tick=False):
        assert queue.open_next(binod) == first


def test_next_is_the_one_after_and_then_the_oldest() -> None:
    first, second, third = waiting(1), waiting(2), waiting(2)
    second, third = sorted([second, third], key=lambda row: row.pk)
    asha = person("asha", "NT047")

    assert queue.open_next(asha, first) == second
    assert queue.open_next(asha, second) == third
    assert queue.open_next(asha, third) == first
    Extraction.objects.exclude(pk=third.pk).update(reviewed_at=START)
    assert queue.open_next(asha, third) is None


def test_position_counts_to_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [waiting(minute) for minute in range(4)]
    asha = person("asha", "NT047")

    assert queue.position(asha, rows[2]) == queue.Position(3, 4)
    monkeypatch.setattr(queue, "COUNTED", 2)
    assert queue.position(asha, rows[0]) == queue.Position(1, 2)
    assert not queue.position(asha, rows[2]).is_known


def test_claim_lost_to_another_process_goes_on_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = waiting(1), waiting(2)
    asha, binod = person("asha", "NT047"), person("binod", "NT047")
    claim = queue.claim

    def claim_after_binod(extraction: Extraction, principal: Principal) -> bool:
        if extraction == first:
            claim(first, binod)
        return claim(extraction, principal)

    monkeypatch.setattr(queue, "claim", claim_after_binod)

    assert queue.open_next(asha) == second
