"""The page of the timeline: for whom it is, and what stands on it."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from extraction.models import (
    Attempt,
    CompanyGrant,
    Extraction,
    State,
    WebhookDelivery,
    WebhookEndpoint,
)
from logs.audit import name_extractions
from logs.models import ApplicationLog, RetryAttempt
from ocrsite.lib import audit
from ocrsite.lib.audit import Action, ActorKind, What, Who
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token
from tokens.models import TokenUsageLog

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]


def trace_of(extraction: Extraction) -> str:
    return f"/extractions/{extraction.pk}/trace/"


@pytest.fixture
def staff(operator: User) -> Client:
    """Staff of NT047 who may see extractions in the admin."""
    operator.is_staff = True
    operator.save()
    operator.user_permissions.add(Permission.objects.get(codename="view_extraction"))
    client = Client()
    client.force_login(operator)
    return client


def test_page_is_for_staff_who_may_see_extractions(
    staff: Client, client: Client, django_user_model: type[User]
) -> None:
    extraction = make_extraction()
    other = django_user_model.objects.create_user("other", is_staff=True)
    CompanyGrant.objects.create(user=other, company_id="NT047")

    assert staff.get(trace_of(extraction)).status_code == 200
    assert client.get(trace_of(extraction)).status_code == 302
    client.force_login(other)
    assert client.get(trace_of(extraction)).status_code == 403
    assert "/trace/" not in client.get(f"/extractions/{extraction.pk}/").content.decode()
    assert staff.post(trace_of(extraction)).status_code == 405
    assert staff.get(f"/extractions/{uuid.uuid4()}/trace/").status_code == 404


def test_page_is_linked_from_the_result_and_the_admin(staff: Client) -> None:
    extraction = make_extraction()

    for page in (
        f"/extractions/{extraction.pk}/",
        f"/admin/extraction/extraction/{extraction.pk}/change/",
    ):
        assert f'href="{trace_of(extraction)}"' in staff.get(page).content.decode()


def test_page_tells_calls_exports_logs_and_usage_each_to_whom_may_see_it(
    staff: Client, operator: User
) -> None:
    token, now = make_token(), timezone.now() - timedelta(seconds=9)
    extraction = make_extraction(
        state=State.FAILED, received_in="request-1", created_at=now, finished_at=now
    )
    call = Attempt.objects.create(
        extraction=extraction, number=1, token=token, model="gemini", reserved=9, outcome="failed",
        started_at=now, finished_at=now + timedelta(seconds=1.25),
    )  # fmt: skip
    RetryAttempt.objects.create(
        token=token, company_id="NT047", extraction_id=extraction.pk, attempt=1,
        error_message="<b>busy</b>", is_retryable=True,
    )  # fmt: skip
    usage = TokenUsageLog.objects.create(
        token=token, attempt_id=call.pk, total_tokens_used=1_234, cost="0.5", currency="USD"
    )
    exported = audit.record(
        Action.EXPORTED, who=Who(ActorKind.USER, "sita"), what=What("extractions"), after="csv"
    )
    name_extractions(exported, [extraction.pk])
    logged: dict[str, dict[str, Any]] = {
        "about it": {"extraction_id": extraction.pk},
        "of its request": {"request_id": "request-1"},
        "of both": {"extraction_id": extraction.pk, "request_id": "request-1"},
        "of another": {"request_id": "request-2"},
    }
    for message, fields in logged.items():
        ApplicationLog.objects.create(level="INFO", logger="test", message=message, **fields)

    page = staff.get(trace_of(extraction)).content.decode()
    for text in ("+1.250 s", "&lt;b&gt;busy&lt;/b&gt;", "AIza…x9Qz", "Exported", "sita"):
        assert text in page
    assert "about it" not in page
    assert f"/admin/tokens/tokenusagelog/{usage.pk}/" not in page

    for codename in ("view_applicationlog", "view_tokenusagelog"):
        operator.user_permissions.add(Permission.objects.get(codename=codename))
    page = staff.get(trace_of(extraction)).content.decode()
    assert [page.count(text) for text in ("about it", "of its request", "of both")] == [1, 1, 1]
    assert "of another" not in page
    assert f"/admin/tokens/tokenusagelog/{usage.pk}/" in page
    assert "<style" not in page
    assert " style=" not in page


@pytest.mark.parametrize("calls", [1, 20])
def test_page_needs_few_queries(
    admin_client: Client, calls: int, django_assert_max_num_queries: Any
) -> None:
    token, extraction = make_token(), make_extraction()
    for number in range(calls):
        Attempt.objects.create(
            extraction=extraction, number=number, token=token, model="m", reserved=9
        )

    with django_assert_max_num_queries(14):
        assert admin_client.get(trace_of(extraction)).status_code == 200


def test_deleted_one_has_its_trace(staff: Client) -> None:
    extraction = make_extraction(deleted_at=timezone.now(), deleted_by="sita")

    assert "Deleted" in staff.get(trace_of(extraction)).content.decode()


def test_webhooks_of_it_are_told_with_each_try(staff: Client) -> None:
    extraction = make_extraction()
    endpoint = WebhookEndpoint.objects.create(company_id="NT047", url="https://hooks.example.com/a")
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint,
        event="extraction.failed",
        event_key="1",
        extraction_id=extraction.pk,
        body="{}",
        give_up_at=timezone.now(),
    )
    delivery.tries.create(number=1, milliseconds=250, status_code=503, error="Unavailable.")
    delivery.tries.create(number=2, milliseconds=40, status_code=204)

    page = staff.get(trace_of(extraction)).content.decode()

    assert page.count("Webhook extraction.failed sent") == 2
    for text in ("Webhook extraction.failed is to be sent", "503", "250 ms", "Unavailable.", "204"):
        assert text in page


def test_how_a_document_came_is_kept(
    signed_in: Client, integrator: Integrator, data_dir: Path, settings: Settings
) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0
    make_token()

    signed_in.post(
        "/", {"company_id": "NT047", "file": upload(pdf("one"))}, REMOTE_ADDR="192.0.2.7"
    )
    form = {"companyID": "NT047", "username": "Bela"}
    for path, text in (("/api/v1/extractions/", "two"), ("/extract", "three")):
        integrator.http.post(path, {**form, "file": upload(pdf(text))}, REMOTE_ADDR="192.0.2.8")

    came = Extraction.objects.order_by("created_at").values_list("channel", "received_from")
    assert list(came) == [
        ("page", "192.0.2.7"),
        ("api", "192.0.2.8"),
        ("extract", "192.0.2.8"),
    ]
    ids = Extraction.objects.values_list("received_in", flat=True)
    assert len({uuid.UUID(each or "") for each in ids}) == 3
