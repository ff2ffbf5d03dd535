"""Exports as operators ask for them."""

import csv
import dataclasses
import io
import json
import re
import uuid
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from extraction import export_views
from extraction.exports import download
from extraction.exports.formats import WRITERS, Format
from extraction.exports.source import invoice_of
from extraction.invoices.listed import listed_fields
from extraction.listing import window
from extraction.models import ExportColumn, ExportProfile, Extraction, State
from ocrsite.lib.files import standing_folder
from tests.extraction.exports.made_up import make_succeeded
from tests.extraction.exports.trade import make_trade
from tests.extraction.factories import make_extraction

CSV = "/exports/csv/"


def content(response: Any) -> bytes:
    assert response.status_code == 200
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(response)


def numbers(response: Any) -> list[str]:
    """The invoice numbers of a CSV file."""
    rows = csv.DictReader(io.StringIO(content(response).decode("utf-8-sig")))
    return [row["invoice_number"] for row in rows]


def make_profile(name: str = "Mine", **fields: Any) -> ExportProfile:
    profile = ExportProfile.objects.create(name=name, **fields)
    ExportColumn.objects.create(
        profile=profile, position=1, path="invoice_number", heading="Nummer"
    )
    return profile


def test_all_of_the_granted_companies_that_succeeded_are_exported(signed_in: Client) -> None:
    make_succeeded(invoice_number="1")
    make_succeeded(invoice_number="2", company_id="NT048")
    make_extraction(state=State.FAILED)

    assert numbers(signed_in.get(CSV)) == ["1"]


def test_selected_ids_are_exported(signed_in: Client) -> None:
    one, two, three = [make_succeeded(invoice_number=number) for number in "123"]
    make_succeeded(invoice_number="4")

    repeated = signed_in.get(CSV, {"ids": [str(one.pk), str(two.pk)]})
    listed = signed_in.post(CSV, {"ids": f"{one.pk},{three.pk}, {one.pk}"})

    assert numbers(repeated) == ["1", "2"]
    assert numbers(listed) == ["1", "3"]


def test_filters_of_the_list_choose_what_is_exported(signed_in: Client, operator: User) -> None:
    operator.company_grants.create(company_id="NT050")
    make_succeeded(invoice_number="1")
    make_succeeded(invoice_number="2", company_id="NT050")

    assert numbers(signed_in.get(CSV, {"company": "NT050"})) == ["2"]
    assert numbers(signed_in.get(CSV, {"company": "NT047", "state": "succeeded"})) == ["1"]
    assert numbers(signed_in.get(CSV, {"state": "failed"})) == []
    assert numbers(signed_in.get(CSV, {"state": "nonsense"})) == []


def test_superuser_exports_every_company(db: None) -> None:
    make_succeeded(invoice_number="1")
    make_succeeded(invoice_number="2", company_id="NT048")
    client = Client()
    client.force_login(User.objects.create_superuser("root"))

    assert numbers(client.get(CSV)) == ["1", "2"]


@pytest.mark.parametrize("format_name", Format.values)
def test_company_or_document_of_others_does_not_exist(signed_in: Client, format_name: str) -> None:
    theirs, mine = make_succeeded(company_id="NT048"), make_succeeded()
    address = f"/exports/{format_name}/"

    answers = [
        signed_in.get(address, {"company": "NT048"}),
        signed_in.get(address, {"ids": str(theirs.pk)}),
        signed_in.post(address, {"ids": [mine.pk, theirs.pk]}),
        signed_in.get(address, {"ids": str(uuid.uuid4())}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/exports/pdf/", 404),
        ("/exports/", 404),
        ("/exports/?export_as=nonsense", 404),
        (f"/exports/?export_as=csv:{uuid.UUID(int=1)}", 404),
        ("/exports/csv/?profile=Unknown", 404),
        (f"/exports/csv/?profile={uuid.UUID(int=1)}", 404),
        ("/exports/csv/?ids=1", 400),
        ("/exports/csv/?ids=%00", 400),
    ],
)
def test_what_is_not_there_is_told(signed_in: Client, address: str, status: int) -> None:
    assert signed_in.get(address).status_code == status


