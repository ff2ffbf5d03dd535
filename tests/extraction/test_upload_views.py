"""The upload page: batches, branches, what came already, locked files, and the first steps."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.http import urlencode
from pypdf import PdfReader

from extraction import branches, first_steps
from extraction.models import CompanyGrant, Extraction, State
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import locked_pdf, pdf, upload
from tests.extraction.test_views import FORM, html
from tests.tokens.rows import make_token
from tokens.models import Provider, TokenMaster

BY_SCRIPT = {"Accept": "application/json"}
NOON = datetime(2026, 11, 12, 12, tzinfo=UTC)


def sent_by_script(client: Client, content: bytes, **fields: Any) -> dict[str, Any]:
    """What the page's script is answered for one file."""
    response = client.post("/", {**FORM, "file": upload(content), **fields}, headers=BY_SCRIPT)
    assert response.status_code == 200
    [file] = response.json()["files"]
    return dict(file)


def states(client: Client, *ids: object) -> Any:
    return client.get(f"/extractions/states/?{urlencode([('id', str(each)) for each in ids])}")


def test_files_of_one_sending_have_one_batch(signed_in: Client, token: TokenMaster) -> None:
    signed_in.post("/", {**FORM, "file": [upload(pdf("one")), upload(pdf("two"))]})
    signed_in.post("/", {**FORM, "file": upload(pdf("three"))})

    batches = list(Extraction.objects.order_by("created_at").values_list("batch", flat=True))
    assert batches[0] == batches[1] != batches[2] is not None


def test_script_names_the_batch(signed_in: Client, token: TokenMaster) -> None:
    batch = uuid.uuid4()
    for text in ("one", "two"):
        sent_by_script(signed_in, pdf(text), batch=batch.hex)

    assert list(Extraction.objects.values_list("batch", flat=True)) == [batch, batch]


def test_what_is_no_batch_is_refused(signed_in: Client, token: TokenMaster) -> None:
    response = signed_in.post(
        "/", {**FORM, "file": upload(pdf("one")), "batch": "mine"}, headers=BY_SCRIPT
    )

    assert response.json() == {"files": [], "problem": "Enter a valid UUID."}
    assert not Extraction.objects.exists()


def test_document_that_came_already_is_said_and_not_read_again(
    signed_in: Client, token: TokenMaster
) -> None:
    with time_machine.travel(NOON, tick=False):
        first = sent_by_script(signed_in, pdf("one"))
    second = sent_by_script(signed_in, pdf("one"))

    assert first["notice"] == ""
    assert second == {
        **first,
        "notice": "This document came already on 12 Nov 2026, 12:00.",
    }
    assert Extraction.objects.count() == 1


def test_document_that_came_already_is_read_again_on_demand(
    signed_in: Client, token: TokenMaster
) -> None:
    batch = uuid.uuid4()
    first = sent_by_script(signed_in, pdf("one"))
    again = sent_by_script(signed_in, pdf("one"), force="on", batch=batch)

    assert again["notice"] == ""
    assert again["id"] != first["id"]
    assert Extraction.objects.get(batch=batch).pk == uuid.UUID(again["id"])


def test_without_a_script_both_ways_are_offered_for_what_came_already(
    signed_in: Client, token: TokenMaster
) -> None:
    signed_in.post("/", {**FORM, "file": upload(pdf("one"))})
    first = Extraction.objects.get()

    response = signed_in.post("/", {**FORM, "file": upload(pdf("one"))})

    page = html(response)
    assert response.status_code == 200
    assert "This document came already on" in page
    assert f'<a href="/extractions/{first.pk}/">Open it</a>' in page
    assert 'type="checkbox" name="force"' in page

    response = signed_in.post("/", {**FORM, "file": upload(pdf("one")), "force": "on"})
    assert response.status_code == 302
    assert Extraction.objects.count() == 2


def test_locked_file_is_told_apart_and_opened_with_its_password(
    signed_in: Client, token: TokenMaster, data_dir: Path
) -> None:
    locked = locked_pdf(user=" geheim ", owner="owner")

    refused = sent_by_script(signed_in, locked)
    wrong = sent_by_script(signed_in, locked, password="geheim")
    opened = sent_by_script(signed_in, locked, password=" geheim ")

    assert (refused["locked"], refused["id"]) == (True, None)
    assert (wrong["locked"], wrong["id"]) == (True, None)
    assert wrong["problem"] == (
        "The password does not open the file. Check it and send both again."
    )
    assert (opened["locked"], opened["problem"]) == (False, "")
    stored = data_dir / "files" / Extraction.objects.get().file
    assert not PdfReader(stored).is_encrypted


