"""The administration of extractions, clients and grants."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from extraction import throttling
from extraction.models import (
    ApiClient,
    Attempt,
    CompanyGrant,
    Extraction,
    FailedAttempts,
    State,
)
from extraction.roles import AUDITOR
from ocrsite.lib import admin as lib_admin
from tests.extraction.factories import make_extraction, make_user
from tests.logs.audited import last
from tokens.models import Company, TokenMaster

EXTRACTIONS = "/admin/extraction/extraction/"
CLIENTS = "/admin/extraction/apiclient/"


@pytest.fixture
def staff(db: None) -> Client:
    for company_id in ("NT047", "NT048"):
        Company.objects.create(company_id=company_id)
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

    # Session, user, count, rows, and the companies to filter by.
    with django_assert_num_queries(5):
        page = staff.get(EXTRACTIONS).content.decode()

    assert page.count('<span class="pill pill-failed">Failed</span>') == rows


def test_no_more_extractions_are_counted_than_are_listed(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lib_admin, "LISTED", 3)
    for number in range(4):
        make_extraction(file_name=f"scan-{number}.pdf")

    with CaptureQueriesContext(connection) as queries:
        page = staff.get(EXTRACTIONS)

    assert page.context["cl"].result_count == 3
    assert "The first 3 in this order are listed." in page.content.decode()
    [count] = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert "LIMIT 4" in count or "TOP 4" in count or "FETCH FIRST 4" in count
    Extraction.objects.filter(file_name="scan-3.pdf").delete()
    assert "in this order are listed" not in staff.get(EXTRACTIONS).content.decode()


def test_nothing_is_done_to_rows_that_are_found_and_not_listed(
    staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lib_admin, "LISTED", 3)
    rows = [make_extraction(state=State.FAILED, http_status=502) for _ in range(4)]
    chosen = {"action": "retry", "select_across": "1", "_selected_action": [rows[0].pk]}

    page = staff.post(EXTRACTIONS, chosen, follow=True)

    assert "More than 3 are found, and not all of them are listed." in page.content.decode()
    assert Extraction.objects.filter(state=State.FAILED).count() == 4


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

    chosen = {"action": "retry", "_selected_action": [failed.pk, done.pk]}

    asked = staff.post(EXTRACTIONS, chosen).content.decode()
    assert "1 document is read again." in asked
    assert f'name="_selected_action" value="{failed.pk}"' in asked
    assert str(done.pk) not in asked
    assert not Extraction.objects.queued().exists()

    response = staff.post(EXTRACTIONS, {**chosen, "why": "Asked by Asha."}, follow=True)

    assert last().why == "Asked by Asha."
    assert "1 queued again." in response.content.decode()
    states = dict(Extraction.objects.values_list("pk", "state"))
    assert states == {failed.pk: State.QUEUED, done.pk: State.SUCCEEDED}
    again = staff.post(EXTRACTIONS, chosen, follow=True).content.decode()
    assert "None of them failed" in again


def test_client_is_created_with_companies_and_its_key_shown_once(staff: Client) -> None:
    form = {
        "name": "ERP",
        "scopes": ["submit", "read"],
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
        assert client.hashed_key not in page


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
        "scopes": ["submit"],
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
        "staff_companies-TOTAL_FORMS": "0",
        "staff_companies-INITIAL_FORMS": "0",
        "account_rule-TOTAL_FORMS": "0",
        "account_rule-INITIAL_FORMS": "0",
        "alert_subscription-TOTAL_FORMS": "0",
        "alert_subscription-INITIAL_FORMS": "0",
        "error_subscription-TOTAL_FORMS": "0",
        "error_subscription-INITIAL_FORMS": "0",
    }

    response = staff.post(address, form)

    assert response.status_code == 302
    granted = CompanyGrant.objects.filter(user=operator).values_list("company_id", flat=True)
    assert sorted(granted) == ["NT047", "NT048"]


ATTEMPTS = "/admin/extraction/failedattempts/"


def fail(subject: throttling.Subject, times: int) -> FailedAttempts:
    for _ in range(times):
        throttling.count_attempt([subject])
    return FailedAttempts.objects.get(subject=subject.name)


def lock(subject: throttling.Subject) -> FailedAttempts:
    row = fail(subject, 6)
    row.locked_until = timezone.now() + throttling.LONGEST_LOCK
    row.save()
    return row


@pytest.mark.parametrize("users", [1, 20])
def test_failed_attempts_are_listed_by_who_they_are(
    staff: Client, users: int, django_assert_num_queries: Any
) -> None:
    for number in range(users):
        User.objects.create_user(f"asha{number}")
        lock(throttling.account(f"Asha{number}"))
    fail(throttling.account("my-pass-word"), 1)
    fail(throttling.api_key("Ab12Cd34"), 1)
    fail(throttling.Subject("address:192.0.2.7", "192.0.2.7", free=20), 1)

    # Session, user, two counts, rows, and the names of users.
    with django_assert_num_queries(6):
        page = staff.get(ATTEMPTS).content.decode()

    for who in ("asha0", "an account that does not exist", "the API key Ab12Cd34", "192.0.2.7"):
        assert who in page
    assert "my-pass-word" not in page
    assert page.count("Locked</span>") == users


def test_failed_attempts_are_found_by_user_name_and_by_whether_they_are_locked(
    staff: Client,
) -> None:
    User.objects.create_user("asha")
    lock(throttling.account("asha"))
    fail(throttling.api_key("Ab12Cd34"), 1)

    def found(query: str) -> tuple[bool, bool]:
        page = staff.get(f"{ATTEMPTS}?{query}").content.decode()
        return "the account &#x27;asha&#x27;" in page, "the API key Ab12Cd34" in page

    assert found("q=Asha") == (True, False)
    assert found("q=b12C") == (False, True)
    assert found("locked=yes") == (True, False)
    assert found("locked=no") == (False, True)


def test_unlock_lets_an_account_try_again_at_once(
    staff: Client, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.create_user("asha", password="a-long-password")
    row = lock(throttling.account("asha"))
    other = fail(throttling.api_key("Ab12Cd34"), 1)
    form = {"username": "asha", "password": "a-long-password"}
    assert Client().post("/login/", form).status_code == 429

    staff.post(ATTEMPTS, {"action": "unlock", "_selected_action": [row.pk]})

    assert list(FailedAttempts.objects.all()) == [other]
    assert Client().post("/login/", form).status_code == 302
    assert "root unlocked the account 'asha'." in caplog.messages


def test_failed_attempts_are_changed_by_nobody_and_unlocked_with_the_right_to_change(
    db: None,
) -> None:
    row = lock(throttling.account("asha"))
    client = Client()
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_failedattempts"))
    client.force_login(clerk)

    client.post(ATTEMPTS, {"action": "unlock", "_selected_action": [row.pk]})
    assert FailedAttempts.objects.exists()

    clerk.user_permissions.add(Permission.objects.get(codename="change_failedattempts"))
    client.post(f"{ATTEMPTS}{row.pk}/change/", {"failures": 0})
    assert client.get(f"{ATTEMPTS}add/").status_code == 403
    assert FailedAttempts.objects.get().failures == 6
    client.post(ATTEMPTS, {"action": "unlock", "_selected_action": [row.pk]})
    assert not FailedAttempts.objects.exists()


def test_users_are_listed_with_what_they_may_do(
    staff: Client, operator: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(7):
        operator.company_grants.create(company_id=f"ZZ{number}")
    auditor = make_user("aud", AUDITOR)
    auditor.is_staff, auditor.is_active = True, False
    auditor.save()
    auditor.staff_companies.create(company=Company.objects.get(company_id="NT047"))

    # Session, user, count, rows, what three columns tell, the values of two filters.
    with django_assert_max_num_queries(10):
        page = staff.get("/admin/auth/user/").content.decode()

    assert "NT047, ZZ0, ZZ1, ZZ2, ZZ3 and 3 more" in page
    assert "bound to NT047" in page
    assert '<td class="field-roles">Auditor</td>' in page
    assert '>Inactive</span><span class="second-line">Staff</span>' in page
    assert '>Active</span><span class="second-line">Superuser</span>' in page