def test_more_ids_than_a_query_takes_are_refused(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_views, "MAX_IDS", 2)

    response = signed_in.post(CSV, {"ids": ",".join(str(uuid.uuid4()) for _ in range(3))})

    assert response.status_code == 422
    assert "at most 2 documents" in response.content.decode()


def test_more_documents_than_an_archive_takes_are_refused(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = dataclasses.replace(WRITERS[Format.DOCUMENTS], most=1)
    monkeypatch.setattr(download, "WRITERS", {Format.DOCUMENTS: limited})
    make_succeeded()
    fits = signed_in.get("/exports/zip/")
    make_succeeded()

    response = signed_in.get("/exports/zip/")

    assert fits.status_code == 200
    assert response.status_code == 422
    assert "at most 1 documents" in response.content.decode()


def test_none_chosen_is_an_empty_but_valid_file(signed_in: Client, data_dir: Path) -> None:
    make_extraction(state=State.FAILED)

    answers = {name: content(signed_in.get(f"/exports/{name}/")) for name in Format.values}

    assert answers["csv"].decode("utf-8-sig").startswith("extraction.id,")
    assert len(answers["csv"].splitlines()) == 1
    assert answers["jsonl"] == b""
    assert load_workbook(io.BytesIO(answers["xlsx"])).sheetnames == ["Invoices", "Lines"]
    for name in ("zip", "ubl"):
        assert zipfile.ZipFile(io.BytesIO(answers[name])).namelist() == []


@pytest.mark.parametrize(
    ("format_name", "content_type", "extension"),
    [
        ("csv", "text/csv; charset=utf-8", "csv"),
        ("jsonl", "application/jsonl; charset=utf-8", "jsonl"),
        (
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx",
        ),
        ("zip", "application/zip", "zip"),
        ("ubl", "application/zip", "zip"),
    ],
)
def test_answer_is_a_download_with_a_name_of_ours(
    signed_in: Client, data_dir: Path, format_name: str, content_type: str, extension: str
) -> None:
    make_succeeded(invoice_number='"\r\nX: y')

    response = signed_in.get(f"/exports/{format_name}/")

    assert response["Content-Type"] == content_type
    assert re.fullmatch(
        rf'attachment; filename="invoices-\d{{8}}-\d{{6}}\.{extension}"',
        response["Content-Disposition"],
    )
    assert content(response)


def test_profile_is_named_by_id_or_name(signed_in: Client) -> None:
    make_succeeded()
    profile = make_profile(byte_order_mark=False)
    expected = b"Nummer\r\n4711\r\n"

    assert content(signed_in.get(CSV, {"profile": "Mine"})) == expected
    assert content(signed_in.get(CSV, {"profile": str(profile.pk)})) == expected


def test_profile_counts_for_its_own_format_alone(signed_in: Client, data_dir: Path) -> None:
    make_profile(format="xlsx")

    assert signed_in.get(CSV, {"profile": "Mine"}).status_code == 404
    book = load_workbook(io.BytesIO(content(signed_in.get("/exports/xlsx/", {"profile": "Mine"}))))
    assert list(book["Invoices"].values) == [("Nummer",)]


def test_choice_of_the_form_is_a_format_or_a_profile(signed_in: Client) -> None:
    make_succeeded()
    profile = make_profile(byte_order_mark=False)

    lines = content(signed_in.get("/exports/", {"export_as": "jsonl"})).splitlines()
    table = content(signed_in.post("/exports/", {"export_as": f"csv:{profile.pk}"}))

    assert [json.loads(line)["invoice_number"] for line in lines] == ["4711"]
    assert table == b"Nummer\r\n4711\r\n"


def test_list_offers_profiles_and_formats(signed_in: Client) -> None:
    make_succeeded()
    profile = make_profile("<b>Mine</b>")

    html = signed_in.get("/extractions/").content.decode()

    assert f'<option value="csv:{profile.pk}">&lt;b&gt;Mine&lt;/b&gt; (CSV)</option>' in html
    assert all(f'<option value="{name}">' in html for name in Format.values)
    assert '<button class="quiet" name="action" value="export">Export</button>' in html


def act(client: Client, query: str = "", **data: Any) -> Any:
    return client.post(f"/extractions/act/{query}", {"action": "export", **data})


def test_chosen_ones_are_exported_in_the_way_that_is_chosen(signed_in: Client) -> None:
    one, two = make_succeeded(invoice_number="1"), make_succeeded(invoice_number="2")
    make_succeeded(invoice_number="3")
    profile = make_profile(byte_order_mark=False)
    chosen = [str(one.pk), str(two.pk)]

    lines = content(act(signed_in, chosen=chosen, export_as="jsonl")).splitlines()
    table = content(act(signed_in, chosen=chosen, export_as=f"csv:{profile.pk}"))

    assert [json.loads(line)["invoice_number"] for line in lines] == ["1", "2"]
    assert table == b"Nummer\r\n1\r\n2\r\n"


@pytest.mark.parametrize("export_as", ["", "pdf", f"csv:{uuid.UUID(int=1)}"])
def test_way_that_is_not_offered_does_not_exist(signed_in: Client, export_as: str) -> None:
    make_succeeded()

    assert act(signed_in, scope="all", export_as=export_as).status_code == 404


@pytest.mark.parametrize("action", ["export", "csv"])
def test_all_that_are_found_are_exported_though_the_list_looked_at_fewer(
    action: str, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "EXAMINED", 2)
    for number in range(5):
        make_succeeded(invoice_number=str(number))
    first = Extraction.objects.order_by("created_at")[0]
    Extraction.objects.exclude(pk=first.pk).update(branch="North")

    html = signed_in.get("/extractions/?branch=North").content.decode()
    response = act(signed_in, "?branch=North", action=action, scope="all", export_as="csv")

    assert "Exports hold all that the filters match, not only the newest." in html
    assert numbers(response) == ["1", "2", "3", "4"]


def test_approved_invoice_leads_to_its_e_invoice(signed_in: Client) -> None:
    approved, other = make_succeeded(), make_succeeded()
    Extraction.objects.filter(pk=approved.pk).update(reviewed_at=timezone.now())

    pages = [
        signed_in.get(f"/extractions/{each.pk}/{page}").content.decode()
        for each in (approved, other)
        for page in ("", "review/")
    ]

    assert ["/ubl/" in page for page in pages] == [True, True, False, False]


def test_documents_are_exported_as_they_were_uploaded(signed_in: Client, data_dir: Path) -> None:
    extraction = make_succeeded()
    path = standing_folder(data_dir / "files") / extraction.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"%PDF-1.7")

    file = zipfile.ZipFile(io.BytesIO(content(signed_in.get("/exports/zip/"))))

    assert {name: file.read(name) for name in file.namelist()} == {
        f"invoice-{extraction.pk}.pdf": b"%PDF-1.7"
    }


