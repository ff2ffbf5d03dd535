"""An answer that came is charged as billed, and its document ends, whatever fails beside that."""

import logging
from typing import Any

import pytest
from django.db import IntegrityError
from pytest_django import Settings

from extraction import outcomes
from extraction.models import Attempt, AttemptOutcome, State, WebhookDelivery, WebhookEndpoint
from extraction.webhooks import endpoints
from logs.models import RetryAttempt
from tests.emulator.server import Emulator
from tests.extraction.test_hostile_answers import billed, run, used
from tests.tokens.rows import make_company, make_quota, make_token
from tokens import quotas, selection
from tokens.models import ModelPrice, TokenMaster, TokenReservation, TokenUsageLog
from tokens.periods import Period

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("same_input")]

# What follows from a charge or a result, and loses neither when it fails: what is left out then.
BESIDE = {
    "tokens.ledger.cost_of": "the cost",
    "tokens.models.price.ModelPrice.cost": "the cost",
    "tokens.usage_days.book": "the day's sums of usage",
    "tokens.quota_sums.LockedQuotas.settle": "the sums of quotas",
    "tokens.services.follow_use": "the key's status and alerts",
    "tokens.services._raise_alerts": "the key's status and alerts",
    "extraction.webhooks.events.endpoints_for": "the messages of",
    "extraction.webhooks.events._written": "the messages of",
    "extraction.models.WebhookDelivery.objects.bulk_create": "the messages of",
}
# What a call that cost nothing is freed without.
UNFREED = {
    "tokens.ledger._lock": "the look for quotas",
    "tokens.quota_sums.LockedQuotas.free": "the sums of quotas",
}


@pytest.fixture
def token(settings: Settings) -> TokenMaster:
    """A key with a quota, of a company that is told of everything."""
    settings.WEBHOOK_HOSTS = ["hooks.example"]
    endpoints.add(
        company_id="NT047",
        url="https://hooks.example/in",
        events=["extraction.succeeded", "extraction.failed", "extraction.needs_review"],
        by="asha",
    )
    key = make_token()
    make_quota(key, Period.DAILY, 10**6)
    return key


def failing(failure: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> Any:
        raise failure

    return fail


@pytest.mark.parametrize(
    "failure", [ValueError("a bug"), IntegrityError("a constraint")], ids=["bug", "database"]
)
@pytest.mark.parametrize("target", BESIDE)
def test_answer_is_charged_and_kept_whatever_fails_beside_it(
    target: str,
    failure: Exception,
    token: TokenMaster,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(target, failing(failure))

    extraction = run()

    assert (extraction.state, extraction.deaths) == (State.SUCCEEDED, 0)
    assert_charged(emulator, token)
    assert_left_out(caplog, BESIDE[target])


def assert_left_out(caplog: pytest.LogCaptureFixture, what: str) -> None:
    left_out = [row for row in caplog.records if row.getMessage().startswith("Left out")]
    assert left_out
    for row in left_out:
        assert row.getMessage().startswith(f"Left out, since it failed: {what}")
        assert row.levelno == logging.ERROR
        assert row.exc_info


def assert_charged(emulator: Emulator, token: TokenMaster) -> None:
    """Once, as billed."""
    charge = TokenUsageLog.objects.get()
    assert (charge.total_tokens_used, charge.estimated) == (billed(emulator), False)
    assert used(token) == (billed(emulator), 0)
    assert not TokenReservation.objects.exists()


def test_what_does_not_fail_is_done(
    token: TokenMaster, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.services.follow_use", failing(ValueError("a bug")))

    run()

    charge = TokenUsageLog.objects.get()
    assert charge.cost is not None
    [state] = quotas.of_company("NT047")
    assert (state.used, state.reserved) == (charge.total_tokens_used, 0)
    assert WebhookDelivery.objects.exists()


@pytest.mark.parametrize("target", UNFREED)
def test_call_that_cost_nothing_is_freed_whatever_its_quotas_do(
    target: str,
    token: TokenMaster,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulator.faults.add("internal")
    take = selection.take

    def broken_after(*args: Any, **kwargs: Any) -> Any:
        taken = take(*args, **kwargs)
        monkeypatch.setattr(target, failing(ValueError("a bug")))
        return taken

    monkeypatch.setattr("extraction.pipeline.selection.take", broken_after)

    extraction = run()

    assert (extraction.state, extraction.deaths) == (State.WAITING, 0)
    assert used(token) == (0, 0)
    assert not TokenReservation.objects.exists()
    assert_left_out(caplog, UNFREED[target])


def test_failure_that_cannot_be_recorded_is_charged_and_ends(
    token: TokenMaster, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "judge", failing(ValueError("a bug")))
    monkeypatch.setattr(RetryAttempt.objects, "create", failing(IntegrityError("a constraint")))

    extraction = run()

    assert (extraction.state, extraction.http_status) == (State.FAILED, 502)
    assert (extraction.error_code, extraction.deaths) == ("internal_error", 0)
    assert Attempt.objects.get().outcome == AttemptOutcome.FAILED
    assert_charged(emulator, token)


@pytest.mark.parametrize("zone", ["Nepal Standard Time", "../etc/passwd", "\0"])
def test_time_zone_that_is_none_stops_nothing(
    zone: str, token: TokenMaster, emulator: Emulator
) -> None:
    company = make_company("NT047", time_zone=zone)
    make_quota(company, Period.MONTHLY, 10**6)

    extraction = run()

    assert extraction.state == State.SUCCEEDED
    assert_charged(emulator, token)
    assert {state.used for state in quotas.of_company("NT047")} == {billed(emulator)}


@pytest.mark.parametrize(
    "price", ["9999999999.9999", "0.0001"], ids=["too large for the sums", "tiny"]
)
def test_price_of_any_size_stops_no_charge(
    price: str, token: TokenMaster, emulator: Emulator
) -> None:
    for row in ModelPrice.objects.all():
        row.input = row.output = row.cached_input = price
        row.save()

    extraction = run()

    assert extraction.state == State.SUCCEEDED
    assert_charged(emulator, token)


@pytest.mark.parametrize("model", ["models/" * 9, "-", "gemini--001-latest", "模型" * 40])
def test_model_of_any_name_is_charged(model: str, token: TokenMaster, emulator: Emulator) -> None:
    TokenMaster.objects.update(model=model[:100])

    extraction = run()

    assert (extraction.state == State.PROCESSING, extraction.deaths) == (False, 0)
    assert used(token) == (billed(emulator), 0)


def test_endpoint_that_cannot_be_read_loses_no_result(
    token: TokenMaster, emulator: Emulator
) -> None:
    WebhookEndpoint.objects.update(events="\0,extraction.succeeded", url="\ud7ff")

    extraction = run()

    assert extraction.state == State.SUCCEEDED
    assert_charged(emulator, token)
