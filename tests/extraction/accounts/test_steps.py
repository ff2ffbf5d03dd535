"""What comes between the password and the site, and how long a session lasts."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from extraction.accounts import second_factor
from extraction.models import AccountRule
from tests.extraction.accounts.codes import code_of, set_up
from tests.extraction.conftest import Integrator

RIGHT = "a-long-password"
NEW = "another-long-one"


def log_in(client: Client, path: str = "/login/", **form: str) -> str:
    answer = client.post(path, {"username": "asha", "password": RIGHT, **form})
    assert answer.status_code == 302
    return str(answer["Location"])


@pytest.fixture
def client_of_flagged(operator: User) -> Client:
    AccountRule.objects.create(user=operator, must_change_password=True)
    client = Client()
    log_in(client)
    return client


@pytest.mark.parametrize("path", ["/", "/extractions/", "/admin/", "/account/", "/review/"])
def test_who_must_change_the_password_is_led_to_that_page(
    client_of_flagged: Client, path: str
) -> None:
    answer = client_of_flagged.get(path)

    assert answer.status_code == 302
    assert answer["Location"] == f"/account/password/?next={path.replace('/', '%2F')}"


def test_forced_change_opens_the_site_and_leads_on(
    client_of_flagged: Client, operator: User
) -> None:
    page = client_of_flagged.get("/account/password/?next=/extractions/")
    assert "Choose a password of your own" in page.content.decode()
    assert "Extractions" not in page.content.decode()

    answer = client_of_flagged.post(
        "/account/password/?next=/extractions/",
        {"old_password": RIGHT, "new_password1": NEW, "new_password2": NEW},
    )

    assert answer["Location"] == "/extractions/"
    assert client_of_flagged.get("/extractions/").status_code == 200
    operator.refresh_from_db()
    assert operator.check_password(NEW)
    assert not AccountRule.objects.get(user=operator).must_change_password


def test_the_same_password_is_no_change(client_of_flagged: Client) -> None:
    answer = client_of_flagged.post(
        "/account/password/",
        {"old_password": RIGHT, "new_password1": RIGHT, "new_password2": RIGHT},
    )

    assert "This is your present password." in answer.content.decode()
    assert client_of_flagged.get("/").status_code == 302


def test_log_out_is_open_to_who_has_not_finished(client_of_flagged: Client) -> None:
    assert client_of_flagged.post("/logout/")["Location"] == "/login/"


def test_api_refuses_a_session_that_has_not_finished(client_of_flagged: Client) -> None:
    answer = client_of_flagged.get(reverse("api-extraction", args=[uuid.uuid4()]))

    assert (answer.status_code, answer.json()["code"]) == (403, "log_in_unfinished")


def test_api_clients_are_not_touched(
    integrator: Integrator, settings: Settings, django_user_model: type[User]
) -> None:
    settings.REQUIRE_TOTP = "all"

    answer = integrator.http.get(reverse("api-extraction", args=[uuid.uuid4()]))

    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_code_is_asked_for_after_the_password_whichever_page_took_it(
    operator: User, path: str
) -> None:
    operator.is_staff = operator.is_superuser = True
    operator.save()
    set_up(operator)
    client = Client()
    log_in(client, path, next="/admin/")

    for page in ["/", "/admin/", "/account/second-factor/", "/account/password/"]:
        assert client.get(page)["Location"].startswith("/account/code/?next=")

    answer = client.post("/account/code/", {"code": code_of(operator), "next": "/admin/"})
    assert answer["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_code_leads_nowhere_else(operator: User) -> None:
    set_up(operator)
    client = Client()
    log_in(client)

    answer = client.post(
        "/account/code/", {"code": code_of(operator), "next": "https://elsewhere.example/"}
    )

    assert answer["Location"] == "/"


def test_second_factor_that_was_removed_is_not_asked_for(operator: User) -> None:
    set_up(operator)
    client = Client()
    log_in(client)
    second_factor.remove(operator)

    assert client.get("/account/code/")["Location"] == "/"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("demanded", "is_staff", "is_led"),
    [
        ("none", True, False),
        ("staff", True, True),
        ("staff", False, False),
        ("all", False, True),
    ],
)
def test_who_must_have_a_second_factor_is_led_to_setting_it_up(
    operator: User, settings: Settings, demanded: str, is_staff: bool, is_led: bool
) -> None:
    settings.REQUIRE_TOTP = demanded
    operator.is_staff = is_staff
    operator.save()
    client = Client()
    log_in(client)

    answer = client.get("/")

    assert answer.status_code == (302 if is_led else 200)
    if is_led:
        assert answer["Location"] == "/account/second-factor/?next=%2F"
        assert "Your administrator demands it" in client.get(answer["Location"]).content.decode()
        done = client.post(answer["Location"], {"code": code_of(operator)})
        assert "Recovery codes" in done.content.decode()
        assert client.get("/").status_code == 200


def test_required_second_factor_from_another_session_is_proved_by_a_code(
    operator: User, settings: Settings
) -> None:
    client = Client()
    log_in(client)
    set_up(operator)
    settings.REQUIRE_TOTP = "all"

    assert client.get("/account/second-factor/")["Location"] == "/account/code/"
    assert client.post("/account/code/", {"code": code_of(operator)})["Location"] == "/"
    assert client.get("/").status_code == 200


def test_session_lasts_while_pages_are_opened(operator: User, settings: Settings) -> None:
    settings.SESSION_MINUTES, settings.SESSION_COOKIE_AGE = 10, 600
    client = Client()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        log_in(client)
        for _ in range(4):
            clock.shift(timedelta(minutes=8))
            assert client.get("/account/").status_code == 200

        clock.shift(timedelta(minutes=11))
        assert client.get("/account/")["Location"] == "/login/?next=/account/"


def test_scripts_that_ask_the_api_keep_no_session_alive(operator: User, settings: Settings) -> None:
    settings.SESSION_MINUTES, settings.SESSION_COOKIE_AGE = 10, 600
    client = Client()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        log_in(client)
        for _ in range(2):
            clock.shift(timedelta(minutes=6))
            client.get(reverse("api-extraction", args=[uuid.uuid4()]))

        assert client.get("/")["Location"] == "/login/?next=/"
