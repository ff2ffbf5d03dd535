"""Hosts whose clocks differ by an hour take nothing from each other: the database's counts."""

import uuid
from datetime import datetime, timedelta

import pytest
from django.db import connection

from extraction.models import Extraction, State
from extraction.models.extraction_queryset import LEASE
from ocrsite.lib import clock
from ocrsite.lib.database import UtcNow
from tests import processes
from tests.extraction.factories import make_extraction
from tests.extraction.other_host import WORKER, work
from tests.tokens.rows import make_token
from tokens import circuit_breaker
from tokens.models import CoolDown, TokenReservation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]

OWN = "this host:1"


@pytest.fixture(autouse=True)
def several_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("With SQLite all processes are on one host.")
    monkeypatch.setattr(clock, "_is_shared", lambda: True)
    monkeypatch.setattr(clock, "_last", None)


def database_time() -> datetime:
    make_extraction()
    time: datetime = Extraction.objects.annotate(time=UtcNow()).values_list("time", flat=True)[0]
    Extraction.objects.all().delete()
    return time


def work_on_another_host(hours: float) -> None:
    process = processes.start(work, hours)
    process.join()
    assert process.exitcode == 0


@pytest.mark.parametrize("hours", [1, -1])
def test_a_host_whose_clock_is_off_takes_nothing_over(hours: float) -> None:
    held, queued = (make_extraction(due_at=clock.now()) for _ in range(2))
    held_now = Extraction.objects.claim(held.pk, worker=OWN)
    assert held_now is not None
    later = clock.now() + timedelta(minutes=10)
    waiting = make_extraction(state=State.WAITING, due_at=later, deadline=later)
    token = make_token()
    circuit_breaker.trip(token, later, "the minute's rate limit", whole_project=False)
    TokenReservation.objects.create(
        attempt_id=uuid.uuid4(), token_id=token.pk, amount=1, leased_until=later
    )

    work_on_another_host(hours)

    for extraction in (held, queued, waiting):
        extraction.refresh_from_db()
    assert (held.state, held.worker, held.deaths) == (State.PROCESSING, OWN, 0)
    assert held.lease_id == held_now.lease_id
    assert (waiting.state, waiting.due_at, waiting.deadline) == (State.WAITING, later, later)
    assert CoolDown.objects.get().blocked_until == later
    assert TokenReservation.objects.count() == 1
    # What it claimed is not taken from it either.
    assert (queued.state, queued.worker) == (State.PROCESSING, WORKER)
    assert queued.leased_until is not None
    assert clock.now() < queued.leased_until <= clock.now() + LEASE
    assert not Extraction.objects.abandoned(OWN).exists()


@pytest.mark.parametrize("hours", [1, -1])
def test_what_is_due_is_woken_whatever_a_hosts_clock_says(hours: float) -> None:
    make_token()
    moment = timedelta(seconds=1)
    due = make_extraction(state=State.WAITING, due_at=clock.now() - moment)

    work_on_another_host(hours)

    due.refresh_from_db()
    assert due.state == State.QUEUED


def test_the_shared_clock_is_the_databases() -> None:
    assert abs(clock.now() - database_time()) < timedelta(seconds=30)
