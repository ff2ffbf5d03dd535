"""What fails most, by company and class."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from logs.admin.failure_summary import FailureCount, what_fails_most
from logs.models import RetryAttempt

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("static_files")]

SUMMARY = "/admin/logs/retryattempt/summary/"
NOW = timezone.now()


def fail(company_id: str, code: str | None, extraction_id: uuid.UUID, hours_ago: int = 0) -> None:
    RetryAttempt.objects.create(
        company_id=company_id,
        extraction_id=extraction_id,
        attempt=1,
        error_class="retry" if code else None,
        error_code=code,
        error_message="It failed.",
        is_retryable=True,
        timestamp=NOW - timedelta(hours=hours_ago),
    )


def test_failures_are_counted_by_company_and_kind_the_most_frequent_first() -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    fail("NT047", "timeout", one)
    fail("NT047", "server_error", one)
    fail("NT047", "server_error", one, hours_ago=1)
    fail("NT047", "server_error", other)
    fail("NT048", "server_error", other)
    fail("NT047", "timeout", other, hours_ago=30)

    assert what_fails_most(NOW - timedelta(days=1)) == [
        FailureCount("NT047", "retry", "server_error", 3, 2, NOW, 3 / 5),
        FailureCount("NT047", "retry", "timeout", 1, 1, NOW, 1 / 5),
        FailureCount("NT048", "retry", "server_error", 1, 1, NOW, 1 / 5),
    ]


def test_page_shows_the_chosen_days_and_leads_to_the_calls(admin_client: Client) -> None:
    fail("NT047", "timeout", uuid.uuid4(), hours_ago=30)
    fail("NT048", None, uuid.uuid4(), hours_ago=30)
    assert SUMMARY in admin_client.get("/admin/logs/retryattempt/").content.decode()

    for address in (SUMMARY, f"{SUMMARY}?days=x"):
        assert "No call failed." in admin_client.get(address).content.decode()
    page = admin_client.get(f"{SUMMARY}?days=7").content.decode()

    assert "50 %" in page
    link = "/admin/logs/retryattempt/?q=NT047&amp;error_code=timeout"
    assert link in page
    calls = admin_client.get(link.replace("&amp;", "&"))
    assert [row.error_code for row in calls.context["cl"].result_list] == ["timeout"]


def test_page_needs_the_permission(client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.get(SUMMARY).status_code == 403
