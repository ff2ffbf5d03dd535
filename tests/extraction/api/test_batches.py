"""POST /api/v1/batches/: many documents in one request, and how far they are."""

import io
import json
import uuid
from collections.abc import Sequence
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from extraction.access import KnownClient, principal_of
from extraction.api import batch_views, batches
from extraction.documents import intake
from extraction.models import (
    ApiClient,
    ApiClientCompany,
    Extraction,
    IdempotencyKey,
    Scope,
    State,
    WebhookEndpoint,
    WebhookEvent,
)
from extraction.webhooks import batches as told_batches
from ocrsite.lib.errors import StorageUnavailable
from tests.extraction.api.schema_checked import SchemaCheckedClient
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_company
from tokens.models import TokenMaster

URL = "/api/v1/batches/"
ONE, TWO = pdf("INVOICE 1"), pdf("INVOICE 2")
Named = tuple[str, bytes]
SENT: list[Named] = [("1.pdf", ONE), ("2.pdf", TWO)]


def zipped(*files: Named) -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w") as packed:
        for name, content in files:
            packed.writestr(name, content)
    return file.getvalue()


def send(http: Client, files: Sequence[Named], key: str | None = None, **fields: Any) -> Any:
    """A request that is right, but for the fields given; None leaves one out."""
    parts = [upload(content, name) for name, content in files]
    form = {"file": parts, "companyID": "NT047", "username": "asha", **fields}
    sent = {name: value for name, value in form.items() if value is not None}
    return http.post(URL, sent, headers={"Idempotency-Key": key} if key else {})


def said(response: Any) -> list[tuple[str, str | None]]:
    """Each file's name and the code of its refusal."""
    return [(file["name"], file["code"]) for file in response.json()["files"]]


def limit(integrator: Integrator, **fields: Any) -> None:
    ApiClient.objects.filter(pk=integrator.record.pk).update(**fields)


def another(scopes: str) -> SchemaCheckedClient:
    record, key = ApiClient.objects.create_key(name="other", scopes=scopes)
    assert isinstance(record, ApiClient)
    ApiClientCompany.objects.create(client=record, company_id="NT047")
    http = SchemaCheckedClient()
    http.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
    return http


def test_each_file_is_submitted_with_the_fields_of_the_form(
    integrator: Integrator, token: TokenMaster
) -> None:
    response = send(
        *(integrator.http, SENT), branch="North", licenceID="L-1", labels="a=b", reader="model"
    )

    body = response.json()
    address = f"{URL}{body['batch']}/"
    assert response.status_code == 202
    assert response["Location"] == body["address"] == address
    assert (body["accepted"], body["refused"]) == (2, 0)
    rows = list(Extraction.objects.order_by("created_at"))
    assert body["files"] == [
        {
            "name": row.file_name,
            "extraction": f"/api/v1/extractions/{row.pk}/",
            "came_before": False,
            **{"code": None, "detail": None, "http_status": None},
        }
        for row in rows
    ]
    assert [row.file_name for row in rows] == ["1.pdf", "2.pdf"]
    for row in rows:
        assert str(row.batch) == body["batch"]
        assert (row.branch, row.licence_id, row.reader) == ("North", "L-1", "model")
        assert (row.channel, row.client) == ("api", f"client:{integrator.record.prefix}")
        assert row.labels.get().value == "b"


def test_files_of_a_zip_are_submitted_and_its_other_ones_told(
    integrator: Integrator, token: TokenMaster
) -> None:
    content = zipped(
        *(("a/", b""), ("a/1.pdf", ONE), ("../2.pdf", TWO), ("empty.pdf", b"")),
        *(("note.txt", b"hello"), ("inner.zip", zipped(("3.pdf", TWO))), ("b/2.pdf", TWO)),
    )

    response = send(integrator.http, [("sent.bin", content)])

    assert response.status_code == 202
    assert said(response) == [
        ("a/1.pdf", None),
        ("../2.pdf", "unsafe_path"),
        ("empty.pdf", "empty_file"),
        ("note.txt", "unsupported_media_type"),
        ("inner.zip", "unsupported_media_type"),
        ("b/2.pdf", None),
    ]
    assert (response.json()["accepted"], response.json()["refused"]) == (2, 4)
    assert sorted(Extraction.objects.values_list("file_name", flat=True)) == ["1.pdf", "2.pdf"]


def test_zip_beside_other_files_is_a_document_of_no_known_type(
    integrator: Integrator, token: TokenMaster
) -> None:
    response = send(integrator.http, [("a.zip", zipped(("1.pdf", ONE))), ("2.pdf", TWO)])

    assert said(response) == [("a.zip", "unsupported_media_type"), ("2.pdf", None)]


