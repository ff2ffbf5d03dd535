"""The pages of operators."""

import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client

from extraction.documents.intake import folder_of
from extraction.models import Extraction, State
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tests.tokens.rows import make_token
from tokens.models import TokenMaster

FORM = {"company_id": "NT047", "branch": "North"}


def html(response: Any) -> str:
    """The page without runs of blanks."""
    return re.sub(r"\s+", " ", response.content.decode())


def succeeded(**fields: Any) -> Extraction:
    invoice = make_invoice(**fields)
    return make_extraction(
        state=State.SUCCEEDED,
        http_status=200,
        result=invoice.model_dump(mode="json"),
        needs_review=invoice.needs_review,
    )


def test_upload_page_offers_the_granted_companies(signed_in: Client, token: TokenMaster) -> None:
    make_token(company_id="NT048", company_name="OTHER")

    page = html(signed_in.get("/"))

    assert '<option value="NT047">RUBI TRADERS (NT047)</option>' in page
    assert "NT048" not in page


@pytest.mark.parametrize(
    ("superuser", "advice"), [(True, "Add a token"), (False, "Ask your administrator")]
)
def test_upload_page_says_what_to_do_without_a_company(
    db: None, superuser: bool, advice: str
) -> None:
    client = Client()
    client.force_login(User.objects.create_user("new", is_superuser=superuser))

    assert advice in html(client.get("/"))


def test_upload_of_one_file_leads_to_its_result(
    signed_in: Client, operator: User, token: TokenMaster
) -> None:
    response = signed_in.post("/", {**FORM, "file": upload(pdf("INVOICE"))})

    extraction = Extraction.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/extractions/{extraction.pk}/")
    assert (extraction.client, extraction.requested_by) == (f"user:{operator.pk}", "asha")
    assert extraction.branch == "North"


def test_upload_of_several_files_tells_what_became_of_each(
    signed_in: Client, token: TokenMaster
) -> None:
    files = [upload(pdf("INVOICE")), upload(b"", "empty.pdf")]

    response = signed_in.post("/", {**FORM, "file": files})

    page = html(response)
    assert response.status_code == 422
    assert f"/extractions/{Extraction.objects.get().pk}/" in page
    assert "empty.pdf" in page
    assert "Refused" in page


def test_upload_of_several_good_files_is_no_error(signed_in: Client, token: TokenMaster) -> None:
    files = [upload(pdf("one")), upload(pdf("two"))]

    assert signed_in.post("/", {**FORM, "file": files}).status_code == 200


def test_upload_without_a_token_shows_its_message(signed_in: Client) -> None:
    response = signed_in.post("/", {**FORM, "file": upload(pdf("INVOICE"))})

    assert response.status_code == 422
    assert "No active token found for your company." in html(response)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "Choose at least one file."),
        ({"company_id": "NT048", "file": b""}, "Select a valid choice."),
        ({"branch": "b" * 51, "file": b""}, "at most 50 characters"),
        ({"branch": "a\x1bb", "file": b""}, "must not contain control characters."),
    ],
)
def test_upload_form_says_what_is_wrong(
    signed_in: Client, token: TokenMaster, fields: dict[str, Any], problem: str
) -> None:
    if "file" in fields:
        fields = {**fields, "file": upload(pdf("INVOICE"))}

    response = signed_in.post("/", {**FORM, **fields})

    assert response.status_code == 422
    assert problem in html(response)
    assert not Extraction.objects.exists()


def test_upload_by_script_is_answered_with_json(signed_in: Client, token: TokenMaster) -> None:
    files = [upload(pdf("INVOICE")), upload(b"", "empty.pdf")]

    response = signed_in.post("/", {**FORM, "file": files}, headers={"Accept": "application/json"})

    pk = Extraction.objects.get().pk
    accepted, rejected = response.json()["files"]
    assert response.status_code == 200
    assert accepted == {
        "problem": "",
        "locked": False,
        "notice": "",
        "id": str(pk),
        "page": f"/extractions/{pk}/",
    }
    assert (rejected["page"], rejected["id"], rejected["locked"]) == (None, None, False)
    assert rejected["problem"]


def test_upload_by_script_with_a_wrong_form_is_told_so(
    signed_in: Client, token: TokenMaster
) -> None:
    response = signed_in.post("/", FORM, headers={"Accept": "application/json"})

    assert response.json() == {"files": [], "problem": "Choose at least one file."}


def test_upload_needs_the_csrf_token(operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)

    response = client.post("/", {**FORM, "file": upload(pdf("INVOICE"))})

    assert response.status_code == 403
    assert "Please send that again" in html(response)


