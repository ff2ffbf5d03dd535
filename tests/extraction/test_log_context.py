"""Everything about one extraction carries its id, across web and workers."""

import logging
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from extraction import pipeline, tasks
from extraction.heartbeat import heartbeat
from extraction.models import Extraction
from logs import context
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tokens.models import TokenMaster

NOWHERE = uuid.UUID("0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11")


def bound() -> dict[str, str]:
    """What is bound here, but for the id of a request."""
    fields = context.current()._asdict()
    return {name: value for name, value in fields.items() if value and name != "request_id"}


class Contexts(logging.Handler):
    """What was bound when each record was logged, by its message's first word."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, Mapping[str, str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.seen[record.getMessage().split()[0]] = bound()


@pytest.fixture
def contexts() -> Iterator[dict[str, Mapping[str, str]]]:
    handler = Contexts()
    root = logging.getLogger()
    root.addHandler(handler)
    yield handler.seen
    root.removeHandler(handler)


def test_a_submission_and_the_work_on_it(
    integrator: Integrator,
    token: TokenMaster,
    settings: Settings,
    data_dir: object,
    contexts: dict[str, Mapping[str, str]],
) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0
    form = {"file": upload(pdf("INVOICE 4711\nTotal 1")), "companyID": "NT047", "username": "x"}

    integrator.http.post("/extract", form)
    extraction = Extraction.objects.get()
    tasks.run_extraction(str(extraction.pk))

    expected = {"extraction_id": str(extraction.pk), "company_id": "NT047"}
    assert contexts["Queued"] == {**expected, "user": "ERP"}
    assert contexts["Extracted"] == expected
    assert context.current() == context.Context()


@pytest.mark.parametrize("address", ["/extractions/{}/", "/api/v1/extractions/{}/"])
def test_pages_about_an_extraction(
    signed_in: Client, operator: User, contexts: dict[str, Mapping[str, str]], address: str
) -> None:
    signed_in.get(address.format(NOWHERE))

    assert contexts["Not"] == {"extraction_id": str(NOWHERE), "user": "asha"}


def test_visitors_without_a_session_have_no_name(
    db: None, contexts: dict[str, Mapping[str, str]]
) -> None:
    Client().get("/login/nowhere")

    assert contexts["Not"] == {}


def test_a_fault_while_waiting_names_the_extraction_and_its_company(
    integrator: Integrator,
    token: TokenMaster,
    data_dir: object,
    monkeypatch: pytest.MonkeyPatch,
    contexts: dict[str, Mapping[str, str]],
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("extraction.api.views.wait_until_ended", fail)
    form = {"file": upload(pdf("INVOICE 4711\nTotal 1")), "companyID": "NT047", "username": "x"}

    integrator.http.post("/extract", form)

    assert contexts["A"] == {
        "extraction_id": str(Extraction.objects.get().pk),
        "company_id": "NT047",
        "user": "ERP",
    }


def test_a_task_that_fails(
    monkeypatch: pytest.MonkeyPatch, contexts: dict[str, Mapping[str, str]]
) -> None:
    def fail(_: uuid.UUID) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "process", fail)

    tasks.run_extraction(str(NOWHERE))

    assert contexts["Extraction"] == {"extraction_id": str(NOWHERE)}


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_that_fails(
    monkeypatch: pytest.MonkeyPatch, contexts: dict[str, Mapping[str, str]]
) -> None:
    seen: list[Mapping[str, str]] = []
    monkeypatch.setattr("extraction.heartbeat._beat", lambda *_: seen.append(bound()))

    with context.bound(extraction_id=str(NOWHERE)), heartbeat(make_extraction()):
        pass

    assert seen == [{"extraction_id": str(NOWHERE)}]