def test_zip_that_cannot_be_opened_is_answered_as_a_whole(
    integrator: Integrator, token: TokenMaster
) -> None:
    response = send(integrator.http, [("a.zip", zipped(("1.pdf", ONE))[:-30])])

    assert (response.status_code, response.json()["code"]) == (422, "corrupt_archive")


def test_where_no_file_is_accepted_the_status_is_what_they_share(
    integrator: Integrator, token: TokenMaster
) -> None:
    alike = send(integrator.http, [("a.txt", b"a"), ("b.txt", b"b")])
    mixed = send(integrator.http, [("a.txt", b"a"), ("b.pdf", b"")])

    assert (alike.status_code, mixed.status_code) == (415, 422)
    assert alike.json()["address"] is None
    assert "Location" not in alike
    assert [file["http_status"] for file in mixed.json()["files"]] == [415, 422]
    assert not Extraction.objects.exists()


def test_without_a_key_that_can_pay_every_file_is_refused(integrator: Integrator) -> None:
    response = send(integrator.http, SENT)

    assert response.status_code == 402
    assert said(response) == [("1.pdf", "token_missing"), ("2.pdf", "token_missing")]


def test_fault_of_the_service_is_told_with_when_to_try_again(
    integrator: Integrator, token: TokenMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> Any:
        raise StorageUnavailable

    monkeypatch.setattr(intake, "receive", full)

    response = send(integrator.http, SENT)

    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert said(response) == [("1.pdf", "storage_unavailable"), ("2.pdf", "storage_unavailable")]


def test_same_bytes_are_read_once(integrator: Integrator, token: TokenMaster) -> None:
    first = send(integrator.http, SENT).json()

    twins = send(integrator.http, [("3.pdf", ONE), ("4.pdf", pdf("3")), ("5.pdf", pdf("3"))]).json()
    again = send(integrator.http, SENT)

    assert [file["came_before"] for file in twins["files"]] == [True, False, True]
    assert twins["files"][0]["extraction"] == first["files"][0]["extraction"]
    assert again.status_code == 202
    assert again.json()["accepted"] == 2
    assert again["Location"] == again.json()["address"] != first["address"]
    assert Extraction.objects.count() == 3
    counted = integrator.http.get(twins["address"]).json()
    assert [line["extraction"] for line in counted["extractions"]] == [
        file["extraction"] for file in twins["files"][:2]
    ]


def test_batch_of_known_documents_alone_is_followed_like_any_other(
    integrator: Integrator, token: TokenMaster
) -> None:
    send(integrator.http, SENT)
    address = send(integrator.http, SENT).json()["address"]

    begun = integrator.http.get(address).json()
    Extraction.objects.update(state=State.FAILED, http_status=502)
    ended = integrator.http.get(address).json()

    assert (begun["documents"], begun["counts"]["queued"], begun["ended"]) == (2, 2, False)
    assert (ended["counts"]["failed"], ended["ended"]) == (2, True)
    assert send(integrator.http, SENT, "k").json()["address"] != address
    assert (
        send(integrator.http, SENT, "k")["Location"] == send(integrator.http, SENT, "k")["Location"]
    )


def test_batch_of_what_others_sent_has_its_address_and_shows_none_of_it(
    integrator: Integrator, token: TokenMaster
) -> None:
    send(integrator.http, SENT)
    submitter = another("submit")

    address = send(submitter, SENT).json()["address"]

    assert submitter.get(address).json()["documents"] == 0
    assert integrator.http.get(address).json()["documents"] == 2
    assert another("submit").get(address).status_code == 404


def test_repeat_with_its_key_gets_the_same_batch(
    integrator: Integrator, token: TokenMaster
) -> None:
    first = send(integrator.http, SENT, "k", force="true")

    again = send(integrator.http, SENT, "k", force="true")

    assert again.json()["batch"] == first.json()["batch"]
    assert again["Location"] == first["Location"]
    for before, after in zip(first.json()["files"], again.json()["files"], strict=True):
        assert after == {**before, "came_before": True}
    assert Extraction.objects.count() == 2
    assert (
        send(integrator.http, SENT, "other", force="true").json()["batch"]
        != (first.json()["batch"])
    )


def test_repeat_takes_what_was_refused_before(integrator: Integrator, token: TokenMaster) -> None:
    limit(integrator, documents_at_a_time=1)
    first = send(integrator.http, SENT, "k")
    Extraction.objects.update(state=State.FAILED, http_status=502)

    again = send(integrator.http, SENT, "k")

    assert said(first) == [("1.pdf", None), ("2.pdf", "too_many_documents")]
    assert said(again) == [("1.pdf", None), ("2.pdf", None)]
    assert again.json()["batch"] == first.json()["batch"]
    assert Extraction.objects.filter(batch=first.json()["batch"]).count() == 2


def test_key_is_for_one_batch(integrator: Integrator, token: TokenMaster) -> None:
    send(integrator.http, SENT, "k")

    for files, fields in ((SENT[:1], {}), (SENT[::-1], {}), (SENT, {"reader": "model"})):
        response = send(integrator.http, files, "k", **fields)
        assert (response.status_code, response.json()["code"]) == (409, "idempotency_conflict")
    form = {"file": upload(ONE), "companyID": "NT047", "username": "asha"}
    single = integrator.http.post(
        "/api/v1/extractions/", form, headers={"Idempotency-Key": "k", "Prefer": "respond-async"}
    )
    assert single.status_code == 409
    assert send(integrator.http, SENT, "k").status_code == 202


def test_keys_of_clients_are_their_own(integrator: Integrator, token: TokenMaster) -> None:
    first = send(integrator.http, SENT, "k", force="1")

    second = send(another("submit"), SENT, "k", force="1")

    assert second.status_code == 202
    assert second.json()["batch"] != first.json()["batch"]


def test_key_of_what_was_deleted_may_come_again(integrator: Integrator, token: TokenMaster) -> None:
    first = send(integrator.http, SENT, "k").json()
    for row in Extraction.objects.all():
        row.deleted_at = row.created_at
        row.dedup_key = None
        row.save(update_fields=["deleted_at", "dedup_key"])

    again = send(integrator.http, [("3.pdf", pdf("3"))], "k")

    assert again.status_code == 202
    assert again.json()["files"][0]["came_before"] is False
    assert first["batch"] == again.json()["batch"]


def test_refused_batch_keeps_no_key(integrator: Integrator, token: TokenMaster) -> None:
    send(integrator.http, [("a.txt", b"a")], "k")

    assert not IdempotencyKey.objects.exists()
    assert send(integrator.http, SENT, "k").status_code == 202


def test_file_that_is_not_begun_in_time_is_refused(
    integrator: Integrator, token: TokenMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "SECONDS", 0.0)

    response = send(integrator.http, SENT)

    assert response.status_code == 503
    assert said(response) == [("1.pdf", "not_in_time"), ("2.pdf", "not_in_time")]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"file": None}, "file: is required"),
        ({"file": "text"}, "must be sent as a file"),
        ({"companyID": None}, "companyID: is required"),
        ({"companyID": ["NT047", "NT048"]}, "companyID: must be sent once"),
        ({"password": "x"}, "password: is of one document"),
        ({"pdf_url": "https://a.example/b"}, "pdf_url: is of one document"),
        ({"EXTRACTFROMLINK": "1"}, "EXTRACTFROMLINK: is of one document"),
        ({"connection_params": "x"}, "connection_params"),
        ({"reader": "magic"}, "reader: must be one of"),
        ({"labels": "x" * 1000}, "labels"),
    ],
)
def test_wrong_form_is_answered_as_a_whole(
    integrator: Integrator, token: TokenMaster, fields: dict[str, Any], word: str
) -> None:
    response = send(integrator.http, SENT, **fields)

    assert response.status_code == 400
    assert word in response.json()["detail"]
    assert not Extraction.objects.exists()


