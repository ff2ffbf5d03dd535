"""GET /api/v1/extractions/: what is found, in which order, page by page."""

import base64
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from extraction import labels
from extraction.models import Extraction, State
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction

URL = "/api/v1/extractions/"
MORNING = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def names(integrator: Integrator, **parameters: Any) -> list[str]:
    response = integrator.http.get(URL, parameters)
    assert response.status_code == 200, response.json()
    return [each["file_name"] for each in response.json()["results"]]


def make_named(name: str, **fields: Any) -> Extraction:
    return make_extraction(file_name=name, **fields)


def test_line_tells_what_an_invoice_is_found_by(integrator: Integrator) -> None:
    extraction = make_extraction(
        state=State.SUCCEEDED,
        http_status=200,
        supplier_name="Acme",
        invoice_number="A-1",
        invoice_date=date(2026, 11, 1),
        total_amount=Decimal("96.50"),
        currency="EUR",
        created_at=MORNING,
    )

    body = integrator.http.get(URL).json()

    assert (body["next"], body["previous"]) == (None, None)
    [line] = body["results"]
    assert line == {
        "extraction": f"{URL}{extraction.pk}/",
        "status": "ok",
        "state": "succeeded",
        "http_status": 200,
        "file_name": "invoice.pdf",
        "page_count": 1,
        "company_id": "NT047",
        "branch": "Default",
        "requested_by": "asha",
        "licence_id": None,
        "labels": {},
        "created_at": "2026-11-24T09:30:00Z",
        "finished_at": None,
        "duplicate_of": None,
        "needs_review": False,
        "reviewed": None,
        "document_type": None,
        "supplier_name": "Acme",
        "supplier_tax_id": None,
        "invoice_number": "A-1",
        "invoice_date": "2026-11-01",
        "due_date": None,
        "total_amount": "96.5",
        "currency": "EUR",
        "code": None,
        "message": None,
        "detail": None,
    }


def test_failed_one_says_why(integrator: Integrator) -> None:
    make_extraction(
        state=State.FAILED, error_code="timeout", error_message="Failed", error_detail="Too long."
    )

    [line] = integrator.http.get(URL).json()["results"]

    assert (line["status"], line["code"], line["detail"]) == ("error", "timeout", "Too long.")


def test_only_own_companies_are_listed(integrator: Integrator, signed_in: Client) -> None:
    make_named("ours.pdf")
    make_named("theirs.pdf", company_id="NT048")

    assert names(integrator) == ["ours.pdf"]
    assert [e["file_name"] for e in signed_in.get(URL).json()["results"]] == ["ours.pdf"]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"status": "pending"}, ["waiting.pdf", "queued.pdf"]),
        ({"status": "ok"}, ["read.pdf"]),
        ({"status": "error"}, ["failed.pdf"]),
        ({"state": "queued"}, ["queued.pdf"]),
        ({"branch": "north"}, ["queued.pdf"]),
        ({"received_since": "2026-11-24T09:31:00Z"}, ["failed.pdf", "read.pdf", "waiting.pdf"]),
        ({"received_before": "2026-11-24T15:15:30+05:45"}, ["queued.pdf"]),
        ({"since": "2026-11-01", "until": "2026-11-30"}, ["read.pdf"]),
        ({"review": "needed"}, ["read.pdf"]),
        ({"text": "failed"}, ["failed.pdf"]),
        ({"sort": "received"}, ["queued.pdf", "waiting.pdf", "read.pdf", "failed.pdf"]),
        ({"company": "NT047", "requester": "ram"}, []),
    ],
    ids=lambda value: urlencode(value) if isinstance(value, dict) else "",
)
def test_filter_selects(
    integrator: Integrator, parameters: dict[str, str], found: list[str]
) -> None:
    minutes = [MORNING + timedelta(minutes=number) for number in range(4)]
    make_named("queued.pdf", branch="North", created_at=minutes[0])
    make_named("waiting.pdf", state=State.WAITING, created_at=minutes[1])
    make_named(
        "read.pdf",
        state=State.SUCCEEDED,
        needs_review=True,
        invoice_date=date(2026, 11, 20),
        created_at=minutes[2],
    )
    make_named("failed.pdf", state=State.FAILED, created_at=minutes[3])

    assert names(integrator, **parameters) == found


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("status=done", "status"),
        ("state=gone", "state"),
        ("company=NT048", "company"),
        ("since=yesterday", "since"),
        ("received_since=2026-11-24", "received_since"),
        ("received_since=2026-11-24T09:30:00", "received_since"),
        ("received_before=2026-13-40T00:00:00Z", "received_before"),
        ("sort=total", "sort"),
        ("colour=red", "colour"),
        ("page=2", "page"),
        ("state=queued&state=failed", "state"),
        ("cursor=%21", "cursor"),
        ("cursor=" + base64.b64encode(b"p=noon").decode(), "cursor"),
        ("cursor=" + base64.b64encode(b"p=2026-99-99 99:99").decode(), "cursor"),
    ],
)
def test_what_cannot_be_meant_is_rejected(integrator: Integrator, query: str, named: str) -> None:
    response = integrator.http.get(f"{URL}?{query}")

    assert response.status_code in (400, 404)
    body = response.json()
    assert named in body["detail"].lower()
    assert set(body) == {"code", "message", "detail", "request_id"}


