"""Idempotency-Key: what a POST asks for is done once."""

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from pytest_django.fixtures import Settings

from extraction import idempotency
from extraction.idempotency import digest_of
from extraction.models import Extraction, IdempotencyKey, State
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tokens.models import TokenMaster


@pytest.fixture(autouse=True)
def _no_waiting(settings: Settings) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0


@pytest.fixture
def read(db: None) -> Extraction:
    return make_extraction(
        state=State.SUCCEEDED, http_status=200, result=make_invoice().model_dump(mode="json")
    )


def post(
    integrator: Integrator, extraction: Extraction, name: str, body: Any = None, **headers: str
) -> Any:
    sent = {"Idempotency-Key": "k", "If-Match": '"0-succeeded"', **headers}
    address = f"/api/v1/extractions/{extraction.pk}/{name}/"
    return integrator.http.post(address, body or {}, format="json", headers=sent)


def submit(integrator: Integrator, key: str, text: str = "INVOICE 1") -> Any:
    form = {"file": upload(pdf(text)), "companyID": "NT047", "username": "asha"}
    return integrator.http.post("/extract", form, headers={"Idempotency-Key": key})


@pytest.mark.parametrize(
    ("name", "body"), [("approve", {"anyway": True}), ("reject", {"reason": "x"})]
)
def test_a_repeated_decision_gets_the_answer_of_the_first(
    integrator: Integrator, read: Extraction, name: str, body: dict[str, Any]
) -> None:
    first = post(integrator, read, name, body)
    again = post(integrator, read, name, body)
    without = post(integrator, read, name, body, **{"Idempotency-Key": "other"})

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again["ETag"] == first["ETag"]
    assert without.status_code == 412


def test_a_key_is_for_one_body(integrator: Integrator, read: Extraction) -> None:
    post(integrator, read, "reject", {"reason": "x"})

    response = post(integrator, read, "reject", {"reason": "y"})

    assert (response.status_code, response.json()["code"]) == (409, "idempotency_conflict")


def test_a_key_is_for_one_extraction(integrator: Integrator, read: Extraction) -> None:
    other = make_extraction(state=State.FAILED, http_status=502)
    post(integrator, read, "reject", {"reason": "x"})

    assert post(integrator, other, "retry").status_code == 409


def test_a_key_of_a_submission_is_for_nothing_else(
    integrator: Integrator, token: TokenMaster, read: Extraction
) -> None:
    submit(integrator, "k")

    assert post(integrator, read, "reject", {"reason": "x"}).status_code == 409


def test_a_key_of_a_decision_is_for_no_submission(
    integrator: Integrator, token: TokenMaster, read: Extraction
) -> None:
    post(integrator, read, "reject", {"reason": "x"})

    assert submit(integrator, "k").status_code == 409


def test_a_repeated_retry_queues_once(integrator: Integrator) -> None:
    extraction = make_extraction(state=State.FAILED, http_status=502)

    first = post(integrator, extraction, "retry")
    Extraction.objects.filter(pk=extraction.pk).update(state=State.FAILED, http_status=502)
    again = post(integrator, extraction, "retry")

    assert (first.status_code, again.status_code) == (202, 202)
    extraction.refresh_from_db()
    assert extraction.state == State.FAILED


def test_a_repeated_cancel_gets_the_answer_of_the_first(integrator: Integrator) -> None:
    extraction = make_extraction(state=State.QUEUED)

    first, again = (post(integrator, extraction, "cancel") for _ in range(2))

    assert (first.status_code, again.status_code) == (200, 200)


def test_a_request_that_failed_may_come_again(integrator: Integrator, read: Extraction) -> None:
    refused = post(integrator, read, "reject", {"reason": "x"}, **{"If-Match": '"9-succeeded"'})
    accepted = post(integrator, read, "reject", {"reason": "x"})

    assert (refused.status_code, accepted.status_code) == (412, 200)


@pytest.mark.vendor
@pytest.mark.django_db(transaction=True)
def test_of_requests_that_come_together_one_makes_what_they_ask_for() -> None:
    callers = 4
    made: list[str] = []
    together = Barrier(callers)

    def make() -> str:
        made.append(f"thing {len(made)}")
        return made[-1]

    def ask(_: int) -> str | None:
        together.wait(60)
        try:
            return idempotency.made_once(
                make, client="client:one", key="k", request="POST /things/"
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(callers) as threads:
        answers = list(threads.map(ask, range(callers)))

    assert answers.count(None) == 1
    (kept,) = IdempotencyKey.objects.values_list("made", flat=True)
    assert answers.count(kept) == callers - 1
    with pytest.raises(idempotency.IdempotencyConflict):
        idempotency.made_once(make, client="client:one", key="k", request="/others/")


@pytest.mark.vendor
def test_keys_differ_by_case_on_every_database(integrator: Integrator, token: TokenMaster) -> None:
    lower, upper = submit(integrator, "order-a"), submit(integrator, "order-A", "INVOICE 2")

    assert (lower.status_code, upper.status_code) == (202, 202)
    assert lower.json()["extraction"] != upper.json()["extraction"]
    stored = IdempotencyKey.objects.values_list("key", flat=True)
    assert set(stored) == {digest_of("order-a"), digest_of("order-A")}


@pytest.mark.vendor
def test_keys_of_an_earlier_version_still_hold(integrator: Integrator, token: TokenMaster) -> None:
    first = submit(integrator, "k")
    IdempotencyKey.objects.update(key="k")

    migration = import_module("extraction.migrations.0030_digests_of_keys")
    migration.digest_keys(apps, SimpleNamespace(connection=connection))

    assert submit(integrator, "k").json()["extraction"] == first.json()["extraction"]
    assert submit(integrator, "k", "INVOICE 2").status_code == 409