def test_fields_are_found_whatever_their_case(integrator: Integrator, token: TokenMaster) -> None:
    form = {"FILE": upload(ONE), "file": upload(TWO), "companyid": "NT047", "UserName": "asha"}

    assert integrator.http.post(URL, form).json()["accepted"] == 2


def test_more_than_100_files_are_too_many(integrator: Integrator, token: TokenMaster) -> None:
    response = send(integrator.http, [(f"{number}.pdf", b"x") for number in range(101)])

    assert response.status_code == 400
    assert "at most 100 files" in response.json()["detail"]


def test_more_than_100_files_in_a_zip_are_too_many(
    integrator: Integrator, token: TokenMaster
) -> None:
    content = zipped(*((f"{number}.pdf", b"x") for number in range(101)))

    response = send(integrator.http, [("a.zip", content)])

    assert (response.status_code, response.json()["code"]) == (413, "too_many_files")


def test_json_is_not_accepted(integrator: Integrator) -> None:
    assert integrator.http.post(URL, {"companyID": "NT047"}, format="json").status_code == 415


def test_another_company_and_a_closed_one_are_refused(
    integrator: Integrator, token: TokenMaster
) -> None:
    other = send(integrator.http, SENT, companyID="NT048")
    make_company("NT047", closed_at=timezone.now())
    closed = send(integrator.http, SENT)

    assert (other.status_code, other.json()["code"]) == (403, "company_not_allowed")
    assert (closed.status_code, closed.json()["code"]) == (403, "company_closed")
    assert not Extraction.objects.exists()


