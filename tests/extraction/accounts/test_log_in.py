"""Guessing passwords, and what the log says of it."""

import importlib
import logging

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from logs.models import LoggerLevel

PATHS = ["/login/", "/admin/login/"]
RIGHT = "a-long-password"
START = "2026-11-27T10:00:00+00:00"


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_superuser("asha", password=RIGHT)


def status(path: str, password: str, username: str = "asha", address: str = "1.2.3.4") -> int:
    form = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address).post(path, form).status_code


@pytest.mark.parametrize("path", PATHS)
def test_the_right_password_is_not_tried_while_the_account_is_locked(
    staff: User, path: str
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        for number in range(6):
            assert status(path, "wrong", address=f"1.2.3.{number}") == 200

        locked = Client(REMOTE_ADDR="9.9.9.9").post(path, {"username": "ASHA", "password": RIGHT})
        assert (locked.status_code, locked["Retry-After"]) == (429, "2")
        assert "Too many attempts have failed. Try again in 2 seconds." in locked.content.decode()

        clock.shift(2)
        assert status(path, RIGHT) == 302


def test_success_clears_the_accounts_count(staff: User) -> None:
    for _ in range(3):
        for _ in range(5):
            assert status("/login/", "wrong") == 200
        assert status("/login/", RIGHT) == 302


def test_an_address_is_locked_whichever_accounts_it_tries(staff: User) -> None:
    statuses = [status("/login/", "wrong", username=f"user{number}") for number in range(22)]

    assert statuses == [200] * 21 + [429]
    assert status("/login/", RIGHT) == 429
    assert status("/login/", RIGHT, address="9.9.9.9") == 302


def test_a_name_that_is_no_account_is_locked_alike(db: None) -> None:
    statuses = [status("/login/", "x", username="nobody") for _ in range(7)]

    assert statuses == [200] * 6 + [429]


def test_people_without_staff_rights_are_throttled_at_the_admin(operator: User) -> None:
    statuses = [status("/admin/login/", RIGHT) for _ in range(7)]

    assert statuses == [200] * 6 + [429]


@pytest.mark.parametrize("path", PATHS)
def test_an_incomplete_form_is_no_attempt(staff: User, path: str) -> None:
    for _ in range(10):
        assert status(path, "") == 200

    assert status(path, RIGHT) == 302


def test_log_ins_are_logged_with_account_and_address_and_never_with_the_password(
    staff: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = Client(REMOTE_ADDR="1.2.3.4")
    for _ in range(6):
        client.post("/login/", {"username": "asha", "password": "secret-guess"})
    with time_machine.travel("2099-01-01"):
        client.post("/login/", {"username": "asha", "password": RIGHT})
        client.post("/logout/")

    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    failure = ("WARNING", "Failed log-in as 'asha' from 1.2.3.4.")
    lock = "Locked the account 'asha' for 2 seconds after 6 failed attempts."
    assert [line for line in told if line[1].startswith("Failed")] == [failure] * 6
    assert ("WARNING", lock) in told
    assert ("INFO", "asha logged in from 1.2.3.4.") in told
    assert ("INFO", "asha logged out from 1.2.3.4.") in told
    assert "secret-guess" not in caplog.text
    assert RIGHT not in caplog.text


@pytest.mark.django_db
def test_level_of_the_logger_follows_the_module_that_moved() -> None:
    migration = importlib.import_module("extraction.migrations.0020_accounts")
    LoggerLevel.objects.create(logger="extraction.log_in", level="DEBUG")

    migration.forwards(apps, None)
    assert list(LoggerLevel.objects.values_list("logger", "level")) == [
        ("extraction.accounts", "DEBUG")
    ]

    LoggerLevel.objects.create(logger="extraction.log_in", level="ERROR")
    migration.backwards(apps, None)
    assert list(LoggerLevel.objects.values_list("logger", "level")) == [
        ("extraction.log_in", "ERROR")
    ]
