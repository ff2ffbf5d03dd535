"""What is done with the chosen documents of the list, and never with those of others."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django_q.models import OrmQ

from extraction.listing import actions
from extraction.listing.actions import ACTIONS, Action
from extraction.listing.conditions import Rows, matching
from extraction.listing.filters import Filters
from extraction.models import Extraction, State
from tests.extraction.factories import make_extraction
from tests.extraction.listing.rows import NOON, listed

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]


def failed(**fields: Any) -> Extraction:
    return make_extraction(**{"state": State.FAILED, "file_name": "failed.pdf", **fields})


def queued() -> set[uuid.UUID]:
    return set(Extraction.objects.queued().values_list("pk", flat=True))


def act(client: Client, query: str = "", **data: Any) -> str:
    """Do it, follow to the list, and return what is said."""
    response: Any = client.post(f"/extractions/act/{query}", {"action": "retry", **data})
    assert response.status_code == 302
    assert response["Location"] == f"/extractions/{query or '?'}"
    return str(client.get(response["Location"]).content.decode())


def test_chosen_ones_that_failed_are_queued_again(signed_in: Client) -> None:
    first, second, other = failed(), failed(), failed()
    done = listed("done")

    said = act(signed_in, chosen=[str(each.pk) for each in (first, second, done)])

    assert queued() == {first.pk, second.pk}
    assert "2 documents are queued again." in said
    assert OrmQ.objects.count() == 2
    other.refresh_from_db()
    assert other.state == State.FAILED


def test_all_that_are_found_are_those_of_every_page_and_of_no_other_filter(
    signed_in: Client,
) -> None:
    found = {failed(file_name=f"found{number}.pdf").pk for number in range(30)}
    failed()
    failed(file_name="found.pdf", company_id="NT048")

    said = act(signed_in, "?text=found&page=2&sort=-total", scope="all", chosen="x")

    assert queued() == found
    assert "30 documents are queued again." in said


def test_documents_of_others_are_not_chosen(signed_in: Client) -> None:
    theirs = failed(company_id="NT048")

    said = act(signed_in, chosen=[str(theirs.pk), "nonsense", str(uuid.uuid4()), ""])

    assert "Choose at least one document." in said
    assert queued() == set()


@pytest.mark.parametrize("query", ["?company=NT048", "?state=nonsense", "?status=failed"])
def test_filters_that_are_not_valid_choose_nothing(signed_in: Client, query: str) -> None:
    failed()
    failed(company_id="NT048")

    assert "Choose at least one document." in act(signed_in, query, scope="all")
    assert queued() == set()


def test_what_cannot_be_tried_again_is_said(signed_in: Client) -> None:
    removed = failed(files_removed_at=NOON)

    said = act(signed_in, chosen=[str(removed.pk)])

    assert "None of them failed, or their documents were removed." in said


def test_one_request_queues_so_many(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "RETRIED_AT_ONCE", 1)
    first = failed(created_at=NOON)
    failed(created_at=NOON + timedelta(minutes=1))

    said = act(signed_in, scope="all")

    assert queued() == {first.pk}
    assert "1 document is queued again." in said
    assert "There are more: try them again as well." in said


@pytest.mark.parametrize("name", ["", "delete", "__class__"])
def test_unknown_action_is_refused(signed_in: Client, name: str) -> None:
    response = signed_in.post("/extractions/act/", {"action": name, "scope": "all"})

    assert response.status_code == 400


def test_action_is_no_link_and_needs_a_log_in(signed_in: Client) -> None:
    assert signed_in.get("/extractions/act/").status_code == 405
    assert Client().post("/extractions/act/", {"action": "retry"}).status_code == 302
    assert queued() == set()


def test_action_that_is_added_has_a_button_and_may_answer_with_a_file(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def name_them(request: HttpRequest, chosen: Rows) -> HttpResponse:
        return HttpResponse(", ".join(chosen.values_list("file_name", flat=True)))

    monkeypatch.setitem(ACTIONS, "name", Action("Name them", name_them))
    listed("a")

    shown = signed_in.get("/extractions/").content.decode()
    answered = signed_in.post("/extractions/act/", {"action": "name", "scope": "all"})

    assert 'value="name">Name them</button>' in shown
    assert answered.content == b"a.pdf"


def test_matching_rows_are_all_of_them_in_order() -> None:
    for number in range(3):
        listed(f"n{number}", created_at=NOON + timedelta(minutes=number))
    listed("theirs", company_id="NT048", created_at=NOON)

    def files(filters: Filters, companies: list[str] | None) -> list[str]:
        return [each.file_name for each in matching(filters, companies)]

    assert files(Filters(), ["NT047"]) == ["n2.pdf", "n1.pdf", "n0.pdf"]
    assert files(Filters(sort="file", text="n"), ["NT047"]) == ["n0.pdf", "n1.pdf", "n2.pdf"]
    assert files(Filters(company="NT048"), ["NT047"]) == []
    assert files(Filters(company="NT048"), None) == ["theirs.pdf"]
    assert files(Filters(), []) == []
    assert len(files(Filters(), None)) == 4
