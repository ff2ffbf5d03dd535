from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client


def test_health_is_ok_while_the_database_answers(db: None) -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_health_is_503_without_the_database(db: None) -> None:
    def lose_connection(*_: Any) -> None:
        raise OperationalError

    with connection.execute_wrapper(lose_connection):
        response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (503, {"status": "error"})


@pytest.mark.parametrize(("status", "path"), [(400, "/django/bad/"), (404, "/nowhere")])
def test_error_pages_are_friendly(db: None, status: int, path: str) -> None:
    client = Client(headers={"Host": "evil.example"} if status == 400 else {})

    response = client.get(path)

    assert response.status_code == status
    assert "Back to the start" in response.content.decode()


def test_page_of_a_fault_needs_nothing_but_itself(db: None) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    with connection.execute_wrapper(fail):
        response = Client(raise_request_exception=False).get("/healthz")

    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()


def test_browsers_that_ask_for_favicon_ico_are_sent_to_the_icon() -> None:
    response = Client().get("/favicon.ico")

    assert response.status_code == 302
    assert response["Location"].startswith("/static/ocrsite/icon.")
