"""The administration of extractions, clients and grants."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from extraction.models import ApiClient, Attempt, CompanyGrant, Extraction, State
from tests.extraction.factories import make_extraction
from tokens.models import TokenMaster

EXTRACTIONS = "/admin/extraction/extraction/"
CLIENTS = "/admin/extraction/apiclient/"


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_admin_is_for_staff(signed_in: Client) -> None:
    response = signed_in.get("/admin/")

    assert (response.status_code, response["Location"]) == (302, "/admin/login/?next=/admin/")


def test_index_hides_the_queue_and_the_unused_key_model(staff: Client) -> None:
    page = staff.get("/admin/").content.decode()

    assert "API clients" in page
    assert "django_q" not in page
    assert "rest_framework_api_key" not in page
    assert "/static/ocrsite/ocrsite." in page


@pytest.mark.parametrize("rows", [1, 20])
def test_extractions_are_listed_with_few_queries(
    staff: Client, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make_extraction(state=State.FAILED)

    # Session, user, two counts, rows.
    with django_assert_num_queries(5):
        page = staff.get(EXTRACTIONS).content.decode()

    assert page.count('<span class="pill pill-failed">Failed</span>') == rows


def test_extraction_is_shown_with_its_attempts_and_cannot_be_changed(
    staff: Client, token: TokenMaster
) -> None:
    extraction = make_extraction(file_name="scan.pdf")
    Attempt.objects.create(
        extraction=extraction, number=1, token=token, model="gemini-3.8-flash", reserved=10
    )
    address = f"{EXTRACTIONS}{extraction.pk}/change/"

    page = staff.get(address).content.decode()
    staff.post(address, {"company_id": "NT048", "file_name": "other.pdf"})

    assert "gemini-3.8-flash" in page
    assert f'href="/extractions/{extraction.pk}/"' in page
    extraction.refresh_from_db()
    assert (extraction.company_id, extraction.file_name) == ("NT047", "scan.pdf")


def test_extraction_is_neither_added_nor_deleted_by_hand(staff: Client) -> None:
    extraction = make_extraction()

    assert staff.get(f"{EXTRACTIONS}add/").status_code == 403
    assert staff.post(f"{EXTRACTIONS}{extraction.pk}/delete/", {"post": "yes"}).status_code == 403


def test_retry_queues_the_failed_among_the_chosen(staff: Client) -> None:
    failed = make_extraction(state=State.FAILED)
    done = make_extraction(state=State.SUCCEEDED)

    response = staff.post(
        EXTRACTIONS, {"action": "retry", "_selected_action": [failed.pk, done.pk]}, follow=True
    )

    assert "1 queued again." in response.content.decode()
    states = dict(Extraction.objects.values_list("pk", "state"))
    assert states == {failed.pk: State.QUEUED, done.pk: State.SUCCEEDED}


def test_client_is_created_with_companies_and_its_key_shown_once(staff: Client) -> None:
    form = {
        "name": "ERP",
        "expiry_date_0": "",
        "expiry_date_1": "",
        "companies-TOTAL_FORMS": "1",
        "companies-INITIAL_FORMS": "0",
        "companies-0-company_id": "NT047",
    }

    created = staff.post(f"{CLIENTS}add/", form, follow=True).content.decode()

    client = ApiClient.objects.get()
    assert [binding.company_id for binding in client.companies.all()] == ["NT047"]
    key = next(word for word in created.split() if word.startswith(f"{client.prefix}.")).rstrip(".")
    assert ApiClient.objects.is_valid(key)
    for address in (CLIENTS, f"{CLIENTS}{client.pk}/change/"):
        page = staff.get(address).content.decode()
        assert key not in page
        assert key.partition(".")[2] not in page


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "Active"),
        ({"revoked": True}, "Disabled"),
        ({"expiry_date": "2020-01-01T00:00:00Z"}, "Expired"),
    ],
)
def test_client_shows_whether_its_key_is_good(
    staff: Client, fields: dict[str, Any], status: str
) -> None:
    client, _ = ApiClient.objects.create_key(name="ERP", **fields)
    assert isinstance(client, ApiClient)
    for company_id in ("NT047", "NT048"):
        client.companies.create(company_id=company_id)

    page = staff.get(CLIENTS).content.decode()

    assert f'<span class="pill pill-{status.lower()}">{status}</span>' in page
    assert "NT047, NT048" in page


def test_client_is_revoked_rather_than_deleted(staff: Client) -> None:
    client, key = ApiClient.objects.create_key(name="ERP")
    form = {
        "name": "ERP",
        "revoked": "on",
        "expiry_date_0": "",
        "expiry_date_1": "",
        "companies-TOTAL_FORMS": "0",
        "companies-INITIAL_FORMS": "0",
    }

    deleted = staff.post(f"{CLIENTS}{client.pk}/delete/", {"post": "yes"})
    staff.post(f"{CLIENTS}{client.pk}/change/", form)

    assert deleted.status_code == 403
    assert not ApiClient.objects.is_valid(key)


def test_companies_are_granted_on_the_page_of_the_user(staff: Client, operator: User) -> None:
    address = f"/admin/auth/user/{operator.pk}/change/"
    grant = operator.company_grants.get()
    form = {
        "username": "asha",
        "is_active": "on",
        "date_joined_0": "2026-11-24",
        "date_joined_1": "00:00:00",
        "company_grants-TOTAL_FORMS": "2",
        "company_grants-INITIAL_FORMS": "1",
        "company_grants-0-id": grant.pk,
        "company_grants-0-user": operator.pk,
        "company_grants-0-company_id": "NT047",
        "company_grants-1-user": operator.pk,
        "company_grants-1-company_id": "NT048",
        "alert_subscription-TOTAL_FORMS": "0",
        "alert_subscription-INITIAL_FORMS": "0",
        "error_subscription-TOTAL_FORMS": "0",
        "error_subscription-INITIAL_FORMS": "0",
    }

    response = staff.post(address, form)

    assert response.status_code == 302
    granted = CompanyGrant.objects.filter(user=operator).values_list("company_id", flat=True)
    assert sorted(granted) == ["NT047", "NT048"]