def test_export_needs_a_session(db: None) -> None:
    response = Client().get(CSV)

    assert (response.status_code, response["Location"]) == (302, f"/login/?next={CSV}")


def test_export_by_post_needs_the_csrf_token(operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)

    assert client.post(CSV).status_code == 403


def test_other_methods_are_refused(signed_in: Client) -> None:
    assert signed_in.delete(CSV).status_code == 405


@pytest.mark.parametrize(("rows", "queries"), [(1, 14), (20, 14)])
def test_export_costs_the_same_queries_for_any_number_of_rows(
    signed_in: Client, rows: int, queries: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make_succeeded()

    # Session, user, grants, permissions (user's and role's), names of companies, whether there are
    # labels, ids, rows, time zones; for the audit list how many, of which companies, the entry,
    # which they are.
    with django_assert_num_queries(queries):
        content(signed_in.get(CSV))


def test_full_disk_is_answered_before_the_file_has_begun(
    signed_in: Client, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def full(path: Path, *arguments: Any) -> Any:
        return opened(Path("/dev/full") if path.suffix == ".xml" else path, *arguments)

    monkeypatch.setattr(Path, "open", full)
    signed_in.raise_request_exception = False
    for _ in range(50):
        make_succeeded()

    assert signed_in.get("/exports/xlsx/").status_code == 503
    assert list((data_dir / "tmp").iterdir()) == []


def test_one_invoice_is_exported_as_ubl(signed_in: Client) -> None:
    extraction = make_extraction(
        state=State.SUCCEEDED,
        result=make_trade().model_dump(mode="json"),
        reviewed_at=timezone.now(),
    )

    response = signed_in.get(f"/extractions/{extraction.pk}/ubl/")

    assert response.status_code == 200
    assert response["Content-Type"] == "application/xml"
    assert response["Content-Disposition"] == f'attachment; filename="{extraction.pk}.xml"'
    assert b"<cbc:ID>4711</cbc:ID>" in response.content


def test_refused_einvoice_says_what_is_missing(signed_in: Client) -> None:
    extraction = make_succeeded()
    Extraction.objects.update(reviewed_at=timezone.now())

    response = signed_in.get(f"/extractions/{extraction.pk}/ubl/")

    page = response.content.decode()
    assert response.status_code == 422
    assert "customer is missing (BR-07)" in page
    assert "customer address does not end with a country (BR-11)" in page


def test_refused_einvoice_says_what_is_missing_in_german(signed_in: Client) -> None:
    extraction = make_succeeded()
    Extraction.objects.update(reviewed_at=timezone.now())

    answer = signed_in.get(
        f"/extractions/{extraction.pk}/ubl/", headers={"Accept-Language": "de"}
    ).content.decode()

    assert "Kunde: fehlt (BR-07); " in answer
    assert "is missing" not in answer


@pytest.mark.parametrize("rejection", ["", "Not ours"])
def test_einvoice_of_what_is_not_approved_is_refused(signed_in: Client, rejection: str) -> None:
    extraction = make_succeeded()
    decided = timezone.now() if rejection else None
    Extraction.objects.update(reviewed_at=decided, rejection=rejection)

    response = signed_in.get(f"/extractions/{extraction.pk}/ubl/")

    assert response.status_code == 422
    assert "made of approved ones only: approve it first." in response.content.decode()


def test_einvoice_of_others_or_of_what_was_not_read_does_not_exist(signed_in: Client) -> None:
    for extraction in (make_succeeded(company_id="NT048"), make_extraction(state=State.FAILED)):
        assert signed_in.get(f"/extractions/{extraction.pk}/ubl/").status_code == 404


def test_times_of_receipt_order_the_export(signed_in: Client) -> None:
    later, sooner = make_succeeded(invoice_number="later"), make_succeeded(invoice_number="sooner")
    for extraction, day in ((later, 2), (sooner, 1)):
        Extraction.objects.filter(pk=extraction.pk).update(
            created_at=datetime(2026, 11, day, tzinfo=UTC)
        )

    assert numbers(signed_in.get(CSV)) == ["sooner", "later"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("text=re-2", ["RE-2"]),
        ("sort=number&page=1", ["RE-1", "RE-2"]),
        ("since=2026-01-01&until=2026-12-31&duplicates=none", ["RE-1", "RE-2"]),
        ("until=2020-01-01", []),
        ("status=failed", []),
        ("text=re-2&state=nonsense", []),
    ],
)
def test_what_the_list_filters_is_exported(signed_in: Client, query: str, found: list[str]) -> None:
    for number in ("RE-1", "RE-2"):
        extraction = make_succeeded(invoice_number=number)
        listed = listed_fields(invoice_of(extraction))
        Extraction.objects.filter(pk=extraction.pk).update(**listed)

    assert sorted(numbers(signed_in.get(f"{CSV}?{query}"))) == found
