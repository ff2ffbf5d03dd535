"""Changing and resetting a password."""

import logging
import re
from http import HTTPStatus

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django_q.models import OrmQ
from pytest_django import Settings

from extraction.accounts import reset_mail
from extraction.models import AccountRule, FailedAttempts

RIGHT = "a-long-password"
NEW = "another-long-one"
CHANGE = "/account/password/"


def change(client: Client, old: str = RIGHT, new: str = NEW, again: str = NEW) -> HTTPStatus:
    form = {"old_password": old, "new_password1": new, "new_password2": again}
    return HTTPStatus(client.post(CHANGE, form).status_code)


@pytest.fixture
def mailing(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def test_person_changes_the_password_and_other_sessions_end(
    signed_in: Client, operator: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    elsewhere = Client()
    elsewhere.force_login(operator)

    assert change(signed_in) == HTTPStatus.FOUND

    assert signed_in.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    operator.refresh_from_db()
    assert operator.check_password(NEW)
    assert "asha changed the password from 127.0.0.1." in caplog.text
    assert NEW not in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "again", "told"),
    [
        ("wrong", NEW, NEW, "Your old password was entered incorrectly."),
        (RIGHT, NEW, "a-different-one", "The two password fields didn’t match."),
        (RIGHT, "short", "short", "This password is too short."),
        (RIGHT, "48151623421337", "48151623421337", "This password is entirely numeric."),
        (RIGHT, RIGHT, RIGHT, "This is your present password."),
    ],
)
def test_refused_change_says_why(
    signed_in: Client, operator: User, old: str, new: str, again: str, told: str
) -> None:
    form = {"old_password": old, "new_password1": new, "new_password2": again}
    page = signed_in.post(CHANGE, form).content.decode()

    assert told in page
    operator.refresh_from_db()
    assert operator.check_password(RIGHT)


def test_present_password_is_not_guessed_in_a_session(signed_in: Client) -> None:
    with time_machine.travel("2026-11-27T10:00:00Z", tick=False):
        statuses = [change(signed_in, old="wrong") for _ in range(7)]

        assert statuses == [HTTPStatus.OK] * 6 + [HTTPStatus.TOO_MANY_REQUESTS]
        assert change(signed_in) == HTTPStatus.TOO_MANY_REQUESTS


def test_admins_own_page_for_it_leads_here(admin_client: Client) -> None:
    assert admin_client.get("/admin/password_change/")["Location"] == CHANGE


def test_reset_is_offered_only_where_mail_is_sent(
    client: Client, db: None, settings: Settings
) -> None:
    assert "/account/reset/" not in client.get("/login/").content.decode()
    for path in ["", "sent/", "MQ/x-y/"]:
        assert client.get(f"/account/reset/{path}").status_code == 404

    settings.EMAIL_HOST = "mail.example.com"
    assert "/account/reset/" in client.get("/login/").content.decode()
    assert client.get("/account/reset/").status_code == 200


def test_asking_for_a_reset_does_the_same_whether_or_not_there_is_an_account(
    client: Client, operator: User, mailing: None
) -> None:
    User.objects.filter(pk=operator.pk).update(email="asha@example.com")
    answers, messages = [], []
    for email in ["asha@example.com", "nobody@example.com"]:
        answer = client.post("/account/reset/", {"email": email})
        answers.append((answer.status_code, answer["Location"]))
        messages.append(OrmQ.objects.get().func())
        OrmQ.objects.all().delete()

    assert answers == [(302, "/account/reset/sent/")] * 2
    assert messages == ["extraction.accounts.reset_mail.send"] * 2
    assert mail.outbox == []
    assert "If an account has this address" in client.get(answers[0][1]).content.decode()


