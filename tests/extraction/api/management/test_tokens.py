"""The providers' keys through the management API: stored, masked, changed, and never given out."""

import logging
from typing import Any

import pytest
from rest_framework.test import APIClient

from extraction.api.management.documentation import EXAMPLES
from extraction.models import IdempotencyKey
from logs.models import ApplicationLog, AuditEntry
from tests.extraction.api.management.conftest import BASE
from tests.tokens.rows import make_token
from tokens.models import Company, TokenChange, TokenMaster, TokenStatus

URL = f"{BASE}tokens/"
KEY = "AIzaSyA-key-of-the-provider-0123456789"
NEW = "AIzaSyB-another-key-of-the-provider-42"


LEFT_OUT = object()


def add(http: APIClient, once: str = "", **changed: Any) -> Any:
    sent = {**EXAMPLES["add_key"], "key": KEY, **changed}
    sent = {name: value for name, value in sent.items() if value is not LEFT_OUT}
    headers = {"Idempotency-Key": once} if once else {}
    return http.post(URL, sent, format="json", headers=headers)


def patch(http: APIClient, pk: int, etag: str = "", **changes: Any) -> Any:
    headers = {"If-Match": etag} if etag else {}
    return http.patch(f"{URL}{pk}/", changes, format="json", headers=headers)


def test_key_is_added_and_answered_masked(http: APIClient) -> None:
    response = add(http)

    told = response.json()
    token = TokenMaster.objects.get()
    assert response.status_code == 201
    assert (told["token_id"], told["masked_key"]) == (token.pk, "AIza…6789")
    assert (told["total_token_limit"], told["threshold"], told["status"]) == (
        *(2_000_000, 100_000),
        "Active",
    )
    assert (told["used"], told["reserved"], told["remaining"]) == (0, 0, 2_000_000)
    assert token.reveal_key() == KEY
    assert http.get(URL).json() == {"results": [told]}
    assert http.get(f"{URL}{token.pk}/").json() == told
    assert http.get(URL, {"company": "NT048"}).json() == {"results": []}
    assert http.get(URL, {"comany": "NT047"}).status_code == 400