def test_without_a_script_the_password_is_asked_for(signed_in: Client, token: TokenMaster) -> None:
    assert 'type="password" name="password"' not in html(signed_in.get("/"))

    locked = locked_pdf(user="geheim", owner="owner")
    response = signed_in.post("/", {**FORM, "file": upload(locked), "password": "canary55"})

    assert response.status_code == 422
    assert 'type="password" name="password"' in html(response)
    assert "canary55" not in html(response)
    response = signed_in.post("/", {**FORM, "file": upload(locked), "password": "geheim"})
    assert response.status_code == 302


def test_states_are_those_of_the_extractions_that_may_be_seen(signed_in: Client) -> None:
    succeeded = make_extraction(
        state=State.SUCCEEDED,
        needs_review=True,
        supplier_name="Acme",
        invoice_number="A-1",
        total_amount="1234.5",
        currency="EUR",
    )
    failed = make_extraction(state=State.FAILED, error_message="Failed", error_detail="Too slow.")
    working = make_extraction(state=State.PROCESSING)
    theirs = make_extraction(company_id="NT048")

    response = states(signed_in, succeeded.pk, failed.pk.hex, working.pk, theirs.pk, "nonsense")

    rows = {row.pop("id"): row for row in response.json()["extractions"]}
    assert rows == {
        str(succeeded.pk): {
            "state": "succeeded",
            "label": "Succeeded",
            "ended": True,
            "review": "to_review",
            "review_label": "Needs review",
            "detail": "Acme · A-1 · 1,234.50 EUR",
        },
        str(failed.pk): {
            "state": "failed",
            "label": "Failed",
            "ended": True,
            "review": "",
            "review_label": "",
            "detail": "Too slow.",
        },
        str(working.pk): {
            "state": "processing",
            "label": "Processing",
            "ended": False,
            "review": "",
            "review_label": "",
            "detail": "",
        },
    }


def test_states_say_what_a_person_decided(signed_in: Client) -> None:
    decided: dict[str, Any] = {"state": State.SUCCEEDED, "reviewed_at": NOON}
    approved = make_extraction(**decided)
    rejected = make_extraction(**decided, needs_review=True, rejection="A reminder.")

    rows = states(signed_in, approved.pk, rejected.pk).json()["extractions"]

    assert {row["id"]: row["review_label"] for row in rows} == {
        str(approved.pk): "Approved",
        str(rejected.pk): "Rejected",
    }


def test_states_of_many_take_one_query_more_than_of_none(
    signed_in: Client, django_assert_num_queries: Any
) -> None:
    ids = [make_extraction().pk for _ in range(100)]

    with django_assert_num_queries(4):  # session, user, grants, rows
        assert len(states(signed_in, *ids).json()["extractions"]) == 100
    assert states(signed_in, *ids, uuid.uuid4()).status_code == 400
    assert states(signed_in).json() == {"extractions": []}


def suggested(client: Client) -> dict[str, list[str]]:
    """The branches suggested, by the number of the company in the list of companies."""
    page = html(client.get("/"))
    lists = re.findall(r'<datalist id="branches-(\d)">(.*?)</datalist>', page)
    return {number: re.findall(r'<option value="([^"]*)">', options) for number, options in lists}


def test_branches_are_those_used_for_each_company(
    signed_in: Client, operator: User, token: TokenMaster
) -> None:
    CompanyGrant.objects.create(user=operator, company_id="NT048")
    for company_id, branch in [
        *(("NT047", "South"), ("NT047", "North <1>"), ("NT047", "South")),
        *(("NT048", "Harbour"), ("NT049", "Elsewhere")),
    ]:
        make_extraction(company_id=company_id, branch=branch)

    assert suggested(signed_in) == {"0": ["North &lt;1&gt;", "South"], "1": ["Harbour"]}
    page = html(signed_in.get("/"))
    assert re.search(r'<input type="text" name="branch" [^>]*list="branches-0"', page)


def test_branches_are_looked_for_among_the_newest_documents(
    signed_in: Client, token: TokenMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branches, "EXAMINED", 2)
    for hours, branch in enumerate(["Newest", "Newer", "Old"]):
        make_extraction(branch=branch, created_at=NOON - timedelta(hours=hours))

    assert suggested(signed_in) == {"0": ["Newer", "Newest"]}


@pytest.mark.parametrize("companies", [1, 12])
def test_branches_take_three_queries_however_many_companies(
    db: None, companies: int, django_assert_num_queries: Any
) -> None:
    ids = [f"C{number:02}" for number in range(companies)]
    for company_id in ids:
        make_extraction(company_id=company_id, branch=f"of {company_id}")

    with django_assert_num_queries(3):
        found = branches.branches_of(ids)

    assert found == {company_id: [f"of {company_id}"] for company_id in ids}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
