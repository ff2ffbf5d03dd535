import uuid

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from logs.models import ApplicationLog, RetryAttempt

EXTRACTION = uuid.UUID("0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11")
MODELS = ["applicationlog", "retryattempt", "recenterror", "failedretry"]


pytestmark = pytest.mark.usefixtures("static_files")


@pytest.fixture
def error_log(db: None) -> ApplicationLog:
    return ApplicationLog.objects.create(
        level="ERROR",
        logger="extraction.pipeline",
        message=f"{'m' * 200}\nsecond line",
        exception="Traceback <b>",
        extraction_id=EXTRACTION,
    )


@pytest.fixture
def failed_attempt(db: None) -> RetryAttempt:
    return RetryAttempt.objects.create(
        company_id="NT047",
        attempt=4,
        attempts_allowed=4,
        error_message="the model is overloaded",
        is_retryable=True,
        extraction_id=EXTRACTION,
    )


@pytest.mark.usefixtures("error_log", "failed_attempt")
@pytest.mark.parametrize("model", MODELS)
def test_list_shows_its_row_and_offers_no_change(admin_client: Client, model: str) -> None:
    response = admin_client.get(reverse(f"admin:logs_{model}_changelist"))

    assert response.status_code == 200
    content = response.content.decode()
    assert ("mmm" in content) == (model in {"applicationlog", "recenterror"})
    assert ("NT047" in content) == (model in {"retryattempt", "failedretry"})
    assert f"/logs/{model}/add/" not in content
    assert "delete_selected" not in content


@pytest.mark.parametrize("model", ["applicationlog", "recenterror"])
def test_record_shows_its_whole_message_and_a_folded_traceback(
    admin_client: Client, error_log: ApplicationLog, model: str
) -> None:
    url = reverse(f"admin:logs_{model}_change", args=[error_log.pk])

    content = admin_client.get(url).content.decode()

    assert "second line" in content
    assert (
        "<details><summary>Traceback</summary><pre>Traceback &lt;b&gt;</pre></details>" in content
    )
    assert "_save" not in content
    assert admin_client.post(url, {"level": "INFO"}).status_code == 403


@pytest.mark.parametrize(
    ("model", "key", "title"),
    [
        ("retryattempt", None, "attempt 4 for NT047: the model is overloaded"),
        ("failedretry", EXTRACTION, "NT047: 1 attempts"),
    ],
)
def test_failed_attempts_can_be_opened(
    admin_client: Client,
    failed_attempt: RetryAttempt,
    model: str,
    key: uuid.UUID | None,
    title: str,
) -> None:
    url = reverse(f"admin:logs_{model}_change", args=[key or failed_attempt.pk])

    assert title in admin_client.get(url).content.decode()


def test_record_without_an_exception_shows_a_dash(admin_client: Client) -> None:
    log = ApplicationLog.objects.create(level="INFO", logger="test", message="short")

    page = admin_client.get(reverse("admin:logs_applicationlog_change", args=[log.pk]))
    listing = admin_client.get(reverse("admin:logs_applicationlog_changelist"))

    assert "<details>" not in page.content.decode()
    assert '<td class="field-of_extraction">-</td>' in listing.content.decode()


def test_extraction_links_to_everything_logged_about_it(
    admin_client: Client, error_log: ApplicationLog
) -> None:
    ApplicationLog.objects.create(level="INFO", logger="test", message="about something else")
    url = reverse("admin:logs_applicationlog_changelist")
    link = f"{url}?extraction_id={EXTRACTION}"

    assert f'<a href="{link}">{str(EXTRACTION)[:8]}</a>' in admin_client.get(url).content.decode()
    content = admin_client.get(link).content.decode()
    assert "mmm" in content
    assert "about something else" not in content


def test_list_needs_few_queries_whatever_its_length(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        ApplicationLog.objects.create(level="INFO", logger="test", message=str(number))

    with django_assert_max_num_queries(8):
        admin_client.get(reverse("admin:logs_applicationlog_changelist"))
