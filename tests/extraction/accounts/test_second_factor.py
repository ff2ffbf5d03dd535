"""Codes: accepted once, throttled, and stored so that nobody reads them."""

import logging
from datetime import timedelta
from xml.etree import ElementTree

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from extraction.accounts import second_factor
from extraction.accounts.second_factor import Accepted
from extraction.models import Authenticator, RecoveryCode
from tests.extraction.accounts.codes import code_of, set_up
from tokens import encryption

PAGE = "/account/second-factor/"


def test_secret_is_that_of_rfc_6238(operator: User) -> None:
    """Its appendix B: with this secret the app shows 94287082 at second 59."""
    clear = b"12345678901234567890".hex()
    stored = encryption.encrypt(clear, f"second factor {operator.pk}")
    Authenticator.objects.create(user=operator, secret=stored, confirmed_at=timezone.now())

    with time_machine.travel(59, tick=False):
        assert second_factor.accept(operator, "287082") is Accepted.APP


@pytest.mark.parametrize(("steps_ahead", "is_right"), [(-2, 0), (-1, 1), (0, 1), (1, 1), (2, 0)])
def test_clocks_may_differ_by_one_step(operator: User, steps_ahead: int, is_right: int) -> None:
    set_up(operator)
    with time_machine.travel(timezone.now(), tick=False):
        code = code_of(operator, steps_ahead=steps_ahead)

        assert bool(second_factor.accept(operator, code)) == bool(is_right)


def test_code_is_accepted_once_and_no_older_one_after_it(operator: User) -> None:
    set_up(operator)
    with time_machine.travel(timezone.now(), tick=False):
        older, code = code_of(operator, steps_ahead=-1), code_of(operator)

        assert second_factor.accept(operator, f"{code[:3]} {code[3:]}") is Accepted.APP
        assert second_factor.accept(operator, code) is None
        assert second_factor.accept(operator, older) is None


def test_recovery_code_is_accepted_once(operator: User) -> None:
    codes = set_up(operator)

    assert len(set(codes)) == 10
    assert second_factor.accept(operator, codes[3].upper()) is Accepted.RECOVERY
    assert second_factor.accept(operator, codes[3]) is None
    assert second_factor.accept(operator, codes[4].replace("-", "")) is Accepted.RECOVERY


@pytest.mark.parametrize("code", ["", "12345", "1234567", "²²²²²²", "१२३४५६", "nonsense", "-" * 40])
def test_anything_else_is_wrong(operator: User, code: str) -> None:
    set_up(operator)

    assert second_factor.accept(operator, code) is None


def test_code_of_another_user_is_wrong(operator: User, django_user_model: type[User]) -> None:
    other = django_user_model.objects.create_user("bina")
    set_up(operator)
    codes = set_up(other)

    assert second_factor.accept(operator, code_of(other)) is None
    assert second_factor.accept(operator, codes[0]) is None


def test_nothing_readable_is_stored(operator: User) -> None:
    codes = set_up(operator)

    stored = Authenticator.objects.get(user=operator)
    clear = second_factor.secret_of(stored)
    assert encryption.is_encrypted(stored.secret)
    assert clear.replace(" ", "") not in stored.secret
    digests = set(RecoveryCode.objects.values_list("digest", flat=True))
    assert not digests & {code.replace("-", "") for code in codes}


def test_secret_of_another_row_does_not_decrypt(
    operator: User, django_user_model: type[User]
) -> None:
    set_up(operator)
    other = django_user_model.objects.create_user("bina")
    copied = Authenticator.objects.get(user=operator).secret
    Authenticator.objects.create(user=other, secret=copied, confirmed_at=timezone.now())

    assert second_factor.accept(other, code_of(operator)) is None


def test_rotation_encrypts_secrets_anew(operator: User, settings: Settings) -> None:
    set_up(operator)
    address = second_factor.address_of(Authenticator.objects.get(user=operator))
    old = settings.TOKEN_ENCRYPTION_KEYS
    settings.TOKEN_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *old]

    call_command("rotate_token_keys", verbosity=0)

    settings.TOKEN_ENCRYPTION_KEYS = settings.TOKEN_ENCRYPTION_KEYS[:1]
    assert second_factor.address_of(Authenticator.objects.get(user=operator)) == address
    settings.TOKEN_ENCRYPTION_KEYS = old
    assert second_factor.accept(operator, code_of_nothing()) is None


def code_of_nothing() -> str:
    return "000000"