def test_result_shows_fields_tables_checks_and_usage(signed_in: Client) -> None:
    extraction = succeeded(needs_review=True, warnings=["The total is faint."])

    page = html(signed_in.get(f"/extractions/{extraction.pk}/"))

    assert "<dt>Invoice number</dt> <dd>4711</dd>" in page
    assert "Supplier &lt;Ltd&gt;" in page
    assert '<td class="number">50.00</td>' in page
    assert "Total adds up" in page
    assert "expected 119.00, found 120.00" in page
    assert "The total is faint." in page
    assert "Needs review" in page
    assert "1090 in, 150 out, 100 thinking" in page
    assert 'data-poll="' not in page


def test_result_marks_what_was_not_found(signed_in: Client) -> None:
    extraction = succeeded(total_amount=None, line_items=[], tax_breakdown=[], checks=[])

    page = html(signed_in.get(f"/extractions/{extraction.pk}/"))

    assert '<dt>Total amount</dt> <dd><span class="absent">not found</span></dd>' in page
    assert "<dt>Due date</dt>" not in page
    assert "<h2>Lines</h2>" not in page
    assert "<h2>Checks</h2>" not in page


def test_result_shows_the_pages_that_are_drawn(signed_in: Client) -> None:
    extraction = succeeded()
    folder = folder_of(extraction.pk) / "pages"
    folder.mkdir(parents=True)
    for number in (1, 2):
        (folder / f"{number:03}.jpg").write_bytes(b"")

    page = html(signed_in.get(f"/extractions/{extraction.pk}/"))

    images = re.findall(r'<img src="([^"]+)"', page)
    assert images == [f"/api/v1/extractions/{extraction.pk}/pages/{number}" for number in (1, 2)]


def test_result_in_work_follows_itself_with_and_without_scripts(signed_in: Client) -> None:
    extraction = make_extraction(state=State.PROCESSING)

    page = html(signed_in.get(f"/extractions/{extraction.pk}/"))

    assert f'data-poll="/api/v1/extractions/{extraction.pk}/"' in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page


def test_failed_result_says_why_and_can_be_tried_again(signed_in: Client) -> None:
    extraction = make_extraction(
        state=State.FAILED, error_message="Failed to process invoice", error_detail="Too slow."
    )
    address = f"/extractions/{extraction.pk}/"

    page = html(signed_in.get(address))
    response = signed_in.post(f"{address}retry/", follow=True)

    assert "Failed to process invoice" in page
    assert "Too slow." in page
    assert "Try again" in page
    assert "The document is queued again." in html(response)
    extraction.refresh_from_db()
    assert extraction.state == State.QUEUED


def test_retry_of_what_did_not_fail_changes_nothing(signed_in: Client) -> None:
    extraction = succeeded()

    response = signed_in.post(f"/extractions/{extraction.pk}/retry/", follow=True)

    assert "Only what failed or was cancelled can be tried again." in html(response)
    extraction.refresh_from_db()
    assert extraction.state == State.SUCCEEDED


def test_retry_is_no_link(signed_in: Client) -> None:
    assert signed_in.get(f"/extractions/{make_extraction().pk}/retry/").status_code == 405


def test_extraction_of_another_company_does_not_exist(signed_in: Client) -> None:
    theirs = make_extraction(company_id="NT048", state=State.FAILED)

    shown = signed_in.get(f"/extractions/{theirs.pk}/")
    retried = signed_in.post(f"/extractions/{theirs.pk}/retry/")

    assert (shown.status_code, retried.status_code) == (404, 404)
    assert "There is nothing here" in html(shown)
    theirs.refresh_from_db()
    assert theirs.state == State.FAILED


def test_nothing_but_health_and_log_in_is_open(db: None) -> None:
    paths = ["/", "/extractions/", f"/extractions/{uuid.uuid4()}/"]

    for path in paths:
        response = Client().get(path)
        assert (response.status_code, response["Location"]) == (302, f"/login/?next={path}")
    assert Client().get("/healthz").status_code == 200


def test_log_in_and_out(operator: User) -> None:
    client = Client()

    wrong = client.post("/login/", {"username": "asha", "password": "wrong"})
    right = client.post("/login/", {"username": "asha", "password": "a-long-password"})
    out = client.post("/logout/")

    assert "correct username and password" in html(wrong)
    assert (right.status_code, right["Location"]) == (302, "/")
    assert (out.status_code, out["Location"]) == (302, "/login/")


def test_every_page_has_the_strict_policy(signed_in: Client, token: TokenMaster) -> None:
    extraction = succeeded()
    pages = [
        "/",
        "/login/",
        "/extractions/",
        f"/extractions/{extraction.pk}/",
        "/nowhere",
        "/healthz",
    ]

    for path in pages:
        policy = signed_in.get(path)["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy


TEMPLATES = sorted(Path(django_settings.BASE_DIR, "templates").rglob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_has_no_inline_script_or_style(template: Path) -> None:
    text = template.read_text()

    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
