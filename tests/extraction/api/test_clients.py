"""What API clients may do: scopes, networks, limits, and another key."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from extraction import clients
from extraction.access import known_client
from extraction.models import ApiClient, ApiClientKey, Extraction, Scope, State
from logs.models import AuditEntry
from ocrsite.lib.audit import SYSTEM
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tokens.models import TokenMaster

LIST = "/api/v1/extractions/"
NOW = datetime(2026, 11, 27, 12, 0, 10, tzinfo=UTC)


@pytest.fixture
def standing_clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _no_waiting(settings: Settings) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0


def limit(integrator: Integrator, **fields: Any) -> None:
    if "scopes" in fields:
        fields["scopes"] = " ".join(fields["scopes"])
    ApiClient.objects.filter(pk=integrator.record.pk).update(**fields)


def submit(integrator: Integrator, text: str = "INVOICE 1") -> Any:
    form = {"file": upload(pdf(text)), "companyID": "NT047", "username": "asha"}
    return integrator.http.post(LIST, form)


# What each scope is asked for: method, address, body.
ASKED: list[tuple[Scope, str, str, dict[str, Any]]] = [
    (Scope.SUBMIT, "post", LIST, {}),
    (Scope.SUBMIT, "post", "/extract", {}),
    (Scope.SUBMIT, "post", "{one}retry/", {}),
    (Scope.SUBMIT, "post", "{one}cancel/", {}),
    (Scope.SUBMIT, "get", "/api/v1/webhooks/", {}),
    (Scope.READ, "get", LIST, {}),
    (Scope.READ, "get", "/api/v1/exports/csv/", {}),
    (Scope.CORRECT, "patch", "{one}", {"values": {}}),
    (Scope.CORRECT, "post", "{one}approve/", {}),
    (Scope.CORRECT, "post", "{one}reject/", {"reason": "x"}),
    (Scope.CORRECT, "delete", "{one}", {}),
    (Scope.USAGE, "get", "/api/v1/quota/", {}),
    (Scope.USAGE, "get", "/api/v1/usage/", {"since": "2026-11-01", "until": "2026-11-02"}),
    (Scope.USAGE, "get", "/api/v1/quota/", {}),
]


@pytest.mark.parametrize(("scope", "method", "address", "body"), ASKED)
def test_each_scope_opens_what_it_is_for_and_nothing_else(
    integrator: Integrator,
    token: TokenMaster,
    scope: Scope,
    method: str,
    address: str,
    body: dict[str, Any],
) -> None:
    extraction = make_extraction(
        state=State.SUCCEEDED, http_status=200, result=make_invoice().model_dump(mode="json")
    )
    url = address.format(one=f"{LIST}{extraction.pk}/")
    is_form = method == "get" or url in (LIST, "/extract")
    how: dict[str, Any] = {} if is_form else {"format": "json"}

    def status_and_code() -> tuple[int, str]:
        if url in (LIST, "/extract") and method == "post":
            body.update(file=upload(pdf("x")), companyID="NT047", username="asha")
        call = getattr(integrator.http, method)
        response = call(url, body, headers={"If-Match": '"0-succeeded"'}, **how)
        is_json = response.get("Content-Type") == "application/json"
        return response.status_code, response.json().get("code", "") if is_json else ""

    # Who corrects sees what it corrects.
    implied_by = {Scope.READ: [Scope.CORRECT]} if url == LIST else {}
    others = [each for each in Scope.values if each not in (scope, *implied_by.get(scope, []))]
    limit(integrator, scopes=others)
    assert status_and_code() == (403, "scope_missing")
    limit(integrator, scopes=[scope])
    assert status_and_code()[1] != "scope_missing"


def test_who_may_only_submit_sees_what_it_submitted(
    integrator: Integrator, token: TokenMaster
) -> None:
    limit(integrator, scopes=[Scope.SUBMIT])
    theirs = make_extraction()

    own = submit(integrator).json()["extraction"]

    assert integrator.http.get(own).status_code == 200
    assert integrator.http.get(f"{LIST}{theirs.pk}/").status_code == 404
    assert integrator.http.get("/api/v1/companies/").status_code == 200


def test_who_corrects_sees_every_document_of_its_companies_and_exports_none(
    integrator: Integrator,
) -> None:
    limit(integrator, scopes=[Scope.CORRECT])
    extraction = make_extraction(
        state=State.SUCCEEDED, http_status=200, result=make_invoice().model_dump(mode="json")
    )
    elsewhere = make_extraction(company_id="NT048")

    listed = integrator.http.get(LIST).json()["results"]

    assert [each["extraction"] for each in listed] == [f"{LIST}{extraction.pk}/"]
    found = integrator.http.get(f"{LIST}{extraction.pk}/")
    corrected = integrator.http.patch(
        f"{LIST}{extraction.pk}/",
        {"values": {"invoice_number": "A-1"}},
        format="json",
        headers={"If-Match": found["ETag"]},
    )
    assert corrected.json()["invoice"]["invoice_number"] == "A-1"
    assert integrator.http.get(f"{LIST}{elsewhere.pk}/").status_code == 404
    assert integrator.http.get("/api/v1/exports/csv/").status_code == 403


def test_client_for_neither_sees_nothing(integrator: Integrator) -> None:
    extraction = make_extraction()
    limit(integrator, scopes=[Scope.USAGE])

    response = integrator.http.get(f"{LIST}{extraction.pk}/")

    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("networks", "address", "is_let_in"),
    [
        ("", "203.0.113.9", True),
        ("203.0.113.0/24", "203.0.113.9", True),
        ("203.0.113.9", "203.0.113.9", True),
        ("198.51.100.0/24\n 203.0.113.0/24 \n", "203.0.113.9", True),
        ("203.0.113.0/24", "::ffff:203.0.113.9", True),
        ("2001:db8::/32", "2001:db8::1", True),
        ("203.0.113.0/24", "203.0.114.9", False),
        ("203.0.113.0/24", "2001:db8::1", False),
        ("203.0.113.0/24", "", False),
        ("203.0.113.0/24", "unknown", False),
    ],
)
def test_client_calls_from_its_networks_alone(
    integrator: Integrator, networks: str, address: str, is_let_in: bool
) -> None:
    limit(integrator, allowed_networks=networks)

    response = integrator.http.get(LIST, REMOTE_ADDR=address)

    assert response.status_code == (200 if is_let_in else 403)
    if not is_let_in:
        assert response.json()["code"] == "network_not_allowed"


def test_use_is_noted_once_a_minute(
    integrator: Integrator,
    standing_clock: time_machine.Traveller,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    def last_use() -> datetime | None:
        client: ApiClient = ApiClient.objects.get(pk=integrator.record.pk)
        return client.last_used_at

    integrator.http.get(LIST)
    assert last_use() == NOW
    standing_clock.shift(59)
    integrator.http.get(LIST)
    assert last_use() == NOW
    standing_clock.shift(1)
    integrator.http.get(LIST)
    assert last_use() == NOW + timedelta(minutes=1)


def test_use_that_cannot_be_noted_keeps_nobody_out(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OperationalError("database is locked")

    monkeypatch.setattr(QuerySet, "update", fail)

    assert integrator.http.get(LIST).status_code == 200
    assert "was not noted" in caplog.text


def test_key_whose_prefix_differs_in_case_is_rejected_where_the_database_finds_it(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL Server compares text without regard to case."""
    prefix, _, secret = integrator.key.partition(".")
    every = ApiClient.objects.all()
    found = SimpleNamespace(objects=SimpleNamespace(filter=lambda *_, **__: every))
    monkeypatch.setattr(clients, "ApiClient", found)

    assert clients.holder_of(f"{prefix.swapcase()}.{secret}") is None
    holder = clients.holder_of(integrator.key)
    assert holder is not None
    assert holder.client == integrator.record


