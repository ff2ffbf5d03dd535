"""Times of documents are shown in the time zone of their company."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from openpyxl import load_workbook
from pytest_django import Settings

from extraction import liveness
from extraction.models import CompanyGrant, Extraction, State
from tests.extraction.conftest import Integrator
from tests.extraction.exports.made_up import make_succeeded
from tests.extraction.factories import make_extraction
from tests.extraction.listing.rows import html, listed
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.test_review_views import doubtful
from tests.tokens.rows import make_company
from tokens.company_days import zone_of, zones_of
from tokens.models import TokenMaster

pytestmark = pytest.mark.django_db

EVENING = datetime(2026, 11, 27, 20, 15, 7, tzinfo=UTC)
IN_UTC = 'title="27 Nov 2026, 20:15 UTC">'
KATHMANDU = '<span class="zone">+0545</span>'
IN_KATHMANDU = f"28 Nov 2026, 02:00 {KATHMANDU}"


@pytest.fixture(autouse=True)
def _nepal(db: None) -> None:
    make_company("NT047", time_zone="Asia/Kathmandu")


def received(extraction: Extraction) -> Extraction:
    """It, as received in the evening."""
    Extraction.with_deleted.filter(pk=extraction.pk).update(created_at=EVENING)
    return extraction


def page(client: Client, extraction: Extraction, part: str = "") -> str:
    return html(client.get(f"/extractions/{extraction.pk}/{part}"))


def test_every_page_of_a_document_names_the_zone_of_its_company(signed_in: Client) -> None:
    extraction = received(doubtful())

    for part in ("", "review/"):
        assert f"{IN_UTC}{IN_KATHMANDU}</time>" in page(signed_in, extraction, part)
        assert "20:15</time>" not in page(signed_in, extraction, part)


def test_times_of_other_kinds_are_in_it_too(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "has_sign", lambda: True)
    waiting = make_extraction(state=State.WAITING, due_at=EVENING)
    deleted = make_extraction(deleted_at=EVENING, deleted_by="asha")
    rejected = doubtful()
    decision = {"reviewed_at": EVENING, "reviewed_by": "asha", "rejection": "No."}
    Extraction.objects.filter(pk=rejected.pk).update(**decision)
    traced = received(make_extraction())

    assert IN_KATHMANDU in page(admin_client, waiting, "waiting/")
    assert IN_KATHMANDU in page(admin_client, deleted)
    assert IN_KATHMANDU in page(admin_client, rejected, "read-again/")
    assert IN_KATHMANDU in html(admin_client.get("/extractions/deleted/"))
    assert f"28 Nov 2026, 02:00:07.000 {KATHMANDU}" in page(admin_client, traced, "trace/")


def test_a_zone_that_is_the_sites_is_not_named(signed_in: Client, settings: Settings) -> None:
    settings.DISPLAY_TIME_ZONE = "Asia/Kathmandu"
    extraction = received(make_extraction())

    assert f"{IN_UTC}28 Nov 2026, 02:00</time>" in page(signed_in, extraction)


def test_each_row_of_the_list_is_in_the_zone_of_its_company(
    operator: User, signed_in: Client
) -> None:
    CompanyGrant.objects.create(user=operator, company_id="NT048")
    make_company("NT048", time_zone="America/New_York")
    CompanyGrant.objects.create(user=operator, company_id="NT049")
    for company_id in ("NT047", "NT048", "NT049"):
        listed(company_id, company_id=company_id, created_at=EVENING)

    shown = html(signed_in.get("/extractions/?sort=company"))

    assert re.findall(rf"{IN_UTC}(.*?)</time>", shown) == [
        IN_KATHMANDU,
        '27 Nov 2026, 15:15 <span class="zone">EST</span>',
        "27 Nov 2026, 20:15",
    ]


def test_ids_in_another_spelling_are_of_the_same_company() -> None:
    assert str(zone_of("nt047 ")) == "Asia/Kathmandu"
    assert {name: str(zone) for name, zone in zones_of(["NT047", "other"]).items()} == {
        "NT047": "Asia/Kathmandu",
        "other": "UTC",
    }


def test_what_came_already_is_told_in_the_zone_of_its_company(
    signed_in: Client, token: TokenMaster
) -> None:
    form = {"company_id": "NT047", "branch": "Default"}
    by_script = {"Accept": "application/json"}
    first = signed_in.post("/", {**form, "file": upload(pdf("one"))}, headers=by_script)
    Extraction.objects.filter(pk=UUID(first.json()["files"][0]["id"])).update(created_at=EVENING)

    again = signed_in.post("/", {**form, "file": upload(pdf("one"))}, headers=by_script)

    assert again.json()["files"][0]["notice"] == (
        "This document came already on 28 Nov 2026, 02:00 +0545."
    )


def exported(client: Client, format_: str) -> bytes:
    response: Any = client.get(f"/exports/{format_}/")
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def test_tables_tell_times_in_the_zone_of_each_company_and_which_that_is(
    admin_client: Client,
) -> None:
    received(make_succeeded())
    elsewhere = make_succeeded("NT049")
    Extraction.objects.filter(pk=elsewhere.pk).update(created_at=EVENING + timedelta(minutes=1))

    text = exported(admin_client, "csv").decode("utf-8-sig")
    book = load_workbook(io.BytesIO(exported(admin_client, "xlsx")))

    told = [
        (row["extraction.created_at"], row["extraction.time_zone"])
        for row in csv.DictReader(io.StringIO(text))
    ]
    assert told == [("2026-11-28 02:00", "Asia/Kathmandu"), ("2026-11-27 20:16", "UTC")]
    sheet = book.worksheets[0]
    names = [cell.value for cell in sheet[1]]
    cells = [row[names.index("extraction.created_at")] for row in sheet.iter_rows(2, None)]
    assert [cell.value for cell in cells] == [
        datetime(2026, 11, 28, 2, 0, 7),
        datetime(2026, 11, 27, 20, 16, 7),
    ]


def test_programs_keep_utc(admin_client: Client, integrator: Integrator) -> None:
    extraction = received(make_succeeded())

    answer = integrator.http.get(f"/api/v1/extractions/{extraction.pk}/")
    lines = exported(admin_client, "jsonl").decode()

    assert answer.json()["created_at"].startswith("2026-11-27T20:15:07")
    assert '"received": "2026-11-27T20:15:07+00:00"' in lines
