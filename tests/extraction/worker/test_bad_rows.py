"""A row that a duty cannot deal with holds up neither the other rows nor the other duties."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import DataError
from django.utils import timezone
from django_q.brokers import get_broker
from pytest_django import Settings

from extraction import outcomes
from extraction.models import (
    Extraction,
    State,
)
from extraction.worker import reconciler as reconciling
from extraction.worker.reconciler import RECOVERED_AT_ONCE, Reconciler
from tests.extraction.factories import make_extraction
from tests.tokens.rows import make_token
from tokens import emails, ledger, selection, services
from tokens.models import (
    AlertKind,
    AlertRecipient,
    Finding,
    SiteAlert,
    TokenMaster,
    TokenReservation,
    TokenUsageSummary,
)

pytestmark = pytest.mark.django_db(transaction=True)

AN_HOUR_AGO = timezone.now() - timedelta(hours=1)


def failing_for(original: Callable[..., Any], is_bad: Callable[..., bool]) -> Callable[..., Any]:
    """The function, which raises for bad arguments."""

    def act(*args: Any, **kwargs: Any) -> Any:
        if is_bad(*args):
            raise DataError("a value that no column holds")
        return original(*args, **kwargs)

    return act


def abandoned(**fields: Any) -> Extraction:
    return make_extraction(
        state=State.PROCESSING, lease_id=uuid.uuid4(), leased_until=AN_HOUR_AGO, **fields
    )


def test_rows_that_cannot_be_taken_over_hold_up_no_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(RECOVERED_AT_ONCE):
        abandoned(branch="bad", created_at=AN_HOUR_AGO)
    Extraction.objects.update(leased_until=AN_HOUR_AGO - timedelta(hours=1))
    good, due = abandoned(), make_extraction(state=State.WAITING, due_at=AN_HOUR_AGO)
    recover = failing_for(outcomes.recover, lambda extraction: extraction.branch == "bad")
    monkeypatch.setattr(outcomes, "recover", recover)
    reconciler = Reconciler(get_broker())

    reconciler.round()
    due.refresh_from_db()
    assert due.state == State.QUEUED
    reconciler.round()
    reconciler.round()

    good.refresh_from_db()
    assert good.state == State.QUEUED
    failures = [row for row in caplog.records if "could not be taken over" in row.getMessage()]
    assert len(failures) == RECOVERED_AT_ONCE  # each once, not in each round


def test_row_that_could_not_be_taken_over_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    extraction = abandoned()
    reconciler = Reconciler(get_broker())
    with monkeypatch.context() as broken:
        broken.setattr(outcomes, "recover", failing_for(outcomes.recover, lambda _: True))
        reconciler.round()
    monkeypatch.setattr(reconciling, "FAILED_AGAIN", 0.0)

    reconciler.round()
    reconciler.round()

    extraction.refresh_from_db()
    assert extraction.state == State.QUEUED


def test_company_whose_room_is_not_known_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_token(company_id="GOOD")
    bad = make_token(company_id="BAD").company_id
    waiting = {"state": State.WAITING, "due_at": AN_HOUR_AGO}
    for company_id in (bad, bad, "GOOD", "GOOD"):
        make_extraction(company_id=company_id, **waiting)
    room = failing_for(selection.room, lambda company_id: company_id == bad)
    monkeypatch.setattr(selection, "room", room)
    reconciler = Reconciler(get_broker())

    for _ in range(3):
        reconciler.round()

    queued = Extraction.objects.filter(state=State.QUEUED)
    assert queued.filter(company_id="GOOD").count() == 2
    assert queued.filter(company_id=bad).exists()
    assert len([row for row in caplog.records if row.levelname == "ERROR"]) == 1


def test_alert_that_cannot_be_mailed_holds_up_no_other(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.test"
    AlertRecipient.objects.create(address="ops@example.com")
    for number in range(3):
        SiteAlert.objects.raise_once(AlertKind.FAILURES, f"{number}", Finding("Many."))
    SiteAlert.objects.filter(subject="2").update(kind="by SQL")

    with pytest.raises(ValueError, match="by SQL"):
        emails.deliver_alerts()

    assert len(mail.outbox) == 2


def test_reservation_that_cannot_be_ended_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = make_token()
    ids = [uuid.uuid4() for _ in range(3)]
    for attempt_id in ids:
        assert ledger.reserve(
            token.pk, attempt_id=attempt_id, amount=1, output_budget=0, lease=timedelta(0)
        )
    end = failing_for(ledger.end_reservation, lambda attempt_id: attempt_id == ids[0])
    monkeypatch.setattr(ledger, "end_reservation", end)

    with pytest.raises(DataError):
        ledger.release_dead()

    assert [row.attempt_id for row in TokenReservation.objects.all()] == [ids[0]]


def test_key_whose_limit_cannot_be_followed_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = make_token(), make_token("another-key-of-the-company-0000000000")
    TokenMaster.objects.update(total_token_limit=5)
    follow = failing_for(services._follow_limit, lambda token_id: token_id == bad.pk)
    monkeypatch.setattr(services, "_follow_limit", follow)

    with pytest.raises(DataError):
        services.update_statuses()

    assert TokenUsageSummary.objects.get(token=good).total_remaining_tokens == 5
