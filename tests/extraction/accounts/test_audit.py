"""Log-ins, passwords and second factors in the audit list: with the address, without secrets."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import caches
from django.test import Client
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from pytest_django import Settings

from extraction.accounts import audited
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

    assert entries() == [
        ("", "log-in-failed", "user", "asha"),
        ("", "log-in-failed", "account", "an account that does not exist"),
    ]
    for entry in AuditEntry.objects.all():
        assert (entry.actor_kind, entry.address) == ("stranger", "1.2.3.4")
        assert "secret" not in str(vars(entry))
        assert "my-own-password" not in str(vars(entry))


def guess(number: int, address: str) -> None:
    """Try to log in under a name that nobody has, past what slows that down."""
    FailedAttempts.objects.all().delete()
    caches["locks"].clear()
    log_in(Client(REMOTE_ADDR=address), username=f"nobody-{number}")


def unknown(**of: object) -> list[str]:
    """What entries about unknown names say, the oldest first."""
    entries = AuditEntry.objects.filter(action="log-in-failed", object_type="account", **of)
    return list(entries.order_by("pk").values_list("after", flat=True))


def test_of_unknown_names_an_address_has_a_few_entries_an_hour(db: None) -> None:
    begin = timezone.now()
    with time_machine.travel(begin, tick=False) as clock:
        for number in range(8):
            guess(number, "1.2.3.4")
        guess(0, "1.2.3.5")
        assert unknown(address="1.2.3.4") == [
            *[""] * 4,
            "more from this address are not listed within the hour",
        ]
        assert unknown(address="1.2.3.5") == [""]

        clock.move_to(begin + timedelta(hours=1))
        guess(9, "1.2.3.4")
        assert len(unknown(address="1.2.3.4")) == 6


def test_strangers_from_everywhere_do_not_fill_the_list(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audited, "OF_UNKNOWN", 4)
    for number in range(7):
        guess(number, f"1.2.3.{number}")

    assert unknown() == ["", "", "", "more of unknown names are not listed within the hour"]


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

    name = "an account that does not exist"
    assert entries() == [
        *[("", "log-in-failed", "account", name)] * 5,
        ("", "locked", "account", name),
    ]
    assert "my-own-password" not in str([vars(entry) for entry in AuditEntry.objects.all()])


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
