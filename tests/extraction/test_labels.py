"""Labels of documents: what is accepted, where they are shown, and what is found by them."""

import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from extraction import labels, submission
from extraction.documents import retention
from extraction.exports.layout import rows_of
from extraction.exports.source import exported
from extraction.exports.values import getter, known_paths
from extraction.listing.conditions import matching
from extraction.listing.filters import Filters
from extraction.models import Extraction, Label, RowsPer, State
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tests.extraction.test_views import FORM
from tokens.models import TokenMaster

API = "/api/v1/extractions/"
LONGEST = {"k" * 50: "v" * 200}


def labelled(**values: str) -> Extraction:
    extraction = make_extraction(state=State.SUCCEEDED, http_status=200)
    Label.objects.bulk_create(labels.rows_of(extraction, values))
    return extraction


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("", {}),
        (" , \n,", {}),
        ("{}", {}),
        ("project=Alpha", {"project": "Alpha"}),
        (" Project = Alpha , cost-centre= 42 ", {"project": "Alpha", "cost-centre": "42"}),
        ("a=1\r\nb=2\n\nc=3", {"a": "1", "b": "2", "c": "3"}),
        ("formula=a=b", {"formula": "a=b"}),
        ('{"Project": " Alpha, Beta ", "b": "x\\u00e9"}', {"project": "Alpha, Beta", "b": "xé"}),
        ({"project": "Alpha"}, {"project": "Alpha"}),
        ("परियोजना=काठमाडौं", {"परियोजना": "काठमाडौं"}),
        (json.dumps(LONGEST), LONGEST),
        ({"k": "😀" * 100}, {"k": "😀" * 100}),
        ("a=1,b=2,c=3,d=4,e=5", {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}),
    ],
)
def test_labels_are_read_from_both_forms(sent: object, expected: dict[str, str]) -> None:
    assert labels.parse(sent) == expected


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ("a=1,b=2,c=3,d=4,e=5,f=6", "at most 5 labels"),
        ("a=1,A=2", "“a” is given twice"),
        ('{"a": "1", "a": "2"}', "“a” is given twice"),
        ('{"a": "1", " A ": "1"}', "“a” is given twice"),
        ("project", "“project” has no “=”"),
        ("=x", "a key and a value each"),
        ("a=", "a key and a value each"),
        ('{"a": " "}', "a key and a value each"),
        ('{"a": 1}', "write numbers in quotes"),
        ('{"a": null}', "write numbers in quotes"),
        ('{"a": {"b": "c"}}', "write numbers in quotes"),
        ({"a": ["b"]}, "write numbers in quotes"),
        ('{"a": "1"', "valid JSON"),
        ('{"a": "1"} x', "valid JSON"),
        ("{" + '"a":{' * 1_900, "valid JSON"),
        ('{"a=b": "1"}', "keys without"),
        ('{"a,b": "1"}', "keys without"),
        ({"k" * 51: "1"}, "keys of at most 50"),
        ({"k": "v" * 201}, "values of at most 200"),
        ({"😀" * 26: "1"}, "count as two"),
        ({"k": "😀" * 101}, "count as two"),
        ({"k": "a\x07b"}, "control characters"),
        ({"k": "a\nb"}, "control characters"),
        ({"k\x00": "b"}, "control characters"),
        (["a=1"], "a JSON object of texts"),
        (7, "a JSON object of texts"),
        ("a=" + "x" * 10_000, "longer than 10000"),
    ],
)
def test_what_is_no_label_is_refused_with_a_reason(sent: object, problem: str) -> None:
    with pytest.raises(ValidationError) as error:
        labels.parse(sent)

    [message] = error.value.messages
    assert problem in message


@pytest.mark.parametrize("address", ["/extract", API])
@pytest.mark.parametrize("form", ["text", "object"])
def test_programs_send_labels_with_a_document(
    integrator: Integrator, token: TokenMaster, settings: Settings, address: str, form: str
) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0
    sent = "Project=Alpha, cost=42" if form == "text" else '{"project": "Alpha", "cost": "42"}'
    body = {"companyID": "NT047", "username": "asha", "file": upload(pdf("x")), "Labels": sent}

    response = integrator.http.post(address, body)

    assert response.status_code == 202
    extraction = Extraction.objects.get()
    assert labels.labels_of(extraction) == {"project": "Alpha", "cost": "42"}
    found = integrator.http.get(f"{API}{extraction.pk}/").json()
    assert found["labels"] == {"cost": "42", "project": "Alpha"}


def test_json_takes_labels_as_an_object(integrator: Integrator, token: TokenMaster) -> None:
    document = b64encode(pdf("x")).decode()
    body = {"companyID": "NT047", "username": "asha", "file": document, "labels": {"a": "1"}}
    response = integrator.http.post(API, body, format="json")

    assert response.status_code == 202, response.json()
    assert response.json()["labels"] == {"a": "1"}