def test_mailed_link_sets_a_new_password_once(
    client: Client, operator: User, mailing: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    User.objects.filter(pk=operator.pk).update(email="asha@example.com")
    AccountRule.objects.create(user=operator, must_change_password=True)
    reset_mail.send("ASHA@example.com", "invoices.example.com", True, "en")
    [message] = mail.outbox
    assert message.to == ["asha@example.com"]
    assert message.subject == "Your password for ocrsite"
    link = re.search(r"https://invoices\.example\.com(\S+)", str(message.body))
    assert link

    form_page = client.get(link[1], follow=True)
    where = form_page.redirect_chain[-1][0]
    assert "token" not in where
    done = client.post(where, {"new_password1": NEW, "new_password2": NEW})

    assert done["Location"] == "/login/"
    operator.refresh_from_db()
    assert operator.check_password(NEW)
    assert not AccountRule.objects.get(user=operator).must_change_password
    assert "A link to reset the password of asha is mailed." in caplog.text
    assert "asha reset the password by mail from 127.0.0.1." in caplog.text
    assert "too old, or was used" in client.get(link[1], follow=True).content.decode()


def test_link_works_for_an_hour(client: Client, operator: User, mailing: None) -> None:
    User.objects.filter(pk=operator.pk).update(email="asha@example.com")
    with time_machine.travel("2026-11-27T10:00:00Z", tick=False):
        reset_mail.send("asha@example.com", "testserver", False, "en")
    [path] = re.findall(r"http://testserver(\S+)", str(mail.outbox[0].body))

    with time_machine.travel("2026-11-27T11:00:01Z", tick=False):
        assert "too old" in client.get(path, follow=True).content.decode()


def test_mail_is_written_in_the_language_of_who_asked(operator: User, mailing: None) -> None:
    User.objects.filter(pk=operator.pk).update(email="asha@example.com")
    for language in ("en", "de"):
        reset_mail.send("asha@example.com", "testserver", False, language)

    english, german = (
        {message.subject, *(line for line in str(message.body).splitlines() if "://" not in line)}
        for message in mail.outbox
    )
    assert english & german == {""}


@pytest.mark.parametrize("change_of_account", [{"is_active": False}, {"password": "!unusable"}])
def test_nobody_else_gets_mail(
    operator: User, mailing: None, change_of_account: dict[str, object]
) -> None:
    User.objects.filter(pk=operator.pk).update(email="asha@example.com", **change_of_account)

    reset_mail.send("asha@example.com", "testserver", False, "en")
    reset_mail.send("nobody@example.com", "testserver", False, "en")
    reset_mail.send("no address", "testserver", False, "en")

    assert mail.outbox == []


def test_resets_are_throttled_by_address_of_mail_and_by_origin(
    client: Client, db: None, mailing: None
) -> None:
    def ask(email: str, origin: str) -> int:
        return client.post("/account/reset/", {"email": email}, REMOTE_ADDR=origin).status_code

    with time_machine.travel("2026-11-27T10:00:00Z", tick=False):
        by_mail = [ask("a@example.com", f"1.1.1.{number}") for number in range(7)]
        by_origin = [ask(f"b{number}@example.com", "2.2.2.2") for number in range(22)]

    assert by_mail == [302] * 6 + [429]
    assert by_origin == [302] * 21 + [429]
    # Log-ins from there are not held up.
    assert not FailedAttempts.objects.filter(subject__startswith="address:").exists()


def test_reset_leaves_the_second_factor_asked_for(operator: User, mailing: None) -> None:
    from tests.extraction.accounts.codes import set_up

    set_up(operator)
    operator.set_password(NEW)
    operator.save()
    client = Client()

    client.post("/login/", {"username": "asha", "password": NEW})

    assert client.get("/")["Location"].startswith("/account/code/")


def test_staff_demand_a_new_password(
    operator: User, admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    chosen = {"action": "have_password_changed", "_selected_action": [operator.pk]}

    admin_client.post("/admin/auth/user/", chosen)

    assert AccountRule.objects.get(user=operator).must_change_password
    assert "admin demands a new password of asha." in caplog.text
    listed = admin_client.get("/admin/auth/user/?account_rule__must_change_password__exact=1")
    assert "asha" in listed.content.decode()
