"""What is done with the chosen documents of the list, and never with those of others."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django_q.models import OrmQ

from extraction import deletion
from extraction.access import Principal
from extraction.invoices.listed import listed_fields
from extraction.listing import batches, retrying
from extraction.listing.actions import ACTIONS, Action
from extraction.listing.conditions import Rows, matching
from extraction.listing.filters import Filters
from extraction.models import Attempt, CompanyGrant, Extraction, ReviewState, Right, State
from extraction.review import decisions
from tests.extraction.factories import make_extraction
from tests.extraction.listing.rows import NOON, html, listed
from tests.extraction.sample_invoices import make_invoice
from tests.logs.audited import last
from tests.tokens.rows import make_token
from tokens.models import TokenMaster, TokenUsageLog

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]


def failed(**fields: Any) -> Extraction:
    return make_extraction(**{"state": State.FAILED, "file_name": "failed.pdf", **fields})


def readable(**fields: Any) -> Extraction:
    """One that was read, with its result."""
    columns = ("company_id", "file_name", "reviewed_at", "reviewed_by", "created_at", "original")
    row = {name: fields.pop(name) for name in columns if name in fields}
    invoice = make_invoice(**{"checks": [], **fields})
    return make_extraction(
        state=State.SUCCEEDED,
        result=invoice.model_dump(mode="json"),
        needs_review=invoice.needs_review,
        **listed_fields(invoice),
        **row,
    )


def queued() -> set[uuid.UUID]:
    return set(Extraction.objects.queued().values_list("pk", flat=True))


def act(client: Client, query: str = "", **data: Any) -> str:
    """Do it, follow to the list, and return what is said."""
    asked = {"action": "retry", "why": "The model was away.", **data}
    response: Any = client.post(f"/extractions/act/{query}", asked)
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
    monkeypatch.setattr(retrying, "RETRIED_AT_ONCE", 1)
    first = failed(created_at=NOON)
    failed(created_at=NOON + timedelta(minutes=1))

    said = act(signed_in, scope="all")

    assert queued() == {first.pk}
    assert "1 document is queued again." in said
    assert "There are more: try them again as well." in said


def called(extraction: Extraction, number: int, tokens: int, cost: str | None = None) -> None:
    """A call of the extraction that was charged."""
    key = TokenMaster.objects.first() or make_token()
    attempt = Attempt.objects.create(
        extraction=extraction, number=number, token=key, model="m", reserved=10
    )
    TokenUsageLog.objects.create(
        token=key,
        attempt_id=attempt.pk,
        total_tokens_used=tokens,
        cost=cost,
        currency="USD" if cost else None,
    )


def test_retry_says_what_the_last_time_cost_and_asks_for_a_reason(signed_in: Client) -> None:
    one, other = failed(attempts_before=1), failed()
    called(one, 1, 5_000_000)
    called(one, 2, 1_200, "0.5")
    called(other, 1, 34, "0.25")
    chosen = [str(one.pk), str(other.pk)]

    for why in ({}, {"why": " "}, {"why": "x" * 201}):
        asked = signed_in.post(
            "/extractions/act/?text=f", {"action": "retry", "chosen": chosen, **why}
        )
        page = asked.content.decode()

        assert asked.status_code == 200
        assert queued() == set()
        assert "2 documents are read again." in page
        assert "The last time 3 calls cost" not in page
        assert "The last time 2 calls cost 1,234 LLM tokens (0.75 USD)." in " ".join(page.split())
        assert all(f'value="{pk}"' in page for pk in chosen)
        assert 'action="/extractions/act/?text=f"' in page

    act(signed_in, chosen=chosen, why="Paid by the provider.")
    assert queued() == {one.pk, other.pk}
    assert {last(object_id=pk).why for pk in chosen} == {"Paid by the provider."}


def test_documents_that_cost_nothing_are_said_to(signed_in: Client) -> None:
    extraction = failed()

    page = signed_in.post("/extractions/act/", {"action": "retry", "chosen": [extraction.pk]})

    told = " ".join(page.content.decode().split())
    assert "1 document is read again." in told
    assert "The last time 0 calls cost 0 LLM tokens." in told


@pytest.mark.parametrize("name", ["", "drop", "__class__"])
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

    monkeypatch.setitem(ACTIONS, "name", Action("Name them", Right.EXPORT, name_them))
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


def said_after(client: Client, action: str, **data: Any) -> str:
    return act(client, action=action, **{"scope": "all", **data})


def test_what_is_not_doubtful_is_approved_on_every_page(signed_in: Client) -> None:
    right = [readable(file_name=f"{number}.pdf") for number in range(30)]
    doubtful = readable(needs_review=True)
    approved = readable(reviewed_at=NOON, reviewed_by="bela")
    make_extraction()

    said = said_after(signed_in, "approve")

    assert (
        "30 approved, 1 skipped: it needs review, "
        "1 skipped: it was approved or rejected before, 1 skipped: it has not been read." in said
    )
    rows = Extraction.objects.filter(pk__in=[each.pk for each in right])
    assert {(each.reviewed_by, each.review_state) for each in rows} == {
        ("asha", ReviewState.APPROVED)
    }
    for each, by in ((doubtful, None), (approved, "bela")):
        each.refresh_from_db()
        assert each.reviewed_by == by


def test_what_contradicts_itself_by_now_is_not_approved(signed_in: Client) -> None:
    extraction = readable(total_amount=Decimal(120))  # its checks were other ones then

    assert "0 approved, 1 skipped: it needs review." in said_after(signed_in, "approve")
    extraction.refresh_from_db()
    assert extraction.reviewed_at is None


def test_what_another_person_changes_meanwhile_is_skipped(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    readable(), readable()

    def conflict(*_: object, **__: object) -> None:
        raise decisions.ReviewConflict

    with monkeypatch.context() as patch:
        patch.setattr(decisions, "approve", conflict)
        assert "0 approved, 2 skipped: they changed meanwhile." in said_after(signed_in, "approve")


def test_waiting_ones_are_cancelled(signed_in: Client) -> None:
    make_extraction(), make_extraction(state=State.WAITING)
    make_extraction(state=State.PROCESSING), failed(), failed()

    said = said_after(signed_in, "cancel")

    assert "2 cancelled, 1 skipped: it is being read, 2 skipped: they have ended." in said
    assert Extraction.objects.filter(state=State.CANCELLED).count() == 2


def test_chosen_ones_are_deleted(signed_in: Client) -> None:
    waiting, running, done, other = (
        make_extraction(),
        make_extraction(state=State.PROCESSING),
        readable(),
        readable(),
    )
    theirs = readable(company_id="NT048")

    chosen = [str(each.pk) for each in (waiting, running, done, theirs)]
    said = said_after(signed_in, "delete", scope="chosen", chosen=chosen)

    assert "2 deleted, 1 skipped: it is being read." in said
    assert set(Extraction.objects.values_list("pk", flat=True)) == {
        running.pk,
        other.pk,
        theirs.pk,
    }


def test_chosen_ones_are_read_again_after_a_question(signed_in: Client) -> None:
    key = make_token()
    read, broken, approved = readable(), failed(), readable(reviewed_at=NOON)
    corrected = readable(original={"invoice_number": "1"})
    waiting, removed = make_extraction(), failed(files_removed_at=NOON)
    rows = (read, broken, approved, corrected, waiting, removed)
    chosen = {"chosen": [str(each.pk) for each in rows]}

    asked = signed_in.post("/extractions/act/?text=x", {"action": "read-again", **chosen})

    page = html(asked)
    assert "Read again: 3 documents" in page
    assert f"with key {key.pk}" in page
    assert all(f'name="chosen" value="{each.pk}"' in page for each in rows)
    assert 'action="/extractions/act/?text=x"' in page
    assert queued() == {waiting.pk}

    said = said_after(signed_in, "read-again", scope="chosen", how=str(key.pk), **chosen)

    assert "2 queued to be read again, 1 skipped: it waits to be read already" in said
    assert "1 skipped: its document was removed" in said
    assert "2 skipped: people corrected or decided them" in said
    assert queued() == {waiting.pk, read.pk, broken.pk}
    read.refresh_from_db()
    assert (read.chosen_key, read.chosen_reader) == (key, "model")


def test_keys_are_offered_to_documents_of_one_company(signed_in: Client, operator: User) -> None:
    CompanyGrant.objects.create(user=operator, company_id="NT048")
    make_token(), make_token(company_id="NT048")
    readable(), readable(company_id="NT048")

    page = html(signed_in.post("/extractions/act/", {"action": "read-again", "scope": "all"}))

    assert "with any key" in page
    assert "with key" not in page


@pytest.mark.parametrize(("bound", "value"), [("AT_ONCE", 1), ("SECONDS", 0.0)])
def test_request_does_so_many_and_says_that_there_are_more(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch, bound: str, value: float
) -> None:
    monkeypatch.setattr(batches, bound, value)
    readable(), readable()

    said = said_after(signed_in, "delete")

    assert f"{int(value)} deleted." in said
    assert "There are more: do it again for the rest." in said
    assert Extraction.objects.count() == 2 - int(value)


def test_what_is_gone_when_its_turn_comes_is_skipped(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    readable(created_at=NOON), readable()
    delete = deletion.delete

    def all_at_once(extraction: Extraction, *, by: Principal) -> bool:
        done = delete(extraction, by=by)
        Extraction.objects.update(deleted_at=NOON)
        return done

    monkeypatch.setattr(deletion, "delete", all_at_once)

    assert "1 deleted, 1 skipped: it changed meanwhile." in said_after(signed_in, "delete")