def test_refused_request_asks_the_database_little(
    integrator: Integrator,
    standing_clock: time_machine.Traveller,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    limit(integrator, requests_per_minute=1)
    client = ApiClient.objects.get(pk=integrator.record.pk)
    clients.count_request(client)

    with django_assert_max_num_queries(4), pytest.raises(clients.TooManyRequests):
        clients.count_request(client)


def test_requests_of_a_minute_are_limited(
    integrator: Integrator, standing_clock: time_machine.Traveller
) -> None:
    limit(integrator, requests_per_minute=2)

    first, second, third = (integrator.http.get(LIST) for _ in range(3))

    assert [each.status_code for each in (first, second, third)] == [200, 200, 429]
    assert first["RateLimit-Policy"] == '"minute";q=2;w=60'
    assert first["RateLimit"] == '"minute";r=1;t=50'
    assert third["RateLimit"] == '"minute";r=0;t=50'
    assert third["Retry-After"] == "50"
    assert third.json()["code"] == "too_many_requests"
    standing_clock.shift(50)
    assert integrator.http.get(LIST).status_code == 200


def test_client_without_a_limit_is_not_counted(integrator: Integrator) -> None:
    response = integrator.http.get(LIST)

    assert "RateLimit" not in response
    assert not hasattr(integrator.record, "apiclientrequests")


def test_documents_at_a_time_are_limited(integrator: Integrator, token: TokenMaster) -> None:
    limit(integrator, documents_at_a_time=1)
    first = submit(integrator, "INVOICE 1")

    second = submit(integrator, "INVOICE 2")

    assert (first.status_code, second.status_code) == (202, 429)
    assert second.json()["code"] == "too_many_documents"
    assert second["Retry-After"] == "2"
    Extraction.objects.update(state=State.FAILED, http_status=502)
    assert submit(integrator, "INVOICE 2").status_code == 202


def test_own_document_is_not_retried_beyond_the_limit(
    integrator: Integrator, token: TokenMaster
) -> None:
    limit(integrator, documents_at_a_time=1)
    first = submit(integrator, "INVOICE 1").json()["extraction"]
    Extraction.objects.update(state=State.FAILED, http_status=502)
    assert submit(integrator, "INVOICE 2").status_code == 202

    response = integrator.http.post(f"{first}retry/")

    assert (response.status_code, response.json()["code"]) == (429, "too_many_documents")
    Extraction.objects.exclude(state=State.FAILED).update(state=State.FAILED, http_status=502)
    assert integrator.http.post(f"{first}retry/").status_code == 202


@pytest.mark.vendor
@pytest.mark.django_db(transaction=True)
def test_documents_that_come_together_are_never_more_than_may_be(
    token: TokenMaster, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, key = ApiClient.objects.create_key(name="ERP", documents_at_a_time=2)
    assert isinstance(client, ApiClient)
    client.companies.create(company_id="NT047")
    senders, looked = 5, clients.require_room
    together = threading.Barrier(senders)
    begun = threading.local()

    def look_together(of: ApiClient) -> None:
        """Have every sender find room before the first adds its document."""
        looked(of)
        if not getattr(begun, "once", False):
            begun.once = True
            together.wait(60)

    monkeypatch.setattr(clients, "require_room", look_together)

    def send(number: int) -> int:
        http = APIClient()
        http.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
        form = {"file": upload(pdf(f"INVOICE {number}")), "companyID": "NT047", "username": "asha"}
        try:
            return http.post(LIST, form).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(senders) as threads:
        statuses = list(threads.map(send, range(senders)))

    assert sorted(statuses) == [202] * 2 + [429] * 3
    assert Extraction.objects.count() == 2
    assert len(list((data_dir / "files").glob("??/*"))) == 2


def status_of(key: str) -> int:
    return APIClient().get(LIST, headers={"Authorization": f"Api-Key {key}"}).status_code


def test_old_key_and_new_one_are_accepted_for_a_while(
    integrator: Integrator, standing_clock: time_machine.Traveller
) -> None:
    second = clients.change_key(integrator.record, keep_for=timedelta(days=7), by=SYSTEM)

    assert (status_of(integrator.key), status_of(second)) == (200, 200)
    standing_clock.shift(timedelta(days=7))
    assert (status_of(integrator.key), status_of(second)) == (401, 200)
    third = clients.change_key(integrator.record, keep_for=timedelta(days=7), by=SYSTEM)
    assert [status_of(key) for key in (integrator.key, second, third)] == [401, 200, 200]
    fourth = clients.change_key(integrator.record, keep_for=timedelta(days=7), by=SYSTEM)
    assert [status_of(key) for key in (second, third, fourth)] == [401, 200, 200]


def test_first_key_ends_when_there_are_two_newer_ones(integrator: Integrator) -> None:
    second = clients.change_key(integrator.record, keep_for=timedelta(days=7), by=SYSTEM)
    third = clients.change_key(integrator.record, keep_for=timedelta(days=7), by=SYSTEM)

    assert [status_of(key) for key in (integrator.key, second, third)] == [401, 200, 200]


def test_wrong_secret_of_a_later_key_is_rejected_and_counted(integrator: Integrator) -> None:
    clients.change_key(integrator.record, keep_for=timedelta(days=7), by=SYSTEM)
    prefix = ApiClientKey.objects.get().prefix

    assert status_of(f"{prefix}.wrong") == 401
    for _ in range(5):
        status_of(f"{prefix}.wrong")
    assert status_of(f"{prefix}.wrong") == 429


def test_client_is_the_same_after_a_change_of_its_key(
    integrator: Integrator, token: TokenMaster
) -> None:
    submit(integrator)
    key = clients.change_key(integrator.record, keep_for=timedelta(), by=SYSTEM)
    integrator.http.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")

    response = submit(integrator, "INVOICE 2")

    assert response.status_code == 202
    assert {each.client for each in Extraction.objects.all()} == {
        f"client:{integrator.record.prefix}"
    }


def test_a_key_is_remembered_no_longer_than_it_is_valid(
    integrator: Integrator, standing_clock: time_machine.Traveller
) -> None:
    clients.change_key(integrator.record, keep_for=timedelta(minutes=5), by=SYSTEM)
    assert status_of(integrator.key) == 200

    standing_clock.shift(timedelta(minutes=5))

    assert known_client(integrator.key) is None


def test_admin_makes_another_key_and_shows_it_once(
    admin_client: Client, integrator: Integrator
) -> None:
    address = reverse("admin:extraction_apiclient_another_key", args=[integrator.record.pk])

    page = admin_client.post(address, follow=True).content.decode()

    prefix = ApiClientKey.objects.get().prefix
    key = next(word for word in page.split() if word.startswith(f"{prefix}.")).rstrip(".")
    assert status_of(key) == 200
    change = reverse("admin:extraction_apiclient_change", args=[integrator.record.pk])
    assert key not in admin_client.get(change).content.decode()
    entry = AuditEntry.objects.latest("pk")
    assert "another key" in entry.after
    assert key.partition(".")[2] not in str(entry.__dict__)
    assert admin_client.get(address).status_code == 405


def test_admin_makes_no_key_for_a_revoked_client(
    admin_client: Client, integrator: Integrator
) -> None:
    limit(integrator, revoked=True)
    address = reverse("admin:extraction_apiclient_another_key", args=[integrator.record.pk])

    assert "gets no other key" in admin_client.post(address, follow=True).content.decode()
    assert not ApiClientKey.objects.exists()


@pytest.mark.parametrize("text", ["203.0.113.9/24", "nowhere", "1.2.3.4 5.6.7.8"])
def test_admin_refuses_what_is_no_network(
    admin_client: Client, integrator: Integrator, text: str
) -> None:
    address = reverse("admin:extraction_apiclient_change", args=[integrator.record.pk])

    page = admin_client.post(address, {"name": "ERP", "allowed_networks": text}).content.decode()

    assert "is no network" in page


@pytest.mark.vendor
def test_clients_get_primary_keys_without_a_digest(integrator: Integrator) -> None:
    migration = import_module("extraction.migrations.0030_digests_of_keys")
    old = ApiClient(name="old")
    key = ApiClient.objects.assign_key(old)
    old.pk = f"{old.prefix}.{old.hashed_key}"
    old.save()
    old.companies.create(company_id="NT047")
    created = old.created

    migration.replace_ids(apps, SimpleNamespace(connection=connection))

    new = ApiClient.objects.get(prefix=old.prefix)
    assert len(new.pk) == 32
    assert "." not in new.pk
    assert (new.name, new.created, new.hashed_key) == ("old", created, old.hashed_key)
    assert [binding.company_id for binding in new.companies.all()] == ["NT047"]
    assert ApiClient.objects.count() == 2
    assert status_of(key) == 200
