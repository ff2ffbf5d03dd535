"""What the viewer of the pages asks for: images, words, and which way up pages are."""

import re
import uuid
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from extraction.documents import intake
from extraction.documents.kept_words import keep_words
from extraction.documents.words import PageWords, Word
from extraction.models import Extraction
from tests.extraction.documents.pages import invoice, pdf
from tests.extraction.test_views import html, succeeded

pytestmark = pytest.mark.django_db


@pytest.fixture
def extraction(data_dir: Path) -> Extraction:
    """Has one drawn page of two."""
    made = succeeded()
    folder = intake.folder_of(made.pk)
    (folder / "pages").mkdir(parents=True)
    (folder / "pages" / "001.jpg").write_bytes(b"stored")
    (folder / "document.pdf").write_bytes(pdf(invoice))
    Extraction.objects.filter(pk=made.pk).update(
        file=f"{str(made.pk)[:2]}/{made.pk}/document.pdf", page_count=2
    )
    made.refresh_from_db()
    return made


def address(extraction: Extraction, number: int = 1, what: str = "") -> str:
    return f"/extractions/{extraction.pk}/pages/{number}/{what}"


def test_image_is_sent_once(signed_in: Client, extraction: Extraction) -> None:
    response = signed_in.get(address(extraction))

    assert response.getvalue() == b"stored"
    assert response["Content-Type"] == "image/jpeg"
    assert response["Cache-Control"] == "private, max-age=3600"
    again = signed_in.get(address(extraction), headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_larger_image_has_its_own_etag(signed_in: Client, extraction: Extraction) -> None:
    larger = signed_in.get(address(extraction), {"side": "2560"})

    assert larger.getvalue()[:2] == b"\xff\xd8"
    usual = signed_in.get(address(extraction), {"side": "x"})
    assert usual.getvalue() == b"stored"
    assert larger["ETag"] != usual["ETag"]


def test_words_of_a_page(signed_in: Client, extraction: Extraction) -> None:
    words = [Word("<b>", (0.1, 0.2, 0.3, 0.4))]
    keep_words(intake.folder_of(extraction.pk), [PageWords(1, "text", words)])

    response = signed_in.get(address(extraction, what="words/"))

    assert response["Content-Type"] == "application/json"
    assert response.json() == [["<b>", 0.1, 0.2, 0.3, 0.4]]
    assert signed_in.get(address(extraction, 2, "words/")).json() == []


def test_page_stays_turned_for_all(signed_in: Client, extraction: Extraction) -> None:
    assert 'data-turn="0"' in html(signed_in.get(f"/extractions/{extraction.pk}/"))

    signed_in.post(address(extraction, 1, "turn/"), {"degrees": "90"})
    signed_in.post(address(extraction, 2, "turn/"), {"degrees": "180"})
    answer = signed_in.post(address(extraction, 1, "turn/"), {"degrees": "630"}).json()
    signed_in.post(address(extraction, 1, "turn/"), {"degrees": "45"})

    assert answer == {"degrees": 270}
    extraction.refresh_from_db()
    assert extraction.page_turns == {"1": 270, "2": 180}
    for page in ("", "review/"):
        shown = html(signed_in.get(f"/extractions/{extraction.pk}/{page}"))
        assert re.findall(r'data-turn="(\d+)"', shown) == ["270"]


@pytest.mark.parametrize("what", ["", "words/", "turn/"])
def test_pages_that_are_not_theirs_are_not_found(
    what: str, signed_in: Client, extraction: Extraction
) -> None:
    ask = signed_in.post if what == "turn/" else signed_in.get
    foreign = succeeded()
    Extraction.objects.filter(pk=foreign.pk).update(company_id="NT048")

    assert ask(address(foreign, 1, what)).status_code == 404
    assert ask(f"/extractions/{uuid.uuid4()}/pages/1/{what}").status_code == 404
    for number in (0, 3):
        assert ask(address(extraction, number, what)).status_code == 404
    foreign.refresh_from_db()
    assert foreign.page_turns is None


def test_page_without_an_image_is_not_found(signed_in: Client, extraction: Extraction) -> None:
    assert signed_in.get(address(extraction, 2)).status_code == 404


@pytest.mark.parametrize("what", ["", "words/"])
def test_removed_files_are_not_found(what: str, signed_in: Client, extraction: Extraction) -> None:
    Extraction.objects.update(files_removed_at=extraction.created_at)

    assert signed_in.get(address(extraction, 1, what)).status_code == 404


def test_turning_needs_the_csrf_token(operator: object, extraction: Extraction) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)  # type: ignore[arg-type]

    assert client.post(address(extraction, 1, "turn/"), {"degrees": "90"}).status_code == 403


@pytest.mark.parametrize("what", ["", "words/"])
def test_pages_need_a_log_in(what: str, extraction: Extraction) -> None:
    assert Client().get(address(extraction, 1, what))["Location"].startswith("/login/")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"path": "total_amount", "text": "1.234,50 €"}, {"value": "1234.50", "problem": ""}),
        ({"path": "total_amount", "text": "1.234", "mark": ","}, {"value": "1234", "problem": ""}),
        (
            {"path": "total_amount", "text": "1.234", "mark": ";", "order": "x"},
            {
                "value": "",
                "problem": "This can be read as 1.234 or as 1234: enter one of them.",
            },
        ),
        (
            {"path": "due_date", "text": "03/04/2026", "order": "day_first"},
            {"value": "2026-04-03", "problem": ""},
        ),
        ({}, {"value": "", "problem": "There is no text."}),
    ],
)
def test_words_become_a_value(
    asked: dict[str, str], answer: dict[str, str], signed_in: Client
) -> None:
    assert signed_in.get("/review/printed/", asked).json() == answer


@pytest.mark.parametrize("what", ["", "words/"])
def test_pages_whose_disk_is_away_are_asked_for_again(
    signed_in: Client, extraction: Extraction, data_dir: Path, what: str
) -> None:
    """Else they would be said to be missing, and no words be remembered for an hour."""
    intake.documents_folder()
    (data_dir / "files").rename(data_dir / "elsewhere")
    signed_in.raise_request_exception = False

    page = reverse("api-page", args=[extraction.pk, 1])
    for path in (address(extraction, what=what), page):
        answer = signed_in.get(path)
        assert (answer.status_code, answer["Retry-After"]) == (503, "30")