def test_key_is_in_no_answer_log_audit_or_store(
    http: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = [add(http, "k-1"), add(http, "k-1"), add(http, "k-1", key=NEW), add(http)]
        pk = TokenMaster.objects.get().pk
        rotated = http.post(f"{URL}{pk}/key/", {"key": NEW}, format="json")

    assert [each.status_code for each in answers] == [201, 201, 409, 400]
    assert answers[1].json() == answers[0].json()
    assert rotated.status_code == 200
    everything = str(
        [
            *(each.content.decode() for each in (*answers, rotated)),
            *AuditEntry.objects.values(),
            *IdempotencyKey.objects.values(),
            *ApplicationLog.objects.values(),
            *TokenChange.objects.values(),
            caplog.text,
        ]
    )
    assert KEY not in everything
    assert NEW not in everything


def test_key_is_rotated_once_for_an_idempotency_key(http: APIClient) -> None:
    pk = add(http).json()["token_id"]
    sent, headers = {"key": NEW, "why": "Yearly."}, {"Idempotency-Key": "r"}

    answers = [http.post(f"{URL}{pk}/key/", sent, format="json", headers=headers) for _ in range(2)]

    assert [each.json()["masked_key"] for each in answers] == ["AIza…r-42"] * 2
    assert TokenMaster.objects.get().reveal_key() == NEW
    change = TokenChange.objects.get()
    assert (change.what, change.actor, change.reason) == ("key", "API client Terraform", "Yearly.")


@pytest.mark.vendor
def test_limit_threshold_and_status_are_changed_and_audited_with_the_clients_name(
    http: APIClient,
) -> None:
    pk = add(http).json()["token_id"]

    told = patch(http, pk, **EXAMPLES["change_key"], threshold=5, model="gemini-x").json()
    off = patch(http, pk, status="Disabled", why="Leaked.").json()
    on = patch(http, pk, status="Active").json()

    assert (told["total_token_limit"], told["remaining"]) == (5_000_000, 5_000_000)
    assert (told["threshold"], told["model"]) == (5, "gemini-x")
    assert (off["status"], off["status_reason"]) == (
        "Disabled",
        "Set by API client Terraform.",
    )
    assert on["status"] == "Active"
    entries = AuditEntry.objects.filter(object_type="key").order_by("entry_id")
    assert {(entry.actor_kind, entry.actor) for entry in entries} == {("client", "Terraform")}
    assert [entry.after.partition("\n")[0] for entry in entries][1:] == [
        "limit: 5000000",
        "model: gemini-x",
        "status: Disabled",
        "status: Active",
    ]


def test_what_is_left_out_stays(http: APIClient) -> None:
    pk = add(http, model="m", project="p", max_concurrent_calls=3).json()["token_id"]
    before = http.get(f"{URL}{pk}/").json()

    after = patch(http, pk, requests_per_minute=7, max_concurrent_calls=None).json()

    assert after == {**before, "requests_per_minute": 7, "max_concurrent_calls": None}


@pytest.mark.vendor
def test_change_of_what_was_changed_meanwhile_is_refused(http: APIClient) -> None:
    pk = add(http).json()["token_id"]
    seen = http.get(f"{URL}{pk}/")["ETag"]
    first = patch(http, pk, seen, threshold=5)

    second = patch(http, pk, seen, threshold=6)

    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["code"] == "changed_meanwhile"
    assert patch(http, pk, first["ETag"], threshold=6).status_code == 200


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"company_id": "NT048"}, 403, "none of your companies"),
        ({"company_id": LEFT_OUT}, 400, "company_id"),
        ({"key": LEFT_OUT}, 400, "key: Enter the provider's key"),
        ({"key": "with blanks in it"}, 400, "key: A key has no blanks"),
        ({"key": "enc:abcdef:stored"}, 400, "key: This is a stored value"),
        ({"threshold": 3_000_000}, 400, "threshold: The threshold is above"),
        ({"total_token_limit": 0}, 400, "total_token_limit"),
        ({"total_token_limit": None}, 400, "total_token_limit"),
        ({"total_token_limit": "many"}, 400, "total_token_limit"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "expires_at: This time has passed"),
        ({"expires_at": "2099-01-01"}, 400, "expires_at: Write the time"),
        ({"status": "Exceeded"}, 400, "status"),
        ({"provider": "OpenAI"}, 400, "provider"),
        ({"model": "😀" * 51}, 400, "model"),
        ({"model": "a\nb"}, 400, "model"),
        ({"limit": 5}, 400, "limit: is no field"),
    ],
)
def test_key_that_cannot_be_is_refused(
    http: APIClient, changed: dict[str, Any], status: int, words: str
) -> None:
    response = add(http, **changed)

    assert response.status_code == status
    assert words in response.json()["detail"]
    assert not TokenMaster.objects.exists()


def test_company_is_found_however_its_rows_write_it(http: APIClient) -> None:
    Company.objects.update(other_spellings=["nt047"])
    token = make_token("AIza-0123456789-0123456789", company_id="nt047")

    assert [each["token_id"] for each in http.get(URL).json()["results"]] == [token.pk]
    assert add(http, company_id="nt047").json()["company_id"] == "NT047"


def test_key_of_the_company_is_added_once(http: APIClient) -> None:
    add(http)

    again = add(http)

    assert (again.status_code, again.json()["code"]) == (400, "invalid_request")
    assert "has this key already" in again.json()["detail"]


def test_expired_key_that_lives_on_is_active_again(http: APIClient) -> None:
    token = make_token(KEY, status=TokenStatus.EXPIRED, status_reason="Its expiry has passed.")

    assert patch(http, token.pk, expires_at="2099-01-01T00:00:00Z").json()["status"] == "Active"


def test_body_that_is_no_object_is_refused(http: APIClient) -> None:
    for body in ("[]", "1", '"x"', "null", "{", ""):
        response = http.post(URL, body, content_type="application/json")
        assert response.status_code == 400, body
