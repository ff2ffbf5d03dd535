"""Bodies that are too large, without making one."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import resolve
from django.utils import timezone
from pytest_django import Settings

from extraction.middleware import PageLocaleMiddleware
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction

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


def test_pages_show_times_in_the_zone_of_the_site(signed_in: Client, settings: Settings) -> None:
    settings.DISPLAY_TIME_ZONE = "Asia/Kathmandu"
    make_extraction(created_at=datetime(2026, 11, 27, 20, 15, tzinfo=UTC))

    page = signed_in.get("/extractions/").content.decode()

    assert 'title="27 Nov 2026, 20:15 UTC">28 Nov 2026, 02:00</time>' in page
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize(
    ("path", "zone"), [("/extractions/", "Asia/Kathmandu"), ("/extract", "UTC")]
)
def test_programs_get_utc(rf: RequestFactory, settings: Settings, path: str, zone: str) -> None:
    settings.DISPLAY_TIME_ZONE = "Asia/Kathmandu"
    request = rf.get(path)
    seen: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse:
        middleware.process_view(request, resolve(path).func, (), {})
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    middleware = PageLocaleMiddleware(answer)
    middleware(request)

    assert [*seen, timezone.get_current_timezone_name()] == [zone, "UTC"]
