"""Answers as HTTP has them: 304 to who has it, packed to who accepts that, HEAD and OPTIONS."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from extraction.documents.intake import folder_of
from extraction.models import Extraction, State
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice


@pytest.fixture
def read(db: None) -> Extraction:
    return make_extraction(
        state=State.SUCCEEDED, http_status=200, result=make_invoice().model_dump(mode="json")
    )


def address(extraction: Extraction) -> str:
    return f"/api/v1/extractions/{extraction.pk}/"


def test_who_has_an_extraction_is_not_sent_it_again(
    integrator: Integrator, read: Extraction
) -> None:
    first = integrator.http.get(address(read))

    again = integrator.http.get(address(read), headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 1},
        {"state": State.FAILED, "error_code": "x", "http_status": 502},
        {"files_removed_at": datetime(2026, 11, 1, tzinfo=UTC)},
    ],
)
def test_a_changed_extraction_is_sent(
    integrator: Integrator, read: Extraction, changes: dict[str, object]
) -> None:
    seen = integrator.http.get(address(read))["ETag"]
    Extraction.objects.filter(pk=read.pk).update(**changes)

    again = integrator.http.get(address(read), headers={"If-None-Match": seen})

    assert again.status_code == 200
    assert again["ETag"] != seen


def test_one_at_work_is_always_sent(integrator: Integrator) -> None:
    extraction = make_extraction(state=State.PROCESSING)
    seen = integrator.http.get(address(extraction))["ETag"]

    again = integrator.http.get(address(extraction), headers={"If-None-Match": seen})

    assert again.status_code == 200


def test_long_answers_are_packed_and_their_etag_still_decides(
    integrator: Integrator, read: Extraction
) -> None:
    plain = integrator.http.get(address(read))
    packed = integrator.http.get(address(read), headers={"Accept-Encoding": "gzip"})

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert "Accept-Encoding" in packed["Vary"]
    assert packed["ETag"] == "W/" + plain["ETag"]
    again = integrator.http.get(address(read), headers={"If-None-Match": packed["ETag"]})
    assert again.status_code == 304
    decided = integrator.http.post(
        f"{address(read)}reject/",
        {"reason": "not ours"},
        format="json",
        headers={"If-Match": packed["ETag"]},
    )
    assert decided.status_code == 200


def test_page_image_is_not_sent_again_and_not_packed(
    integrator: Integrator, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    extraction = make_extraction(state=State.SUCCEEDED, page_count=1)
    pages = folder_of(extraction.pk) / "pages"
    pages.mkdir(parents=True)
    (pages / "001.jpg").write_bytes(b"\xff\xd8" + bytes(1000))
    page = f"{address(extraction)}pages/1"

    first = integrator.http.get(page, headers={"Accept-Encoding": "gzip"})
    again = integrator.http.get(page, headers={"If-None-Match": first["ETag"]})

    first.close()
    assert "Content-Encoding" not in first
    assert (first.status_code, again.status_code) == (200, 304)


def test_if_match_that_does_not_hold_is_told_as_every_error(
    integrator: Integrator, read: Extraction, data_dir: Path
) -> None:
    pages = folder_of(read.pk) / "pages"
    pages.mkdir(parents=True)
    (pages / "001.jpg").write_bytes(b"image")

    for path in (address(read), f"{address(read)}pages/1", "/api/schema/"):
        response = integrator.http.get(path, headers={"If-Match": '"another"'})

        assert (response.status_code, response.json()["code"]) == (412, "changed_meanwhile"), path


def test_head_answers_as_get_without_a_body(integrator: Integrator, read: Extraction) -> None:
    got, head = integrator.http.get(address(read)), integrator.http.head(address(read))

    assert (head.status_code, head.content) == (200, b"")
    assert head["ETag"] == got["ETag"]
    assert head["Content-Length"] == got["Content-Length"]


def test_options_tells_the_methods(integrator: Integrator, read: Extraction) -> None:
    response = integrator.http.options(address(read))

    assert response.status_code == 200
    assert response["Allow"] == "GET, PATCH, DELETE, HEAD, OPTIONS"


@pytest.mark.parametrize("accept", ["application/xml", "text/html", "image/png;q=0.1", "nonsense"])
def test_every_accept_header_is_answered_in_json(
    integrator: Integrator, read: Extraction, accept: str
) -> None:
    response = integrator.http.get(address(read), headers={"Accept": accept})

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("sent", ["order-4711", "a" * 36, "6f9619ff-8b86-d011-b42d-00cf4fc964ff"])
def test_a_plain_request_id_is_kept(integrator: Integrator, sent: str) -> None:
    response = integrator.http.get("/api/v1/nothing/", headers={"X-Request-ID": sent})

    assert response["X-Request-ID"] == response.json()["request_id"] == sent


@pytest.mark.parametrize("sent", ["", "a" * 37, "a b", "ä", "<script>", "x\n", "a;b"])
def test_any_other_request_id_is_replaced(integrator: Integrator, sent: str) -> None:
    response = integrator.http.get("/api/v1/nothing/", headers={"X-Request-ID": sent})

    assert len(response["X-Request-ID"]) == 36
    assert response["X-Request-ID"] != sent
