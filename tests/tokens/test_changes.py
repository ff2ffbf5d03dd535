"""What is recorded of a change of status, limit or key."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client

from tests.tokens.rows import KEY, insert_by_sql, make_token
from tests.tokens.test_admin import NEW_KEY, change, posted
from tokens import encryption, key_rotation, ledger, selection, services
from tokens.models import TokenChange, TokenMaster, TokenStatus
from tokens.usage import Requester, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

WHO = Requester(company_id="NT047", branch="", requested_by="")
CHANGES = "/admin/tokens/tokenchange/"


def changes(token: TokenMaster) -> list[tuple[Any, ...]]:
    """What changed, from and to what, by whom and why; oldest first."""
    rows = TokenChange.objects.filter(token=token).order_by("change_id")
    return list(rows.values_list("what", "from_value", "to_value", "actor", "reason"))


def test_a_new_key_has_no_changes() -> None:
    assert changes(make_token()) == []


def test_a_change_by_staff_names_them_and_their_reason(admin_client: Client) -> None:
    token = make_token()

    admin_client.post(
        change(token),
        posted(status="Disabled", total_token_limit="200", threshold="0", why="Unpaid."),
    )

    assert changes(token) == [
        ("status", "Active", "Disabled", "admin", "Unpaid."),
        ("limit", "100000", "200", "admin", "Unpaid."),
    ]


def test_another_key_is_recorded_masked(admin_client: Client) -> None:
    token = make_token()

    admin_client.post(change(token), posted(new_key=NEW_KEY))

    assert changes(token) == [("key", "AIza…x9Qz", "AIza…er22", "admin", "")]


def test_a_key_that_looks_alike_when_masked_is_another_key() -> None:
    token = make_token()

    token.api_key = KEY.replace("Canary1", "Canary2")
    services.update_token(token=token, fields=["api_key"])

    assert changes(token) == [("key", "AIza…x9Qz", "AIza…x9Qz", "system", "")]


def test_the_same_key_entered_again_is_no_change(admin_client: Client) -> None:
    token = make_token()

    admin_client.post(change(token), posted(new_key=KEY, company_name="RUBI"))

    assert changes(token) == []


def test_a_key_in_place_of_an_unreadable_one_is_a_change() -> None:
    token = make_token()
    TokenMaster.objects.update(api_key="enc:deadbeef:x")

    token.api_key = NEW_KEY
    services.update_token(token=token, fields=["api_key"])

    assert changes(token) == [("key", "cannot be decrypted", "AIza…er22", "system", "")]


@pytest.mark.django_db(transaction=True)
def test_encryption_of_a_key_inserted_by_sql_is_no_change() -> None:
    token = insert_by_sql()

    key_rotation.encrypt_clear_keys()

    assert changes(token) == []


def test_an_update_records_only_the_fields_that_it_saved() -> None:
    token = make_token()
    token.status = TokenStatus.DISABLED
    token.total_token_limit = 5

    services.update_token(token=token, fields=["company_name"])
    assert changes(token) == []

    services.update_token(token=token, fields=["total_token_limit"])
    assert changes(token) == [("limit", "100000", "5", "system", "")]


def test_a_limit_used_up_and_raised_is_recorded_once_each() -> None:
    token = make_token(total_token_limit=1000)
    for _ in range(3):
        ledger.settle(uuid.uuid4(), token.pk, Usage(1000), **WHO)
    token.refresh_from_db()

    token.total_token_limit = 5000
    services.update_token(token=token, fields=["total_token_limit"], by="sita", reason="Renewed.")

    assert changes(token) == [
        ("status", "Active", "Exceeded", "system", "Its limit is used up."),
        ("limit", "1000", "5000", "sita", "Renewed."),
        ("status", "Exceeded", "Active", "system", "Its limit is above its use."),
    ]


def test_a_key_disabled_for_its_provider_is_recorded_once_as_changed_by_the_provider() -> None:
    token = make_token()

    selection.disable_key(token, "API key not valid.")
    selection.disable_key(token, "API key not valid.")

    assert changes(token) == [("status", "Active", "Disabled", "provider", "API key not valid.")]
    token.refresh_from_db()
    assert (token.status, token.status_reason) == ("Disabled", "API key not valid.")


def test_a_long_reason_is_cut() -> None:
    token = make_token()

    selection.disable_key(token, "x" * 300)

    assert changes(token) == [("status", "Active", "Disabled", "provider", "x" * 200)]


@pytest.mark.django_db(transaction=True)
def test_of_many_that_change_a_status_at_once_one_records_it() -> None:
    token = make_token()

    def disable(_: int) -> int:
        try:
            rows = TokenMaster.objects.filter(pk=token.pk)
            return services.change_status(
                tokens=rows, status=TokenStatus.DISABLED, reason="Invalid."
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(disable, range(8))) == 1

    assert len(changes(token)) == 1


def test_the_page_of_a_key_shows_its_latest_changes(admin_client: Client) -> None:
    token = make_token()
    for number in range(1, 13):
        token.total_token_limit = number * 7
        services.update_token(token=token, fields=["total_token_limit"], by="sita", reason="<b>")

    page = admin_client.get(change(token)).content.decode()

    assert page.count("by sita.") == 10
    assert "limit: 77 → 84 by sita. &lt;b&gt;" in page
    assert f'href="{CHANGES}?token={token.pk}"' in page


def test_the_changes_of_one_key_are_listed(admin_client: Client) -> None:
    token, other = make_token(), make_token(api_key=NEW_KEY)
    for changed in (token, other):
        selection.disable_key(changed, "Invalid.")

    found = admin_client.get(CHANGES, {"token": token.pk})

    assert [row.token_id for row in found.context["cl"].result_list] == [token.pk]


def test_changes_are_read_only(admin_client: Client) -> None:
    token = make_token()
    selection.disable_key(token, "Invalid.")
    row = f"{CHANGES}{TokenChange.objects.get().pk}"

    assert admin_client.get(f"{row}/change/").status_code == 200
    assert admin_client.post(f"{row}/change/", {}).status_code == 403
    assert admin_client.post(f"{row}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{CHANGES}add/").status_code == 403


def test_changes_are_for_staff_who_may_view_them(client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(CHANGES).status_code == 403

    clerk.user_permissions.add(Permission.objects.get(codename="view_tokenchange"))
    assert client.get(CHANGES).status_code == 200


def test_an_unused_key_is_deleted_with_its_changes(admin_client: Client) -> None:
    token = make_token()
    selection.disable_key(token, "Invalid.")

    admin_client.post(f"/admin/tokens/tokenmaster/{token.pk}/delete/", {"post": "yes"})

    assert not TokenMaster.objects.exists()


def test_no_change_holds_a_key() -> None:
    token = make_token()
    token.api_key = NEW_KEY
    services.update_token(token=token, fields=["api_key"])

    stored = str(list(TokenChange.objects.values()))
    assert [text for text in (KEY, NEW_KEY, "enc:") if text in stored] == []
    assert encryption.fingerprint(KEY) not in stored