def test_cursor_goes_through_all_while_new_ones_arrive(integrator: Integrator) -> None:
    # Two were received at the same moment.
    for number in (0, 1, 2, 2, 3):
        make_named(f"{number}.pdf", created_at=MORNING + timedelta(minutes=number))
    seen = []
    address: str | None = f"{URL}?page_size=2"
    while address:
        body = integrator.http.get(address).json()
        seen += [line["file_name"] for line in body["results"]]
        make_named("new.pdf", created_at=MORNING + timedelta(hours=1))
        address = body["next"]

    assert seen == ["3.pdf", "2.pdf", "2.pdf", "1.pdf", "0.pdf"]
    back = integrator.http.get(body["previous"]).json()
    assert [line["file_name"] for line in back["results"]] == ["2.pdf", "1.pdf"]


@pytest.mark.parametrize("order", ["-received", "received"])
@pytest.mark.parametrize("filters", ["", "&state=failed", "&branch=north"])
def test_pages_of_several_companies_have_every_row_once_in_order(
    integrator: Integrator, order: str, filters: str
) -> None:
    # The first company has all of its rows before those of the others, which take turns.
    ids = ["NT047", "NT048", "NT049"]
    for each in ids[1:]:
        integrator.record.companies.create(company_id=each)
    minutes = {"NT047": range(7), "NT048": range(7, 40, 3), "NT049": range(8, 20, 3)}
    for company_id, found in minutes.items():
        for minute in found:
            fields = {"company_id": company_id, "state": State.FAILED, "branch": "North"}
            make_named(f"{minute}", created_at=MORNING + timedelta(minutes=minute), **fields)
            make_named("other", created_at=MORNING + timedelta(minutes=minute), company_id="NT050")
    expected = sorted(minute for each in minutes.values() for minute in each)
    expected = expected[::-1] if order == "-received" else expected
    address: str | None = f"{URL}?page_size=4&sort={order}{filters}"
    seen, pages = [], []
    while address:
        body = integrator.http.get(address).json()
        pages.append([line["file_name"] for line in body["results"]])
        seen += pages[-1]
        address = body["next"]

    assert seen == [str(minute) for minute in expected]
    for earlier in pages[-2::-1]:
        body = integrator.http.get(body["previous"]).json()
        assert [line["file_name"] for line in body["results"]] == earlier


def test_rows_of_one_moment_in_several_companies_are_all_listed(integrator: Integrator) -> None:
    integrator.record.companies.create(company_id="NT048")
    for number in range(6):
        make_named(f"{number}", company_id=f"NT04{7 + number % 2}", created_at=MORNING)
    seen: list[str] = []
    address: str | None = f"{URL}?page_size=2"
    while address:
        body = integrator.http.get(address).json()
        seen += [line["file_name"] for line in body["results"]]
        address = body["next"]

    assert sorted(seen) == [f"{number}" for number in range(6)]


@pytest.mark.parametrize("rare", [0, 1_000], ids=["frequent", "rare"])
@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("project=Alpha", ["ours.pdf", "second.pdf"]),
        ("Project", ["beta.pdf", "ours.pdf", "second.pdf"]),
        ("project=none", []),
    ],
)
def test_label_selects_the_same_however_many_have_it(
    integrator: Integrator,
    monkeypatch: pytest.MonkeyPatch,
    rare: int,
    label: str,
    found: list[str],
) -> None:
    monkeypatch.setattr(labels, "_RARE", rare)
    integrator.record.companies.create(company_id="NT048")
    for name, company_id, value in (
        ("ours.pdf", "NT047", "Alpha"),
        ("second.pdf", "NT048", "Alpha"),
        ("beta.pdf", "NT047", "Beta"),
        ("theirs.pdf", "NT050", "Alpha"),
    ):
        labelled = make_named(name, company_id=company_id)
        labelled.labels.create(key="project", value=value)
        labelled.labels.create(key="cost centre", value=value)
    make_named("unlabelled.pdf")

    assert sorted(names(integrator, label=label)) == found
    assert names(integrator, label=label, branch="South") == []


def test_number_of_queries_does_not_grow_with_the_companies(
    integrator: Integrator, django_assert_num_queries: Any
) -> None:
    integrator.record.companies.create(company_id="NT048")
    make_named("first.pdf")
    names(integrator)  # it remembers the client
    with CaptureQueriesContext(connection) as of_two:
        names(integrator)
    for number in range(20):
        integrator.record.companies.create(company_id=f"NT1{number:02}")
        make_named(f"{number}.pdf", company_id=f"NT1{number:02}")

    with django_assert_num_queries(len(of_two)):
        assert len(names(integrator)) == 21


def test_number_of_queries_does_not_grow_with_the_rows(
    integrator: Integrator, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make_named(f"{number}.pdf")

    # Locks, client, its companies, which are closed, its last use, their names, rows, labels.
    with django_assert_max_num_queries(8):
        assert len(names(integrator)) == 30


def test_companies_are_those_of_the_caller(integrator: Integrator) -> None:
    body = integrator.http.get("/api/v1/companies/").json()

    assert body == {"results": [{"company_id": "NT047", "name": None}]}


def test_line_of_one_that_was_not_read_again_after_all_names_no_error(
    integrator: Integrator,
) -> None:
    make_extraction(state=State.SUCCEEDED, http_status=200, error_code="no_einvoice")

    [line] = integrator.http.get(URL).json()["results"]

    assert (line["status"], line["code"], line["message"], line["detail"]) == (
        "ok",
        None,
        None,
        None,
    )


def test_deleted_one_is_not_listed(integrator: Integrator) -> None:
    make_named("deleted", deleted_at=MORNING, deleted_by="bela")

    assert names(integrator) == []
