"""Bodies that are too large, without making one."""

from typing import Any

from django.test import Client

from tests.extraction.conftest import Integrator

MEGABYTE = 1024 * 1024


class Stream:
    """A body of so many bytes that are made while they are read."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return b"x" * size

    readline = read


def big_post(client: Client, path: str, body: Any, length: int) -> Any:
    environ = {"CONTENT_LENGTH": str(length), "wsgi.input": body}
    return client.generic("POST", path, content_type="multipart/form-data; boundary=x", **environ)


def test_body_of_100_mb_is_rejected_without_reading_it(integrator: Integrator) -> None:
    body = Stream(100 * MEGABYTE)

    response = big_post(integrator.http, "/extract", body, body.left)

    answer = response.json()
    assert response.status_code == 413
    assert (answer["status"], answer["code"]) == ("error", "file_too_large")
    assert answer["message"] == "Failed to convert PDF"
    assert "100 MB" in answer["detail"]
    assert body.left == 100 * MEGABYTE


def test_api_answers_without_the_envelope(integrator: Integrator) -> None:
    response = big_post(integrator.http, "/api/v1/extractions/", Stream(0), 22 * MEGABYTE)

    assert response.status_code == 413
    assert set(response.json()) == {"code", "message", "detail", "request_id"}


def test_page_answers_people(signed_in: Client) -> None:
    response = big_post(signed_in, "/", Stream(0), 22 * MEGABYTE)

    assert response.status_code == 413
    assert response.templates[0].name == "413.html"
    assert "at most 20 MB are accepted" in response.content.decode()


def test_strangers_are_rejected_before_their_body_is_parsed(db: None) -> None:
    body = Stream(22 * MEGABYTE)

    assert big_post(Client(), "/", body, body.left).status_code == 413


def test_body_that_just_fits_is_read(integrator: Integrator) -> None:
    response = big_post(integrator.http, "/extract", Stream(0), 21 * MEGABYTE)

    assert response.status_code == 400