@pytest.mark.parametrize("sent", ["a=1,a=2", "x", '{"a": 1}'])
def test_wrong_labels_are_400_and_store_nothing(
    integrator: Integrator, token: TokenMaster, sent: str
) -> None:
    body = {"companyID": "NT047", "username": "asha", "file": upload(pdf("x")), "labels": sent}

    response = integrator.http.post("/extract", body)

    assert response.status_code == 400
    assert "labels" in response.json()["detail"]
    assert not Extraction.objects.exists()


def test_an_earlier_extraction_keeps_its_labels(token: TokenMaster) -> None:
    def submit(**sent: str) -> submission.Submission:
        return submission.submit(
            upload(pdf("same")),
            company_id="NT047",
            requested_by="asha",
            branch="Default",
            client="user:1",
            labels=sent,
        )

    first, second = submit(a="1"), submit(a="2", b="3")

    assert (second.created, second.extraction) == (False, first.extraction)
    assert labels.labels_of(second.extraction) == {"a": "1"}


def test_operators_label_what_they_upload(signed_in: Client, token: TokenMaster) -> None:
    page = signed_in.post("/", {**FORM, "file": upload(pdf("x")), "labels": "project"})
    assert page.status_code == 422
    assert "“project” has no “=”" in page.content.decode()

    signed_in.post("/", {**FORM, "file": upload(pdf("x")), "labels": "project=<Alpha>"})

    extraction = Extraction.objects.get()
    for address in (f"/extractions/{extraction.pk}/", "/extractions/"):
        text = signed_in.get(address).content.decode()
        assert "label=project%3D%3CAlpha%3E" in text
        assert "<bdi>project=&lt;Alpha&gt;</bdi>" in text


@pytest.mark.vendor
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("project=Alpha", {"both", "alpha"}),
        (" Project = Alpha ", {"both", "alpha"}),
        ("project", {"both", "alpha", "beta"}),
        ("project=", set()),
        ("project=Alph", set()),
        ("cost=Alpha", set()),
        ("cost=42", {"both"}),
    ],
)
def test_documents_are_found_by_their_labels(text: str, expected: set[str]) -> None:
    rows = {
        "both": labelled(project="Alpha", cost="42"),
        "alpha": labelled(project="Alpha"),
        "beta": labelled(project="Beta"),
        "none": labelled(),
    }

    found = set(matching(Filters(label=text), None))

    assert found == {rows[name] for name in expected}


def test_the_list_and_the_api_filter_by_label(signed_in: Client, integrator: Integrator) -> None:
    alpha, beta = labelled(project="Alpha"), labelled(project="Beta")
    labelled()

    page = signed_in.get("/extractions/", {"label": "project=Alpha"})
    assert [row.extraction for row in page.context["page"].rows] == [alpha]
    assert page.context["page"].groups == []
    lines = integrator.http.get(API, {"label": "project"}).json()["results"]
    assert {line["labels"]["project"] for line in lines} == {"Alpha", "Beta"}
    assert len(integrator.http.get(API, {"label": "project=Beta"}).json()["results"]) == 1
    assert beta.labels.count() == 1


def test_the_list_groups_by_the_values_of_a_key(signed_in: Client) -> None:
    for value in ("Alpha", "Beta", "Alpha"):
        labelled(project=value, other="x")
    make_extraction(company_id="NT048")

    page = signed_in.get("/extractions/", {"label": "Project"})

    groups = [("Alpha", "Project=Alpha", 2), ("Beta", "Project=Beta", 1)]
    assert page.context["page"].groups == groups
    assert 'href="?label=Project%3DAlpha"' in page.content.decode()


@pytest.mark.django_db
def test_columns_of_exports_show_labels() -> None:
    extraction = labelled(project="Alpha", cost="42")
    Extraction.objects.update(result=make_invoice().model_dump(mode="json"))
    [each] = exported(Extraction.objects.filter(pk=extraction.pk))
    [row] = rows_of(each, RowsPer.INVOICE)

    assert getter("extraction.labels")(row) == ("cost=42", "project=Alpha")
    assert getter("labels.project")(row) == "Alpha"
    assert getter("labels.other")(row) is None
    assert "extraction.labels" in known_paths()
    assert labels.known_keys() == ["cost", "project"]


def test_the_admin_shows_labels_and_offers_their_columns(admin_client: Client) -> None:
    extraction = labelled(project="Alpha")

    page = admin_client.get(f"/admin/extraction/extraction/{extraction.pk}/change/")
    assert "Alpha" in page.content.decode()
    page = admin_client.get("/admin/extraction/exportprofile/add/")
    assert '<option value="labels.project">' in page.content.decode()


@pytest.mark.django_db
def test_labels_go_with_the_document(data_dir: Any, settings: Settings) -> None:
    extraction = labelled(project="Alpha")
    kept = labelled(project="Beta")
    long_ago = timezone.now() - timedelta(days=settings.DELETED_DAYS + 1)
    Extraction.with_deleted.filter(pk=extraction.pk).update(deleted_at=long_ago)

    assert retention.purge_deleted() == 1

    assert [label.extraction for label in Label.objects.all()] == [kept]
