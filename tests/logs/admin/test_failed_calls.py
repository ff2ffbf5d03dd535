"""The list of failed calls: reasons by name, and which calls were the last allowed."""

import uuid
from typing import Any

import pytest
from django.test import Client

from logs.models import FailedRetry, RetryAttempt

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

LIST = "/admin/logs/retryattempt/"


def failed(**fields: Any) -> RetryAttempt:
    given = {
        "company_id": "NT047",
        "extraction_id": uuid.uuid4(),
        "attempt": 1,
        "attempts_allowed": 4,
        "error_code": "server_error",
        "provider_code": "503 UNAVAILABLE",
        "error_message": "The model is overloaded.\nsecond line",
        "is_retryable": True,
        "delay_seconds": 1.25,
        **fields,
    }
    return RetryAttempt.objects.create(**given)


def found(client: Client, **filters: str) -> set[int]:
    """The rows that the list shows."""
    rows = client.get(LIST, filters).context["cl"].result_list
    return {row.pk for row in rows}


def test_a_call_is_shown_with_the_name_of_its_reason(admin_client: Client) -> None:
    failed()
    failed(attempts_allowed=None, delay_seconds=None, error_code=None, provider_code=None)

    page = admin_client.get(LIST).content.decode()

    assert 'Provider overloaded<span class="second-line">503 UNAVAILABLE</span>' in page
    assert "server_error</td>" not in page
    assert '<td class="field-tries">1 of 4</td>' in page
    assert '<td class="field-tries">1</td>' in page
    assert '<td class="field-wait">1.2 s</td>' in page
    assert '<td class="field-wait">-</td>' in page
    assert "second line" not in page


def test_calls_are_filtered_by_reason(admin_client: Client) -> None:
    overloaded, rejected = failed(), failed(error_code="key_rejected")

    assert "Key rejected" in admin_client.get(LIST).content.decode()
    assert found(admin_client, error_code="key_rejected") == {rejected.pk}
    assert found(admin_client) == {overloaded.pk, rejected.pk}


def test_the_last_allowed_calls_are_those_of_the_view_of_the_contract(admin_client: Client) -> None:
    first, last = failed(), failed(attempt=4)
    failed(attempts_allowed=None)

    assert found(admin_client, last_allowed="yes") == {last.pk}
    assert found(admin_client, last_allowed="no") == {first.pk}
    assert found(admin_client, last_allowed="x") == set(
        RetryAttempt.objects.values_list("pk", flat=True)
    )
    assert [row.extraction_id for row in FailedRetry.objects.all()] == [last.extraction_id]
