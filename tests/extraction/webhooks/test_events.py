"""Which messages are written: one for each event and endpoint, with the event or not at all."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from django.db import transaction
from pytest_django import Settings

from extraction import outcomes, pipeline, submission
from extraction.exceptions import ExtractionFailed
from extraction.labels import rows_of
from extraction.models import Extraction, Label, State, WebhookDelivery, WebhookEndpoint
from extraction.models.webhook import DeliveryState
from extraction.review import decisions
from tests.emulator.server import Emulator
from tests.extraction.factories import ASHA, make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token
from tokens import companies
from tokens.models import Company

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.vendor,
    pytest.mark.usefixtures("same_input"),
]

Add = Callable[..., WebhookEndpoint]
INVOICE = pdf("INVOICE 4711\nTotal 119.00")


def processed(client: str = "user:1", labels: Mapping[str, str] | None = None) -> Extraction:
    extraction = submission.submit(
        upload(INVOICE),
        company_id="NT047",
        requested_by="asha",
        branch="North",
        client=client,
        labels=labels,
    ).extraction
    pipeline.process(extraction.pk)
    extraction.refresh_from_db()
    return extraction


def held(**fields: object) -> Extraction:
    """One that this process has claimed."""
    extraction = Extraction.objects.claim(make_extraction(**fields).pk, worker=None)
    assert extraction is not None
    return extraction


def failure() -> ExtractionFailed:
    return ExtractionFailed("no_key_free", "Later.", 503, retry_after=timedelta(seconds=9))


def events_of(endpoint: WebhookEndpoint) -> Counter[str]:
    return Counter(endpoint.deliveries.values_list("event", flat=True))


def test_success_is_told_to_each_endpoint_once(emulator: Emulator, add: Add) -> None:
    make_token()
    first, second = add(), add(events=["extraction.succeeded"])

    extraction = processed()

    assert extraction.state == State.SUCCEEDED
    expected = {"extraction.succeeded": 1} | (
        {"extraction.needs_review": 1} if extraction.needs_review else {}
    )
    assert events_of(first) == expected
    assert events_of(second) == {"extraction.succeeded": 1}
    message = second.deliveries.get()
    assert (message.state, message.attempts) == (DeliveryState.PENDING, 0)
    assert message.extraction_id == extraction.pk
    assert json.loads(message.body) == {
        "type": "extraction.succeeded",
        "id": str(message.pk),
        "timestamp": message.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {
            "extraction": f"/api/v1/extractions/{extraction.pk}/",
            "extraction_id": str(extraction.pk),
            "company_id": "NT047",
            "labels": {},
            "state": "succeeded",
            "http_status": 200,
            "code": "",
            "needs_review": extraction.needs_review,
        },
    }


def test_failure_is_told_with_its_code(add: Add) -> None:
    endpoint, extraction = add(), held()

    outcomes.fail(extraction, failure())

    message = endpoint.deliveries.get()
    data = json.loads(message.body)["data"]
    assert message.event == "extraction.failed"
    assert (data["state"], data["http_status"], data["code"]) == ("failed", 503, "no_key_free")


@pytest.mark.parametrize(
    "labels", [{}, {"project": "Alpha"}, {"project": 'काठमाडौं \u2028"', "cost-centre": "42=x,y"}]
)
def test_messages_of_a_document_have_its_labels(
    emulator: Emulator, add: Add, labels: dict[str, str]
) -> None:
    make_token()
    endpoint = add()

    extraction = processed(labels=labels)
    decisions.approve(extraction, by=ASHA, version=0, anyway=True)
    failed = held()
    Label.objects.bulk_create(rows_of(failed, labels))
    outcomes.fail(failed, failure())

    events = events_of(endpoint)
    assert {"extraction.succeeded", "extraction.approved", "extraction.failed"} <= set(events)
    bodies = endpoint.deliveries.values_list("body", flat=True)
    assert [json.loads(body)["data"]["labels"] for body in bodies] == [labels] * events.total()


def test_what_is_repeated_is_told_once(add: Add) -> None:
    """As when the database went away before it confirmed the commit."""
    endpoint, extraction = add(), held()

    for _ in range(3):
        outcomes.fail(extraction, failure())

    assert endpoint.deliveries.count() == 1


def test_nothing_is_told_of_what_is_rolled_back(add: Add) -> None:
    endpoint, extraction = add(), held()

    with transaction.atomic():
        outcomes.fail(extraction, failure())
        transaction.set_rollback(True)

    assert endpoint.deliveries.count() == 0
    assert Extraction.objects.get().state == State.PROCESSING


def test_each_failure_of_one_that_is_tried_again_is_told(add: Add) -> None:
    endpoint, extraction = add(), held()
    outcomes.fail(extraction, failure())
    submission.retry(extraction, by=ASHA)
    again = Extraction.objects.claim(extraction.pk, worker=None)
    assert again is not None

    outcomes.fail(again, failure())

    assert events_of(endpoint) == {"extraction.failed": 2}


def test_failure_to_read_again_is_not_told(add: Add) -> None:
    """It has its earlier result back: it did not fail."""
    endpoint, extraction = add(), held(document_type="invoice", result={})

    outcomes.fail(extraction, failure())

    assert endpoint.deliveries.count() == 0


def test_approval_is_told_once_for_each_version(emulator: Emulator, add: Add) -> None:
    make_token()
    endpoint = add(events=["extraction.approved"])
    extraction = processed()

    decisions.approve(extraction, by=ASHA, version=0, anyway=True)
    with pytest.raises(decisions.ReviewConflict):
        decisions.approve(extraction, by=ASHA, version=0, anyway=True)
    decisions.approve(extraction, by=ASHA, version=1, anyway=True)

    assert events_of(endpoint) == {"extraction.approved": 2}
    assert json.loads(endpoint.deliveries.all()[0].body)["data"]["needs_review"] is False


@pytest.mark.parametrize(
    "changed",
    [
        {"company_id": "NT048"},
        {"events": ["extraction.succeeded"]},
        {"client": "client:other"},
    ],
)
def test_who_did_not_ask_is_not_told(add: Add, changed: dict[str, object]) -> None:
    add(**changed)

    outcomes.fail(held(client="client:mine"), failure())

    assert WebhookDelivery.objects.count() == 0


def test_endpoint_of_a_client_is_told_of_what_that_client_sent(add: Add) -> None:
    endpoint = add(client="client:mine")

    outcomes.fail(held(client="client:mine"), failure())

    assert endpoint.deliveries.count() == 1


def test_company_is_told_however_its_id_is_written(add: Add) -> None:
    """Rows inserted by SQL may write it in another way; SQL Server finds them all the same."""
    companies.register(Company.objects, {"NT047": "", "nt047": ""})
    endpoint = add()

    for written in ("nt047", " Nt047"):
        outcomes.fail(held(company_id=written), failure())

    assert endpoint.deliveries.count() == 2


def test_disabled_endpoint_is_not_told(add: Add) -> None:
    endpoint = add()
    WebhookEndpoint.objects.update(enabled=False)

    outcomes.fail(held(), failure())

    assert endpoint.deliveries.count() == 0


def test_nobody_is_told_while_no_host_is_allowed(add: Add, settings: Settings) -> None:
    add()
    settings.WEBHOOK_HOSTS = []

    outcomes.fail(held(), failure())

    assert WebhookDelivery.objects.count() == 0
