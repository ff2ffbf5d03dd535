"""The review page without a script: what it shows, stores and keeps."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client, RequestFactory
from django.utils import timezone

from extraction import navigation, submission
from extraction.access import Principal
from extraction.documents.intake import folder_of
from extraction.invoices.listed import listed_fields
from extraction.invoices.schema import Evidence, Reason
from extraction.invoices.stored import current_invoice
from extraction.models import Correction, Extraction, ReviewState, State
from extraction.review.form import PREFIX
from extraction.roles import OPERATOR
from tests.extraction.factories import make_extraction, make_user
from tests.extraction.sample_invoices import LINE, make_invoice
from tests.extraction.test_views import html

pytestmark = pytest.mark.django_db

DOUBT = Reason(path="total_amount", code="not_printed", text="The total <b> is not printed.")
BOX = (0.1, 0.25, 0.3, 0.2675)


def doubtful(**fields: Any) -> Extraction:
    columns = {
        name: fields.pop(name)
        for name in ("company_id", "created_at", "file_name")
        if name in fields
    }
    invoice = make_invoice(**{"reasons": [DOUBT], "needs_review": True, "checks": [], **fields})
    return make_extraction(
        state=State.SUCCEEDED,
        http_status=200,
        result=invoice.model_dump(mode="json"),
        needs_review=True,
        **columns,
    )


def address(extraction: Extraction) -> str:
    return f"/extractions/{extraction.pk}/review/"


def sent(action: str = "save", version: int = 0, **values: str) -> dict[str, Any]:
    """A form; "__" in a name stands for the points of a path."""
    fields = {PREFIX + name.replace("__", "."): text for name, text in values.items()}
    return {"action": action, "version": str(version), **fields}


def value_of(path: str, page: str) -> str:
    (found,) = re.findall(rf'<input id="field-{re.escape(path)}"[^>]* value="([^"]*)"', page)
    return str(found)


def test_every_value_is_an_input_with_its_doubts(signed_in: Client) -> None:
    extraction = doubtful(evidence={"total_amount": Evidence(source="text", page=1, box=BOX)})
    (folder_of(extraction.pk) / "pages").mkdir(parents=True)
    (folder_of(extraction.pk) / "pages" / "001.jpg").write_bytes(b"")

    page = html(signed_in.get(address(extraction)))

    assert value_of("total_amount", page) == "119.00"
    assert value_of("line_items.0.amount", page) == "100.00"
    assert value_of("supplier.name", page) == "Supplier &lt;Ltd&gt;"
    assert "Street 1\nTown" in signed_in.get(address(extraction)).content.decode()
    assert (
        'data-path="total_amount" data-page="1" data-box="0.1 0.25 0.3 0.2675" data-flagged' in page
    )
    assert "The total &lt;b&gt; is not printed." in page
    assert page.count("data-flagged") == 1
    assert "1 of 1" in page
    assert '<option value="invoice" selected>' in page


def test_saved_correction_is_shown_as_a_persons(signed_in: Client) -> None:
    extraction = doubtful(total_amount=Decimal(120))

    response = signed_in.post(address(extraction), sent(total_amount="119.00"), follow=True)

    page = html(response)
    assert response.redirect_chain == [(address(extraction), 302)]
    assert value_of("total_amount", page) == "119.00"
    assert "Your changes are saved." in page
    assert "Nothing is doubtful." in page
    assert "set or confirmed by a person" in page
    assert "asha · Total amount: <bdi>120</bdi> → <bdi>119.00</bdi>" in page


@pytest.mark.parametrize(
    ("rejection", "told"),
    [
        ("", "approved by bela on <time"),
        ("Wrong <b>", "rejected by bela on <time"),
    ],
)
def test_result_and_review_say_who_decided_and_why(
    signed_in: Client, rejection: str, told: str
) -> None:
    extraction = doubtful()
    Extraction.objects.update(reviewed_at=timezone.now(), reviewed_by="bela", rejection=rejection)

    for page in (f"/extractions/{extraction.pk}/", address(extraction)):
        shown = html(signed_in.get(page))
        assert told in shown
        assert ("<bdi>Wrong &lt;b&gt;</bdi>" in shown) == bool(rejection)


def test_review_of_what_is_approved_does_not_lead_to_itself(signed_in: Client) -> None:
    extraction = doubtful()
    Extraction.objects.update(reviewed_at=timezone.now(), reviewed_by="bela")

    page = html(signed_in.get(address(extraction)))

    assert "approved by bela on" in page
    assert f'href="{address(extraction)}"' not in page


def test_value_that_was_clicked_is_stored_and_outlined_with_its_place(signed_in: Client) -> None:
    extraction = doubtful()
    (folder_of(extraction.pk) / "pages").mkdir(parents=True)
    (folder_of(extraction.pk) / "pages" / "001.jpg").write_bytes(b"")
    form = sent(total_amount="150.00") | {"place.total_amount": "1 0.1 0.2 0.3 0.4"}

    signed_in.post(address(extraction), form)

    extraction.refresh_from_db()
    place = {"source": "person", "page": 1, "box": [0.1, 0.2, 0.3, 0.4]}
    assert extraction.result is not None
    assert extraction.result["evidence"]["total_amount"] == place
    page = html(signed_in.get(address(extraction)))
    assert 'data-path="total_amount" data-page="1" data-box="0.1 0.2 0.3 0.4"' in page
    answer = signed_in.get(f"/api/v1/extractions/{extraction.pk}/").json()
    assert answer["invoice"]["evidence"]["total_amount"] == place


def test_clicked_place_is_kept_where_nothing_could_be_stored(signed_in: Client) -> None:
    extraction = doubtful()
    form = sent(total_amount="150.00", invoice_date="soon")

    page = html(
        signed_in.post(address(extraction), form | {"place.total_amount": "1 0.1 0.2 0.3 0.4"})
    )

    assert '<input type="hidden" name="place.total_amount" value="1 0.1 0.2 0.3 0.4">' in page


def test_form_that_is_sent_as_shown_changes_nothing(signed_in: Client) -> None:
    extraction = doubtful()
    page = signed_in.get(address(extraction)).content.decode()
    inputs = re.findall(r'<input id="field-[^"]+" name="([^"]+)" value="([^"]*)"', page)
    areas = re.findall(r'<textarea id="field-[^"]+" name="([^"]+)"[^>]*>\n([^<]*)<', page)
    form = {name: text.replace("&lt;", "<").replace("&gt;", ">") for name, text in inputs}
    form |= {name: text.replace("\n", "\r\n") for name, text in areas}
    form.pop(f"{PREFIX}line_items.__number__.description")  # of the template
    assert len(form) > 30

    form = {name: text for name, text in form.items() if "__number__" not in name}
    signed_in.post(address(extraction), {**form, "action": "save", "version": "0"})

    assert not Correction.objects.exists()


def test_wrong_values_are_told_at_their_fields_and_nothing_is_lost(signed_in: Client) -> None:
    extraction = doubtful()
    form = sent(
        total_amount="<12x>", due_date="soon", invoice_number="RE-5", line_items__4__amount="7"
    )

    page = html(signed_in.post(address(extraction), {**form, "rejection": "why"}))

    assert value_of("total_amount", page) == "&lt;12x&gt;"
    assert value_of("due_date", page) == "soon"
    assert value_of("invoice_number", page) == "RE-5"
    assert value_of("line_items.4.amount", page) == "7"
    assert "why</textarea>" in page
    assert '<span class="error" id="error-total_amount">Enter a number' in page
    assert '<span class="error" id="error-due_date">Enter a date' in page
    assert page.count("aria-invalid") == 2
    extraction.refresh_from_db()
    assert extraction.version == 0


def test_row_is_added_filled_and_another_removed(signed_in: Client) -> None:
    extraction = doubtful(line_items=[LINE, LINE])

    page = html(
        signed_in.post(address(extraction), sent("add:line_items", line_items__0__amount="99"))
    )

    assert value_of("line_items.2.amount", page) == ""
    assert value_of("line_items.0.amount", page) == "99"
    form = sent(line_items__0__amount="99", line_items__2__amount="7")

    signed_in.post(address(extraction), {**form, "remove": ["line_items.1"]})

    extraction.refresh_from_db()
    lines = current_invoice(extraction).line_items
    assert [str(line.amount) for line in lines] == ["99", "7"]


def test_rows_are_moved_without_a_script(signed_in: Client) -> None:
    lines = [LINE.model_copy(update={"description": letter}) for letter in "abc"]
    evidence = {"line_items.2.description": Evidence(source="text", page=1, box=BOX)}
    extraction = doubtful(line_items=lines, evidence=evidence)
    rows = [f"line_items.{number}" for number in range(4)]
    form = {**sent("up:line_items.3", line_items__3__description="d"), "order": rows}

    def order(action: str, rows: list[str]) -> list[str]:
        page = html(signed_in.post(address(extraction), {**form, "action": action, "order": rows}))
        found = re.findall(r'name="order" value="(line_items[^"]+)"', page)
        assert "Move row 2 up" in page
        return [each for each in found if "__number__" not in each]

    moved = order("up:line_items.3", rows)
    assert moved == [rows[0], rows[1], rows[3], rows[2]]
    moved = order("down:line_items.0", moved)
    assert moved == [rows[1], rows[0], rows[3], rows[2]]
    # Where nothing can be moved, all stays.
    for action in ("up:line_items.1", "down:line_items.2", "up:line_items.9", "down:x", "up:"):
        assert order(action, moved) == moved

    signed_in.post(address(extraction), {**form, "action": "save", "order": moved})

    extraction.refresh_from_db()
    invoice = current_invoice(extraction)
    assert [line.description for line in invoice.line_items] == ["b", "a", "d", "c"]
    assert invoice.evidence["line_items.3.description"].box == BOX
    assert invoice.evidence["line_items.2.description"].source == "person"


def test_order_of_rows_that_another_changed_is_left(signed_in: Client) -> None:
    lines = [LINE.model_copy(update={"description": letter}) for letter in "abc"]
    extraction = doubtful(line_items=lines)
    signed_in.post(address(extraction), {**sent(), "remove": ["line_items.0"]})
    rows = [f"line_items.{number}" for number in (2, 0, 1)]

    page = html(signed_in.post(address(extraction), {**sent(currency="USD"), "order": rows}))

    assert "Another person changed this invoice" in page
    found = re.findall(r'name="order" value="(line_items[^"]+)"', page)
    assert found == ["line_items.0", "line_items.1", "line_items.__number__"]


def test_confirmed_value_is_no_longer_doubtful(signed_in: Client) -> None:
    extraction = doubtful()

    page = html(
        signed_in.post(address(extraction), {**sent(), "confirm": ["total_amount"]}, follow=True)
    )

    assert "Nothing is doubtful." in page


def test_approval_opens_the_next_one_to_review(signed_in: Client) -> None:
    now = timezone.now()
    third, first, second = (
        doubtful(created_at=now + timedelta(minutes=minute)) for minute in (3, 1, 2)
    )

    unknown = {**sent("approve"), "invoice.file_name": ""}
    assert "Nothing is saved yet" in html(signed_in.post(address(second), unknown))

    response = signed_in.post(address(second), sent("approve", invoice_number="5"), follow=True)

    assert response.redirect_chain[-1][0] == address(third)
    assert "invoice.pdf is approved." in html(response)
    second.refresh_from_db()
    assert (second.review_state, second.invoice_number) == (ReviewState.APPROVED, "5")

    response = signed_in.post(address(third), sent("approve"), follow=True)
    assert response.redirect_chain[-1][0] == address(first)

    response = signed_in.post(address(first), sent("approve"), follow=True)
    assert response.redirect_chain[-1][0] == "/extractions/"
    assert "Nothing is left to review." in html(response)


def test_approval_of_a_contradiction_asks_once(signed_in: Client) -> None:
    extraction = doubtful()

    page = html(signed_in.post(address(extraction), sent("approve", invoice_number="")))

    assert "Approve this, although its values contradict each other?" in page
    assert "The invoice number was not read." in page
    assert value_of("invoice_number", page) == ""
    extraction.refresh_from_db()
    assert extraction.version == 0

    signed_in.post(address(extraction), sent("approve-anyway", invoice_number=""))

    extraction.refresh_from_db()
    assert (extraction.review_state, extraction.invoice_number) == (ReviewState.APPROVED, None)


def test_rejection_needs_a_reason_and_shows_it(signed_in: Client) -> None:
    extraction = doubtful()

    page = html(signed_in.post(address(extraction), sent("reject", total_amount="5")))

    assert "Say why it is rejected." in page
    assert value_of("total_amount", page) == "5"

    signed_in.post(address(extraction), {**sent("reject"), "rejection": "No <b>invoice"})

    page = html(signed_in.get(address(extraction)))
    assert "rejected by asha" in page
    assert "No &lt;b&gt;invoice" in page
    assert "Rejected" in html(signed_in.get(f"/extractions/{extraction.pk}/"))


def test_second_reviewer_keeps_what_was_typed(signed_in: Client, operator: User) -> None:
    extraction = doubtful()
    first = Client()
    binod = make_user("binod", OPERATOR, "NT047")
    first.force_login(binod)
    first.post(
        address(extraction),
        sent(total_amount="120", currency="USD", due_date="2026-12-01", vehicle_number="V1"),
    )
    mine = sent(
        total_amount="121",
        currency="EUR",
        due_date="",
        invoice_number="RE-5",
        payment_terms="now",
        vehicle_number="V1",
    )

    page = html(signed_in.post(address(extraction), mine))

    assert "Another person changed this invoice" in page
    assert value_of("total_amount", page) == "121"
    assert "binod changed this to 120 meanwhile." in page
    # Where only the other changed something, that counts.
    assert value_of("currency", page) == "USD"
    assert value_of("due_date", page) == "2026-12-01"
    assert value_of("invoice_number", page) == "RE-5"
    assert 'name="version" value="1"' in page
    extraction.refresh_from_db()
    assert extraction.invoice_number is None or extraction.invoice_number == "4711"

    again = sent(version=1, total_amount="121", currency="USD", due_date="2026-12-01")
    signed_in.post(address(extraction), again)

    extraction.refresh_from_db()
    invoice = current_invoice(extraction)
    assert (str(invoice.total_amount), invoice.currency) == ("121", "USD")


def test_second_reviewer_is_told_what_was_typed_into_moved_rows(signed_in: Client) -> None:
    extraction = doubtful(line_items=[LINE, LINE])
    signed_in.post(address(extraction), {**sent(), "remove": ["line_items.0"]})
    mine = sent(line_items__1__amount="77", line_items__0__amount="100.00", currency="")

    page = html(signed_in.post(address(extraction), {**mine, "remove": ["line_items.1"]}))

    assert "<li>77</li>" in page
    assert "<li>100.00</li>" not in page
    assert value_of("line_items.0.amount", page) == "100.00"
    assert value_of("currency", page) == ""


def test_cleared_value_is_told_to_the_second_reviewer(signed_in: Client) -> None:
    extraction = doubtful()
    signed_in.post(address(extraction), sent(currency=""))

    page = html(signed_in.post(address(extraction), sent(currency="USD")))

    assert "asha cleared this meanwhile." in page


def test_second_reviewer_keeps_what_was_typed_when_it_was_read_again(
    signed_in: Client, operator: User
) -> None:
    extraction = doubtful()
    invoice = current_invoice(extraction)
    Extraction.objects.update(**listed_fields(invoice))
    extraction.refresh_from_db()
    submission.read_again(extraction, by=Principal("user:9", "bela", operator))
    mine = sent(total_amount="5", invoice_number="4711", currency="USD", line_items__0__amount="77")

    page = html(signed_in.post(address(extraction), mine))

    assert "Another person changed this invoice" in page
    assert value_of("total_amount", page) == "5"
    read = invoice.model_copy(update={"invoice_number": "R-4711", "total_amount": Decimal(7)})
    Extraction.objects.update(state=State.SUCCEEDED, version=1, result=read.model_dump(mode="json"))

    page = html(signed_in.post(address(extraction), mine))

    # What only the new reading changed is its; what both changed is told.
    assert value_of("invoice_number", page) == "R-4711"
    assert value_of("total_amount", page) == "5"
    assert "bela changed this to 7 meanwhile." in page
    assert value_of("currency", page) == "USD"
    assert "<li>77</li>" in page
    assert "bela: had it read again" in page


@pytest.mark.parametrize("version", ["", "x", "9" * 30, "-1"])
def test_form_without_its_version_stores_nothing(signed_in: Client, version: str) -> None:
    extraction = doubtful()

    page = html(signed_in.post(address(extraction), {**sent(total_amount="5"), "version": version}))

    assert "Another person changed this invoice" in page
    assert value_of("total_amount", page) == "5"


@pytest.mark.parametrize("path", ["", "check/"])
def test_extraction_of_others_is_not_found(signed_in: Client, path: str) -> None:
    foreign = doubtful(company_id="NT048")

    for pk in (foreign.pk, uuid.uuid4()):
        response = signed_in.post(f"/extractions/{pk}/review/{path}", sent(total_amount="5"))
        assert response.status_code == 404
    foreign.refresh_from_db()
    assert foreign.version == 0
    assert foreign.claimed_for_review_by is None


@pytest.mark.parametrize("path", ["", "check/"])
def test_review_needs_the_csrf_token(operator: User, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)

    assert client.post(address(doubtful()) + path, sent()).status_code == 403


def test_review_needs_a_log_in() -> None:
    response = Client().post(address(doubtful()), sent("approve"))

    assert response["Location"].startswith("/login/")


def test_only_what_succeeded_can_be_reviewed(signed_in: Client) -> None:
    failed = make_extraction(state=State.FAILED)

    assert signed_in.get(address(failed))["Location"] == f"/extractions/{failed.pk}/"
    assert signed_in.post(address(failed) + "check/", sent()).json()["stale"]


def test_check_answers_what_is_doubtful_now(signed_in: Client) -> None:
    extraction = doubtful(line_items=[LINE, LINE, LINE])
    form = sent(line_items__2__amount="7", line_items__5__amount="8", line_items__5__quantity="2")
    form |= {"invoice.line_items.5.unit_price": "9", "remove": ["line_items.0"]}

    answer = signed_in.post(address(extraction) + "check/", form).json()

    assert answer["errors"] == {}
    assert answer["doubts"]["total_amount"].startswith(DOUBT.text)
    # The paths are those of the form, whose rows have not moved yet.
    assert {"line_items.2.amount", "line_items.5.amount"} <= answer["doubts"].keys()
    assert "To compare" in answer["verdict"]
    assert "&lt;b&gt;" in answer["verdict"]
    extraction.refresh_from_db()
    assert extraction.version == 0


def test_check_answers_what_is_wrong(signed_in: Client) -> None:
    extraction = doubtful()

    answer = signed_in.post(address(extraction) + "check/", sent(total_amount="x")).json()

    assert answer["errors"].keys() == {"total_amount"}
    assert answer["doubts"] is None
    stale = signed_in.post(address(extraction) + "check/", sent(version=3)).json()
    assert stale["stale"]


def test_navigation_counts_what_is_to_review(signed_in: Client) -> None:
    assert "Needs review (" not in html(signed_in.get("/"))
    doubtful()
    doubtful(company_id="NT048")

    assert 'href="/review/" >Needs review (1)<' in html(signed_in.get("/"))


def test_navigation_counts_nothing_for_strangers() -> None:
    doubtful()
    request = RequestFactory().get("/")
    request.user = AnonymousUser()

    assert not navigation.to_review(request)["to_review"]


def test_navigation_counts_to_a_hundred(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extraction.review.queue.COUNTED", 2)
    for _ in range(3):
        doubtful()

    assert "Needs review (2+)" in html(signed_in.get("/"))


def test_next_to_review_is_claimed(signed_in: Client, operator: User) -> None:
    extraction = doubtful()

    response = signed_in.get("/review/")

    assert response["Location"] == address(extraction)
    extraction.refresh_from_db()
    assert extraction.claimed_for_review_by == f"user:{operator.pk}"
    other = Client()
    binod = make_user("binod", OPERATOR, "NT047")
    other.force_login(binod)
    page = html(other.get("/review/", follow=True))
    assert "Others have open what is left to review." in page
    assert "Another person has this invoice open" in html(other.get(address(extraction)))


@pytest.mark.parametrize("after", ["x", "4c1a7a53-7d4e-4d43-9b7e-0f0f3a3f1c11"])
def test_unknown_place_in_the_queue_is_the_start(signed_in: Client, after: str) -> None:
    extraction = doubtful()

    assert signed_in.get(f"/review/?after={after}")["Location"] == address(extraction)


@pytest.mark.parametrize("rows", [1, 40])
def test_page_takes_as_many_queries_whatever_it_shows(
    signed_in: Client, rows: int, django_assert_num_queries: Any
) -> None:
    extraction = doubtful(line_items=[LINE] * rows)
    for _ in range(rows):
        doubtful()
    signed_in.post(address(extraction), sent(total_amount="5"))

    # Session, user, grants, permissions (user's and role's), extraction, claim, place in the queue
    # (2), corrections, time zone, navigation.
    with django_assert_num_queries(12):
        signed_in.get(address(extraction))


def test_invoice_of_a_thousand_lines_can_be_saved(signed_in: Client) -> None:
    extraction = doubtful(line_items=[LINE] * 1000)
    form = {
        f"{PREFIX}line_items.{number}.{name}": "1"
        for number in range(1000)
        for name in ("description", "quantity", "unit_price", "tax_rate", "amount")
    }

    response = signed_in.post(address(extraction), sent() | form)

    assert response.status_code == 302
