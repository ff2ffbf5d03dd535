"""The pages on which people cancel, delete, get back and read again."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from extraction import document_views
from extraction.access import Principal
from extraction.models import Extraction, ReaderChoice, State
from tests.extraction.factories import make_extraction
from tests.extraction.listing.rows import html, listed
from tests.extraction.test_mistakes import corrected_and_approved, read_one
from tests.tokens.rows import KEY, make_token
from tokens.models import Provider, TokenStatus

pytestmark = pytest.mark.django_db


def post(client: Client, extraction: Extraction, act: str, **data: Any) -> str:
    """Do it, and return the page that follows."""
    return html(client.post(f"/extractions/{extraction.pk}/{act}/", data, follow=True))


def row(extraction: Extraction) -> Extraction:
    return Extraction.with_deleted.get(pk=extraction.pk)


def test_waiting_document_is_cancelled_and_may_be_tried_again(signed_in: Client) -> None:
    extraction = make_extraction()
    assert "Cancel the reading" in html(signed_in.get(f"/extractions/{extraction.pk}/"))

    page = post(signed_in, extraction, "cancel")

    assert row(extraction).state == State.CANCELLED
    assert "The reading is cancelled." in page
    assert "It was cancelled by asha before it was read." in page
    assert "Cancel the reading" not in page
    assert "The document is queued again." in post(signed_in, extraction, "retry")


@pytest.mark.parametrize(
    ("state", "said"),
    [(State.PROCESSING, document_views.UNDER_WAY), (State.FAILED, "It is too late")],
)
def test_what_cannot_be_cancelled_is_said(signed_in: Client, state: State, said: str) -> None:
    extraction = make_extraction(state=state)

    assert said in post(signed_in, extraction, "cancel")
    assert row(extraction).state == state


def test_deleted_document_says_so_and_is_got_back(signed_in: Client) -> None:
    extraction = read_one(file_name="mine.pdf")

    page = post(signed_in, extraction, "delete")

    assert re.search(
        r"deleted on <time [^>]+>\d+ \w+ \d{4}, \d\d:\d\d</time> by <bdi>asha</bdi>", page
    )
    assert "mine.pdf" not in html(signed_in.get("/extractions/"))
    assert "mine.pdf" in html(signed_in.get("/extractions/deleted/"))
    for address in ("review/", "retry/", "read-again/"):
        assert signed_in.post(f"/extractions/{extraction.pk}/{address}").status_code == 404
    assert "mine.pdf is back." in post(signed_in, extraction, "undo")
    assert "mine.pdf" in html(signed_in.get("/extractions/"))
    assert "mine.pdf" not in html(signed_in.get("/extractions/deleted/"))
    assert "is back" not in post(signed_in, extraction, "undo")


def test_deleted_document_is_in_no_list_count_export_or_queue(signed_in: Client) -> None:
    def seen() -> tuple[str, ...]:
        """Navigation, totals, the next to review, and an export of all."""
        page = html(signed_in.get("/extractions/"))
        export: Any = signed_in.get("/exports/jsonl/")
        return (
            *re.findall(r"Needs review \((\d+)\)", page),
            *re.findall(r">(\d+) documents?</td>", page),
            str(signed_in.get("/review/")["Location"]),
            str(b"".join(export).count(b"\n")),
        )

    kept, deleted = read_one(needs_review=True), read_one(needs_review=True)
    Extraction.objects.filter(pk=deleted.pk).update(created_at=timezone.now() - timedelta(days=9))
    assert seen() == ("2", "2", f"/extractions/{deleted.pk}/review/", "2")

    post(signed_in, deleted, "delete")

    assert seen() == ("1", "1", f"/extractions/{kept.pk}/review/", "1")
    # One that is named is not there either.
    assert signed_in.get(f"/exports/jsonl/?ids={deleted.pk}").status_code == 404


def test_document_that_is_being_read_is_not_deleted(signed_in: Client) -> None:
    extraction = make_extraction(state=State.PROCESSING)

    assert "Delete it when that has ended." in post(signed_in, extraction, "delete")
    assert row(extraction).deleted_at is None


def test_document_that_is_removed_for_good_says_so(signed_in: Client) -> None:
    extraction = read_one()
    post(signed_in, extraction, "delete")
    Extraction.with_deleted.purge(extraction.pk, timezone.now())

    page = html(signed_in.get(f"/extractions/{extraction.pk}/"))

    assert "It was removed for good on" in page
    assert "Undo" not in page
    assert "invoice.pdf" not in page


@pytest.mark.parametrize("act", ["cancel", "delete", "undo", "read-again"])
def test_documents_of_others_do_not_exist(signed_in: Client, act: str) -> None:
    waiting = make_extraction(company_id="NT048")
    deleted = read_one(company_id="NT048", deleted_at=timezone.now(), deleted_by="bela")

    for pk in (waiting.pk, deleted.pk, uuid.uuid4()):
        assert signed_in.post(f"/extractions/{pk}/{act}/").status_code == 404
    assert signed_in.get(f"/extractions/{deleted.pk}/").status_code == 404
    assert row(waiting).state == State.QUEUED
    assert row(deleted).deleted_by == "bela"


@pytest.mark.parametrize("act", ["cancel", "delete", "undo"])
def test_acts_are_no_links_and_need_a_log_in(signed_in: Client, act: str) -> None:
    extraction = make_extraction()

    assert signed_in.get(f"/extractions/{extraction.pk}/{act}/").status_code == 405
    response = Client().post(f"/extractions/{extraction.pk}/{act}/")
    assert response.status_code == 302
    assert response["Location"].startswith("/login/")
    assert row(extraction).state == State.QUEUED


def test_list_of_deleted_ones_is_the_users_and_the_latest_come_first(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(document_views, "PAGE_SIZE", 2)
    now = timezone.now()
    for number in range(3):
        when = now - timedelta(minutes=number)
        read_one(file_name=f"n{number}.pdf", deleted_at=when, deleted_by="bela")
    read_one(file_name="theirs.pdf", company_id="NT048", deleted_at=now, deleted_by="x")
    read_one(file_name="gone.pdf", deleted_at=now, deleted_by="x", purged_at=now)

    # Session, user, grants, permissions (user's and role's), count, rows, time zones, navigation.
    with django_assert_num_queries(9):
        page = html(signed_in.get("/extractions/deleted/"))

    assert re.findall(r"<bdi>(\w+)\.pdf", page) == ["n0", "n1"]
    assert "3 documents" in page
    assert re.findall(r"<bdi>(\w+)\.pdf", html(signed_in.get("/extractions/deleted/?page=2"))) == [
        "n2"
    ]


def test_chosen_deleted_ones_are_got_back(signed_in: Client) -> None:
    mine, other = (read_one(deleted_at=timezone.now(), deleted_by="bela") for _ in range(2))
    theirs = read_one(company_id="NT048", deleted_at=timezone.now(), deleted_by="x")

    chosen = [str(mine.pk), str(theirs.pk), "nonsense"]
    page = html(signed_in.post("/extractions/deleted/undo/", {"chosen": chosen}, follow=True))

    assert "1 back." in page
    none = signed_in.post("/extractions/deleted/undo/", {"chosen": "nonsense"}, follow=True)
    assert "Choose at least one document." in html(none)
    assert row(mine).deleted_at is None
    assert row(other).deleted_at
    assert row(theirs).deleted_at


def test_page_asks_once_what_another_reading_replaces(signed_in: Client, operator: User) -> None:
    extraction = corrected_and_approved(read_one(), Principal("user:9", "bela", operator))

    page = html(signed_in.get(f"/extractions/{extraction.pk}/read-again/"))

    assert "<bdi>bela</bdi> approved it on" in page
    assert "People corrected or confirmed 1 value." in page
    assert "has to be reviewed anew" in page
    assert 'name="version" value="1"' in page
    assert row(extraction).state == State.SUCCEEDED


def test_document_is_read_again_as_chosen(signed_in: Client) -> None:
    key = make_token()
    extraction = read_one()
    page = html(signed_in.get(f"/extractions/{extraction.pk}/read-again/"))
    assert "replaces" not in page
    assert f'value="{key.pk}"' in page
    assert f"with key {key.pk}: {key.masked_key} (Gemini)" in page
    assert KEY not in page

    said = post(signed_in, extraction, "read-again", version="0", how=str(key.pk))

    assert "The document is queued to be read again." in said
    assert "Until that has ended, this is what was read earlier." in said
    assert "4711" in said
    now = row(extraction)
    assert (now.state, now.chosen_reader, now.chosen_key) == (State.QUEUED, "model", key)
    assert signed_in.get(f"/extractions/{extraction.pk}/review/").status_code == 302


@pytest.mark.parametrize("how", ["", *ReaderChoice.values])
def test_reader_may_be_chosen(signed_in: Client, how: str) -> None:
    extraction = make_extraction(state=State.FAILED)

    post(signed_in, extraction, "read-again", version="0", how=how)

    now = row(extraction)
    assert (now.state, now.chosen_reader, now.chosen_key) == (State.QUEUED, how, None)


@pytest.mark.parametrize("how", ["other", "disabled", "nonsense", "999999"])
def test_key_that_cannot_be_used_is_not_offered(signed_in: Client, how: str) -> None:
    keys = {
        "other": make_token(company_id="NT048").pk,
        "disabled": make_token(f"{KEY}2", status=TokenStatus.DISABLED).pk,
    }
    extraction = read_one()

    page = post(signed_in, extraction, "read-again", version="0", how=keys.get(how, how))

    assert "This cannot be chosen any more." in page
    assert row(extraction).state == State.SUCCEEDED


def test_offline_key_is_named_without_a_key(signed_in: Client) -> None:
    key = make_token("none", provider=Provider.OFFLINE)

    page = html(signed_in.get(f"/extractions/{read_one().pk}/read-again/"))

    assert f"with key {key.pk} (offline)" in page


@pytest.mark.parametrize("version", ["", "7", "x"])
def test_what_changed_since_the_page_was_shown_is_asked_again(
    signed_in: Client, version: str
) -> None:
    extraction = read_one()

    page = post(signed_in, extraction, "read-again", version=version, how="")

    assert "Another person changed this document meanwhile." in page
    assert row(extraction).state == State.SUCCEEDED


@pytest.mark.parametrize(
    "fields",
    [{"state": State.QUEUED}, {"files_removed_at": timezone.now()}],
    ids=["queued", "removed"],
)
def test_what_cannot_be_read_again_is_said(signed_in: Client, fields: dict[str, Any]) -> None:
    extraction = read_one(**fields)

    assert "Only a document that is kept" in post(signed_in, extraction, "read-again", version="0")


def test_failure_to_read_again_is_told_beside_the_earlier_result(signed_in: Client) -> None:
    extraction = read_one(error_code="no_einvoice", error_detail="There is <none>.")

    page = html(signed_in.get(f"/extractions/{extraction.pk}/"))

    assert "It could not be read again. The earlier result stays." in page
    assert "There is &lt;none&gt;." in page
    assert "4711" in page


def test_list_leads_to_the_deleted_ones(signed_in: Client) -> None:
    listed("a")

    assert 'href="/extractions/deleted/"' in html(signed_in.get("/extractions/"))
    assert "Nothing was deleted" in html(signed_in.get("/extractions/deleted/"))
