"""What the page of an extraction says while it waits."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from extraction import fairness, liveness, queue_state
from extraction.models import Extraction, State
from ocrsite.lib.audit import ActorKind, Who
from tests.extraction.factories import make_extraction

ROOT = Who(ActorKind.USER, "root")
NOW = timezone.now()


@pytest.fixture(autouse=True)
def _reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "has_sign", lambda: True)


def queued(seconds: int = 0, **fields: object) -> Extraction:
    return make_extraction(
        **{"state": State.QUEUED, "due_at": NOW + timedelta(seconds=seconds), **fields}
    )


def said(client: Client, extraction: Extraction) -> str:
    page = client.get(f"/extractions/{extraction.pk}/").content.decode()
    part = client.get(f"/extractions/{extraction.pk}/waiting/").content.decode()
    assert " ".join(part.split()) in " ".join(page.split())
    return " ".join(part.split())


@pytest.mark.parametrize(
    ("ahead", "told"),
    [
        (0, "This is the next document of NT047 to be read."),
        (1, "1 document of NT047 is ahead of this one."),
        (2, "2 documents of NT047 are ahead of this one."),
        (4, "More than 4 documents of NT047 are ahead of this one."),
    ],
)
def test_how_many_of_the_company_come_before_is_said(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch, ahead: int, told: str
) -> None:
    monkeypatch.setattr(fairness, "MOST_COUNTED", 4)
    extraction = queued()
    for number in range(ahead):
        queued(-1 - number)
    queued(1)
    queued(-1, company_id="NT048")
    queued(-1, state=State.PROCESSING)

    assert told in said(signed_in, extraction)


def test_position_costs_one_query_more_than_none(
    signed_in: Client, django_assert_num_queries: Any
) -> None:
    extraction = queued()
    for number in range(30):
        queued(-number)
    signed_in.get("/account/")

    # Session, user, grants, extraction, those ahead, whether the queue is paused.
    with django_assert_num_queries(6):
        signed_in.get(f"/extractions/{extraction.pk}/waiting/")


def test_stopped_reader_is_told(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "has_sign", lambda: False)

    assert "The reader is stopped." in said(signed_in, queued())


@pytest.mark.parametrize("state", [State.QUEUED, State.WAITING])
def test_paused_queue_is_told(signed_in: Client, state: State) -> None:
    queue_state.pause_queue(who=ROOT)

    assert "Reading is paused by the administration." in said(signed_in, queued(state=state))
    # What is being read is read to its end.
    assert "The document is being read." in said(signed_in, queued(state=State.PROCESSING))


def test_next_try_is_told_in_the_time_zone_of_the_site(
    signed_in: Client, settings: Settings
) -> None:
    settings.DISPLAY_TIME_ZONE = "Asia/Kathmandu"
    due = timezone.now().replace(year=2026, month=11, day=27, hour=20, minute=15, second=7)
    extraction = queued(state=State.WAITING, due_at=due)

    told = said(signed_in, extraction)

    assert 'title="27 Nov 2026, 20:15 UTC">28 Nov 2026, 02:00</time>' in told


def test_what_has_ended_waits_for_nothing(signed_in: Client) -> None:
    extraction = make_extraction(state=State.FAILED)

    assert signed_in.get(f"/extractions/{extraction.pk}/waiting/").status_code == 204


def test_others_learn_nothing(signed_in: Client) -> None:
    extraction = queued(company_id="NT048")

    assert signed_in.get(f"/extractions/{extraction.pk}/waiting/").status_code == 404


def test_script_that_asks_keeps_no_session_alive(signed_in: Client) -> None:
    extraction = queued()
    stamp = signed_in.session["active_at"]
    session = signed_in.session
    session["active_at"] = (NOW - timedelta(hours=8)).isoformat()
    session.save()

    signed_in.get(f"/extractions/{extraction.pk}/waiting/")
    assert signed_in.session["active_at"] < stamp

    signed_in.get(f"/extractions/{extraction.pk}/")
    assert signed_in.session["active_at"] > stamp