def test_scope_to_submit_is_needed(integrator: Integrator, token: TokenMaster) -> None:
    limit(integrator, scopes=" ".join(each for each in Scope.values if each != Scope.SUBMIT))

    response = send(integrator.http, SENT)

    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")


def test_nothing_is_taken_while_the_database_is_away(
    integrator: Integrator, token: TokenMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(request: Any) -> Any:
        principal = principal_of(request)
        actor = KnownClient("p", "ERP", ("NT047",), (Scope.SUBMIT,))
        return type(principal)(principal.label, principal.name, actor)

    monkeypatch.setattr(batch_views, "principal_of", known)

    response = send(integrator.http, SENT)

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")


def batch_of(*states: State, **fields: Any) -> uuid.UUID:
    batch = uuid.uuid4()
    for state in states:
        make_extraction(state=state, batch=batch, **fields)
    return batch


def test_progress_is_told_with_a_line_for_each(integrator: Integrator) -> None:
    batch = batch_of(State.QUEUED, State.FAILED, State.WAITING, State.PROCESSING)
    review = make_extraction(state=State.SUCCEEDED, batch=batch, needs_review=True)
    make_extraction(batch=uuid.uuid4())

    response = integrator.http.get(f"{URL}{batch}/")

    body = response.json()
    lines = body.pop("extractions")
    assert body == {
        "batch": str(batch),
        "documents": 5,
        "counts": {
            **{"queued": 1, "processing": 1, "waiting": 1},
            **{"succeeded": 1, "failed": 1, "cancelled": 0},
        },
        "needs_review": 1,
        "ended": False,
    }
    assert response["Retry-After"] == "2"
    assert [line["state"] for line in lines][-1] == "succeeded"
    assert lines[-1]["extraction"] == f"/api/v1/extractions/{review.pk}/"


def test_batch_has_ended_when_all_have(integrator: Integrator) -> None:
    batch = batch_of(State.SUCCEEDED, State.FAILED, State.CANCELLED)

    response = integrator.http.get(f"{URL}{batch}/")

    assert response.json()["ended"] is True
    assert "Retry-After" not in response


def test_lines_are_bounded_and_counts_are_not(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_LINES", 2)
    batch = batch_of(*[State.QUEUED] * 3)

    body = integrator.http.get(f"{URL}{batch}/").json()

    assert (body["documents"], len(body["extractions"])) == (3, 2)


def test_list_selects_a_batch(integrator: Integrator) -> None:
    batch = batch_of(State.QUEUED, State.FAILED)
    make_extraction()

    found = integrator.http.get("/api/v1/extractions/", {"batch": str(batch)}).json()["results"]
    wrong = integrator.http.get("/api/v1/extractions/", {"batch": "x"})

    assert len(found) == 2
    assert wrong.status_code == 400


def test_batch_is_seen_by_who_sees_its_extractions(
    integrator: Integrator, token: TokenMaster, signed_in: Client
) -> None:
    own = send(integrator.http, SENT).json()["address"]
    theirs = f"{URL}{batch_of(State.QUEUED, company_id='NT048')}/"

    assert integrator.http.get(own).status_code == 200
    assert signed_in.get(own).status_code == 200
    assert another("read").get(own).status_code == 200
    assert another("submit").get(own).status_code == 404
    assert another("usage").get(own).status_code == 403
    limit(integrator, scopes=Scope.SUBMIT)
    assert integrator.http.get(own).status_code == 200
    for address in (theirs, f"{URL}{uuid.uuid4()}/"):
        assert integrator.http.get(address).status_code == 404


def test_operator_may_send_one(signed_in: Client, token: TokenMaster) -> None:
    assert send(signed_in, SENT).json()["accepted"] == 2


def test_receiver_is_told_once_when_all_have_ended(
    integrator: Integrator, token: TokenMaster, settings: Settings
) -> None:
    settings.WEBHOOK_HOSTS = ["hooks.example"]
    endpoint = WebhookEndpoint.objects.create(
        company_id="NT047", url="https://hooks.example/", events=WebhookEvent.BATCH_ENDED
    )
    batch = send(integrator.http, SENT).json()["batch"]
    assert told_batches.tell_batches() == 0
    for row in Extraction.objects.all():
        row.created_at -= 2 * told_batches.QUIET
        row.finished_at, row.state = endpoint.created_at + told_batches.QUIET, State.FAILED
        row.save()

    assert [told_batches.tell_batches(), told_batches.tell_batches()] == [1, 0]
    data = json.loads(endpoint.deliveries.get().body)["data"]
    assert (data["batch"], data["documents"]) == (batch, 2)