def test_person_sets_it_up_and_sees_recovery_codes_once(
    signed_in: Client, operator: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    page = signed_in.get(PAGE).content.decode()
    secret = second_factor.secret_of(Authenticator.objects.get(user=operator))
    assert secret in page
    assert second_factor.of(operator) is None

    wrong = signed_in.post(PAGE, {"code": "000000"})
    assert "This code is wrong, or was used already." in wrong.content.decode()

    done = signed_in.post(PAGE, {"code": code_of(operator)})
    assert done["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert done.content.decode().count("<li><code>") == 10
    assert second_factor.of(operator) is not None
    assert "asha set up a second factor from 127.0.0.1." in caplog.text
    assert secret.replace(" ", "") not in caplog.text

    again = signed_in.get(PAGE).content.decode()
    assert "10 recovery codes left" in again
    assert secret not in again


def test_qr_code_is_drawn_while_it_is_set_up_and_kept_nowhere(
    signed_in: Client, operator: User
) -> None:
    drawn = signed_in.get(f"{PAGE}qr.svg")

    assert drawn["Content-Type"] == "image/svg+xml"
    assert "no-store" in drawn["Cache-Control"]
    root = ElementTree.fromstring(drawn.content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"style" not in drawn.content
    authenticator = Authenticator.objects.get(user=operator)
    assert second_factor.address_of(authenticator).startswith("otpauth://totp/ocrsite:asha?secret=")

    signed_in.post(PAGE, {"code": code_of(operator)})
    assert signed_in.get(f"{PAGE}qr.svg").status_code == 404


def test_turning_it_off_and_new_codes_need_a_code(signed_in: Client, operator: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        signed_in.post(PAGE, {"code": code_of(operator)})
        clock.shift(timedelta(seconds=30))
        signed_in.post(PAGE, {"code": "000000", "action": "turn-off"})
        assert second_factor.of(operator) is not None

        fresh = signed_in.post(PAGE, {"code": code_of(operator), "action": "new-codes"})
        assert fresh.content.decode().count("<li><code>") == 10

        clock.shift(timedelta(seconds=30))
        signed_in.post(PAGE, {"code": code_of(operator), "action": "turn-off"})
    assert second_factor.of(operator) is None
    assert RecoveryCode.objects.count() == 0


def test_required_one_is_not_turned_off(
    signed_in: Client, operator: User, settings: Settings
) -> None:
    settings.REQUIRE_TOTP = "all"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        signed_in.post(PAGE, {"code": code_of(operator)})
        clock.shift(timedelta(seconds=30))
        assert "turn-off" not in signed_in.get(PAGE).content.decode()

        signed_in.post(PAGE, {"code": code_of(operator), "action": "turn-off"})

    assert second_factor.of(operator) is not None


def test_guessed_codes_are_throttled_whichever_address_they_come_from(operator: User) -> None:
    set_up(operator)
    statuses = []
    with time_machine.travel(timezone.now(), tick=False):
        for number in range(7):
            client = Client(REMOTE_ADDR=f"1.2.3.{number}")
            client.post("/login/", {"username": "asha", "password": "a-long-password"})
            statuses.append(client.post("/account/code/", {"code": "000000"}).status_code)
        # The right one is not tried either.
        locked = client.post("/account/code/", {"code": code_of(operator)})

    assert statuses == [200] * 6 + [429]
    assert (locked.status_code, locked["Retry-After"]) == (429, "2")


def test_wrong_code_is_logged_by_name_and_address_and_never_itself(
    operator: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    set_up(operator)
    client = Client(REMOTE_ADDR="1.2.3.4")
    client.post("/login/", {"username": "asha", "password": "a-long-password"})
    client.post("/account/code/", {"code": "987654"})
    client.post("/account/code/", {"code": code_of(operator)})

    assert "asha gave the right password from 1.2.3.4; a code is wanted, too." in caplog.text
    assert "A code of asha was wrong, from 1.2.3.4." in caplog.text
    assert "asha gave a code of the app from 1.2.3.4." in caplog.text
    assert "987654" not in caplog.text


def test_administrator_removes_a_lost_one(
    operator: User, admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    set_up(operator)
    row = Authenticator.objects.get(user=operator)
    listed = admin_client.get("/admin/extraction/authenticator/").content.decode()
    assert "asha" in listed
    shown = admin_client.get(f"/admin/extraction/authenticator/{row.pk}/change/").content.decode()
    assert row.secret not in shown

    admin_client.post(f"/admin/extraction/authenticator/{row.pk}/delete/", {"post": "yes"})

    assert second_factor.of(operator) is None
    assert "admin removed the second factor of asha." in caplog.text


def test_staff_without_the_permission_remove_none(operator: User, signed_in: Client) -> None:
    operator.is_staff = True
    operator.save()
    set_up(operator)
    row = Authenticator.objects.get(user=operator)

    answer = signed_in.post(f"/admin/extraction/authenticator/{row.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 403
    assert second_factor.of(operator) is not None
