"""Log-ins, passwords and second factors in the audit list: with the address, without secrets."""

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from pytest_django import Settings

from extraction.models import FailedAttempts
from logs.models import AuditEntry
from tests.extraction.accounts.codes import code_of, set_up
from tests.logs.audited import entries, last

pytestmark = pytest.mark.django_db

RIGHT = "a-long-password"
NEW = "another-long-password"


def said() -> list[tuple[str, str]]:
    """Who did what, the oldest first."""
    return [(actor, action) for actor, action, _, _ in entries()]


def log_in(client: Client, password: str = RIGHT, username: str = "asha") -> None:
    client.post("/login/", {"username": username, "password": password})


def test_log_ins_and_log_outs_are_listed_with_the_address(operator: User) -> None:
    client = Client(REMOTE_ADDR="1.2.3.4")
    log_in(client)
    client.post("/logout/")

    assert said() == [("asha", "logged-in"), ("asha", "logged-out")]
    assert set(AuditEntry.objects.values_list("address", flat=True)) == {"1.2.3.4"}
    assert last().object_id == str(operator.pk)


def test_a_failed_log_in_names_the_account_and_not_what_was_typed(operator: User) -> None:
    client = Client(REMOTE_ADDR="1.2.3.4")
    log_in(client, "wrong-secret")
    log_in(client, username="my-own-password")

    assert entries() == [("", "log-in-failed", "user", "asha")]
    assert (last().actor_kind, last().address) == ("stranger", "1.2.3.4")
    assert "secret" not in str(vars(last()))


def test_a_lock_is_listed_once_and_who_lifted_it(operator: User, admin_user: User) -> None:
    for _ in range(8):
        log_in(Client(), "wrong")
    locked = last(action="locked")
    assert (locked.actor_kind, locked.object_type) == ("system", "account")
    assert locked.object_name == "the account 'asha'"
    assert "after 6 failed attempts" in locked.after
    assert AuditEntry.objects.filter(action="locked").count() == 1

    staff = Client()
    staff.force_login(admin_user)
    row = FailedAttempts.objects.get(subject__startswith="account:")
    chosen = {"action": "unlock", "_selected_action": row.pk}
    staff.post("/admin/extraction/failedattempts/", chosen)

    assert entries(action="unlocked") == [("admin", "unlocked", "account", "the account 'asha'")]


def test_a_lock_of_a_name_that_is_no_account_does_not_tell_the_name() -> None:
    for _ in range(7):
        log_in(Client(), username="my-own-password")

    assert entries() == [("", "locked", "account", "an account that does not exist")]


def test_changed_and_reset_passwords_are_listed(
    signed_in: Client, operator: User, settings: Settings
) -> None:
    fields = {"old_password": RIGHT, "new_password1": NEW, "new_password2": NEW}
    signed_in.post("/account/password/", fields)
    assert said()[-1] == ("asha", "password-changed")

    settings.EMAIL_HOST = "mail"
    operator.refresh_from_db()
    place = urlsafe_base64_encode(force_bytes(operator.pk))
    client = Client()
    link = f"/account/reset/{place}/{default_token_generator.make_token(operator)}/"
    where = client.get(link)["Location"]
    again = "yet-another-password"
    client.post(where, {"new_password1": again, "new_password2": again})

    assert said()[-1] == ("asha", "password-reset")
    assert not any(each in str(vars(last())) for each in (RIGHT, NEW, again))


def test_second_factors_are_listed(operator: User) -> None:
    codes = set_up(operator)
    client = Client()
    log_in(client)
    assert last().after == "a code is wanted, too"

    client.post("/account/code/", {"code": "000000"})
    client.post("/account/code/", {"code": code_of(operator)})
    given = last()
    client.post("/account/second-factor/", {"code": codes[0], "action": "new-codes"})
    client.post(
        "/account/second-factor/", {"code": code_of(operator, steps_ahead=1), "action": "turn-off"}
    )

    assert [action for _, action in said()] == [
        *("logged-in", "code-failed", "code-given", "new-codes", "factor-removed"),
    ]
    assert given.after == "a code of the app"
    assert "000000" not in str([vars(entry) for entry in AuditEntry.objects.all()])


def test_setting_up_a_second_factor_is_listed(signed_in: Client, operator: User) -> None:
    signed_in.get("/account/second-factor/")
    signed_in.post("/account/second-factor/", {"code": code_of(operator)})

    assert said()[-1] == ("asha", "factor-added")
