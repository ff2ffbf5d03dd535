"""The status of a key follows its expiry and its limit, whoever changes them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from tests.tokens.rows import make_token
from tests.tokens.test_admin import change, posted
from tests.tokens.test_changes import changes
from tests.tokens.test_ledger_audit import spend
from tokens import selection
from tokens.ledger_audit import audit_ledger
from tokens.models import ThresholdAlert, TokenChange, TokenMaster, TokenStatus
from tokens.services import mark_exceeded, update_statuses, update_token

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

EXPIRED = ("status", "Active", "Expired", "system", "Its expiry has passed.")
RENEWED = ("status", "Expired", "Active", "system", "Its expiry is in the future.")


def status(token: TokenMaster) -> tuple[str, str | None]:
    return TokenMaster.objects.values_list("status", "status_reason").get(pk=token.pk)


def past() -> TokenMaster:
    return make_token(expires_at=timezone.now() - timedelta(seconds=1))


def test_a_key_past_its_expiry_turns_to_expired_once() -> None:
    token = past()
    others = [
        make_token(),
        make_token(expires_at=timezone.now() + timedelta(hours=1)),
        make_token(expires_at=timezone.now() - timedelta(hours=1), status="Disabled"),
        make_token(expires_at=timezone.now() - timedelta(hours=1), status="Exceeded"),
    ]

    assert [update_statuses(), update_statuses()] == [1, 0]

    assert status(token) == ("Expired", "Its expiry has passed.")
    assert changes(token) == [EXPIRED]
    assert [status(other)[0] for other in others] == ["Active", "Active", "Disabled", "Exceeded"]


def test_a_company_whose_keys_are_all_expired_gets_token_expired() -> None:
    past()
    update_statuses()

    with pytest.raises(selection.NoUsableKey) as raised:
        selection.require_usable("NT047")

    assert raised.value.code == "token_expired"
    assert raised.value.message == "Your AI token has expired. Please renew your subscription."


@pytest.mark.parametrize("entry", [("2090-01-31", "12:00:00"), ("", "")])
def test_staff_renew_an_expired_key_by_changing_its_expiry_alone(
    admin_client: Client, entry: tuple[str, str]
) -> None:
    token = past()
    update_statuses()

    response = admin_client.post(
        change(token), posted(status="Expired", expires_at_0=entry[0], expires_at_1=entry[1])
    )

    assert response.status_code == 302
    assert status(token) == ("Active", None)
    assert changes(token) == [EXPIRED, RENEWED]


def test_an_update_of_another_field_renews_nothing() -> None:
    token = past()
    update_statuses()
    TokenMaster.objects.update(expires_at=None)

    update_token(token=token, fields=["company_name"])

    assert status(token)[0] == "Expired"


def test_a_renewed_key_has_its_new_status_in_memory_too() -> None:
    token = past()
    update_statuses()
    token.refresh_from_db()

    token.expires_at = None
    update_token(token=token, fields=["expires_at"])

    assert (token.status, token.status_reason) == ("Active", None)


def test_an_expiry_moved_on_by_sql_is_followed() -> None:
    token = past()
    update_statuses()
    TokenMaster.objects.update(expires_at=timezone.now() + timedelta(days=1))

    assert update_statuses() == 1

    assert changes(token) == [EXPIRED, RENEWED]


def test_a_key_that_staff_set_to_expired_stays_so(admin_client: Client) -> None:
    token = make_token()
    admin_client.post(change(token), posted(status="Expired"))
    token.refresh_from_db()

    token.expires_at = timezone.now() + timedelta(days=1)
    update_token(token=token, fields=["expires_at"])

    assert update_statuses() == 0
    assert status(token) == (TokenStatus.EXPIRED, "Set by admin.")


def test_a_limit_raised_by_sql_is_followed() -> None:
    token = make_token(total_token_limit=1000)
    mark_exceeded(token_id=token.pk, smallest_call=1001)
    assert update_statuses() == 0
    TokenMaster.objects.update(total_token_limit=1001)

    assert [update_statuses(), update_statuses()] == [1, 0]

    assert status(token) == ("Active", None)
    assert changes(token)[1:] == [
        ("limit", "1000", "1001", "SQL", "Changed in the database by hand."),
        ("status", "Exceeded", "Active", "system", "Its limit is above its use."),
    ]
    assert audit_ledger() == []


def test_a_limit_lowered_by_sql_below_the_use_is_followed() -> None:
    token = make_token(total_token_limit=1000)
    spend(token, 600)
    TokenMaster.objects.update(total_token_limit=500)

    update_statuses()

    assert status(token) == ("Exceeded", "Its limit is used up.")
    assert changes(token)[0][:4] == ("limit", "1000", "500", "SQL")
    assert ThresholdAlert.objects.get(threshold=0).remaining == -100
    assert audit_ledger() == []


def test_a_limit_raised_by_sql_below_the_use_is_not_enough() -> None:
    token = make_token(total_token_limit=1000)
    spend(token, 1200)
    TokenMaster.objects.update(total_token_limit=1200)

    update_statuses()

    assert status(token)[0] == "Exceeded"


def test_a_key_that_staff_set_to_exceeded_stays_so(admin_client: Client) -> None:
    token = make_token()
    admin_client.post(change(token), posted(status="Exceeded"))

    assert update_statuses() == 0
    assert status(token) == ("Exceeded", "Set by admin.")


def test_saving_a_key_saves_its_row_alone() -> None:
    token = make_token()
    token.total_token_limit = 5

    token.save()

    assert changes(token) == []
    token.summary.refresh_from_db()
    assert token.summary.total_remaining_tokens == 100_000


def test_a_change_that_cannot_be_recorded_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    token = make_token()
    token.total_token_limit = 5

    def fail(**_: Any) -> None:
        raise OperationalError("the disk is full")

    monkeypatch.setattr(TokenChange.objects, "create", fail)
    with pytest.raises(OperationalError):
        update_token(token=token, fields=["total_token_limit"])

    token.refresh_from_db()
    assert (token.total_token_limit, token.summary.total_remaining_tokens) == (100_000, 100_000)