def test_branches_are_read_from_the_index_of_the_newest(db: None) -> None:
    for company_id in ("A", "B"):
        make_extraction(company_id=company_id, branch="North")
    with CaptureQueriesContext(connection) as queries, pytest.MonkeyPatch.context() as patched:
        patched.setattr(branches, "EXAMINED", 1)
        branches.branches_of(["A", "B"])

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {queries[-1]['sql']}")
        steps = [step for *_, step in cursor.fetchall() if "extraction_extraction" in step]
    search = "SEARCH extraction_extraction USING INDEX extraction_company"
    assert steps == [f"{search} (company_id=? AND created_at>?)"] * 2


def test_branches_of_more_companies_than_are_asked_for_are_none(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branches, "MOST_COMPANIES", 1)
    for company_id in ("A", "B"):
        make_extraction(company_id=company_id, branch="North")

    assert branches.branches_of(["A", "B"]) == {"A": ["North"], "B": []}


def test_upload_without_a_branch_is_of_the_default_one(
    signed_in: Client, token: TokenMaster
) -> None:
    sent_by_script(signed_in, pdf("one"), branch="")

    assert Extraction.objects.get().branch == "Default"


def test_first_page_offers_a_sample_and_says_where_a_key_goes(db: None, token: TokenMaster) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))

    page = html(client.get("/"))

    assert '<button name="sample" value="acme-invoice.pdf">' in page
    assert first_steps.DEMO in page
    assert f'{first_steps.KEY} <a href="/admin/tokens/tokenmaster/add/">' in page


def test_operators_ask_for_a_key_unless_they_may_enter_one(
    signed_in: Client, operator: User, token: TokenMaster
) -> None:
    assert f"{first_steps.KEY} ask your administrator." in html(signed_in.get("/"))

    operator.is_staff = True
    operator.save()
    operator.user_permissions.add(Permission.objects.get(codename="add_tokenmaster"))

    assert "/admin/tokens/tokenmaster/add/" in html(signed_in.get("/"))


def test_first_steps_go_with_the_first_document(signed_in: Client, token: TokenMaster) -> None:
    make_extraction(company_id="NT048")
    assert "Nothing has been read yet" in html(signed_in.get("/"))

    make_extraction()

    assert "Nothing has been read yet" not in html(signed_in.get("/"))


def test_demo_is_not_spoken_of_where_there_is_a_key(signed_in: Client, token: TokenMaster) -> None:
    make_token(company_id="NT048")

    page = html(signed_in.get("/"))

    assert "Try a sample" in page
    assert first_steps.DEMO not in page


def test_sample_is_read_by_one_click(signed_in: Client, token: TokenMaster) -> None:
    response = signed_in.post("/samples/", {"company_id": "NT047", "sample": "acme-invoice.pdf"})

    extraction = Extraction.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/extractions/{extraction.pk}/")
    assert (extraction.file_name, extraction.branch) == ("acme-invoice.pdf", "Default")


@pytest.mark.parametrize(
    ("company_id", "sample"),
    [
        ("NT048", "acme-invoice.pdf"),
        ("NT047", "no-sample.pdf"),
        ("NT047", "../manage.py"),
        ("NT047", "make.py"),
        ("NT047", ""),
    ],
)
def test_nothing_but_samples_is_sent_as_one(
    signed_in: Client, token: TokenMaster, company_id: str, sample: str
) -> None:
    response = signed_in.post("/samples/", {"company_id": company_id, "sample": sample})

    assert response.status_code == 400
    assert not Extraction.objects.exists()


def test_sample_that_cannot_be_read_says_why(signed_in: Client) -> None:
    response = signed_in.post(
        "/samples/", {"company_id": "NT047", "sample": "acme-invoice.pdf"}, follow=True
    )

    assert "No active token found for your company." in html(response)


def test_samples_are_not_offered_where_they_are_not_installed(
    signed_in: Client, token: TokenMaster, settings: Any, tmp_path: Path
) -> None:
    settings.BASE_DIR = tmp_path

    page = html(signed_in.get("/"))

    assert "Try a sample" not in page
    assert first_steps.DEMO in page


def test_every_sample_offered_is_there() -> None:
    assert first_steps.samples() == first_steps.SAMPLES


def test_offline_token_alone_reads_offline(db: None) -> None:
    assert not first_steps.reads_offline_only()
    make_token("none", provider=Provider.OFFLINE)
    assert first_steps.reads_offline_only()
