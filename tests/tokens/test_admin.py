import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ocrsite.lib.moments import moment
from tests.tokens.rows import KEY, insert_by_sql, make_token
from tokens import circuit_breaker, encryption, ledger
from tokens.admin import WHY_IT_STAYS
from tokens.models import (
    NO_LIMITS,
    Company,
    CoolDown,
    TokenMaster,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.usage import Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

LIST = "/admin/tokens/tokenmaster/"
NEW_KEY = "AIzaAnotherCanaryAnotherCanaryAnother22"


@pytest.fixture(autouse=True)
def companies(db: None) -> None:
    """Those that the forms may name."""
    for company_id in ("NT047", "NT048", "NT050"):
        Company.objects.create(company_id=company_id)


def change(token: TokenMaster) -> str:
    return f"{LIST}{token.pk}/change/"


def posted(**fields: Any) -> dict[str, Any]:
    """What the form sends when nothing was changed in a row of ``make_token``."""
    return {
        "company_id": "NT047",
        "company_name": "RUBI TRADERS",
        "provider": "Gemini",
        "model": "",
        "project": "",
        "max_concurrent_calls": "",
        "requests_per_minute": "",
        "new_key": "",
        "expires_at_0": "",
        "expires_at_1": "",
        "total_token_limit": "100000",
        "threshold": "3000",
        "status": "Active",
        "quotas-TOTAL_FORMS": "0",
        "quotas-INITIAL_FORMS": "0",
        **fields,
    }


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def test_staff_add_a_key(admin_client: Client) -> None:
    response = admin_client.post(
        f"{LIST}add/",
        posted(new_key=f" {KEY} ", company_id=" NT050 ", threshold="500", total_token_limit="900"),
    )

    assert response.status_code == 302
    token = TokenMaster.objects.select_related("summary").get()
    assert (token.company_id, token.reveal_key(), token.status) == ("NT050", KEY, "Active")
    assert token.api_key.startswith("enc:")
    assert (token.summary.threshold, token.summary.total_remaining_tokens) == (500, 900)


def test_staff_add_an_offline_entry_without_a_key(admin_client: Client) -> None:
    response = admin_client.post(f"{LIST}add/", posted(provider="Offline"))

    assert response.status_code == 302
    assert TokenMaster.objects.get().api_key == ""


def test_staff_who_may_only_view_see_a_key_masked(client: Client) -> None:
    token = make_token()
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_tokenmaster"))
    client.force_login(viewer)

    response = client.get(change(token))

    assert response.status_code == 200
    assert token.masked_key in response.content.decode()


def test_staff_set_the_project_and_the_limits_of_calls(admin_client: Client) -> None:
    token = make_token()

    admin_client.post(
        change(token),
        posted(project=" erp ", max_concurrent_calls="3", requests_per_minute="15"),
    )

    token.refresh_from_db()
    assert (token.project, token.max_concurrent_calls, token.requests_per_minute) == ("erp", 3, 15)

    admin_client.post(change(token), posted())

    token.refresh_from_db()
    assert (token.project, token.call_limits) == (None, NO_LIMITS)


def test_the_page_of_a_key_shows_until_when_it_is_blocked_and_why(admin_client: Client) -> None:
    token = make_token(project="erp")
    until = timezone.now() + timedelta(hours=1)
    circuit_breaker.trip(token, until, "The quota is used up.", whole_project=True)

    page = admin_client.get(change(token)).content.decode()

    assert f"{moment(until, zone=True)}: The quota is used up." in page
    assert "used up" not in admin_client.get(f"{LIST}add/").content.decode()


def test_staff_end_a_cool_down_by_deleting_it(admin_client: Client) -> None:
    token = make_token(project="erp")
    circuit_breaker.trip(token, timezone.now() + timedelta(hours=1), "Quota", whole_project=True)
    row = CoolDown.objects.get()
    assert "erp" in admin_client.get("/admin/tokens/cooldown/").content.decode()

    admin_client.post(f"/admin/tokens/cooldown/{row.pk}/delete/", {"post": "yes"})

    assert not CoolDown.objects.exists()


def test_an_empty_key_keeps_the_stored_one(admin_client: Client) -> None:
    token = make_token()

    admin_client.post(change(token), posted(company_name="RUBI", threshold="10"))

    before = token.api_key
    token.refresh_from_db()
    assert (token.company_name, token.api_key) == ("RUBI", before)
    assert token.summary.threshold == 10


def test_a_new_key_replaces_the_stored_one(admin_client: Client) -> None:
    token = make_token()

    admin_client.post(change(token), posted(new_key=NEW_KEY))

    token.refresh_from_db()
    assert token.reveal_key() == NEW_KEY
    assert token.key_fingerprint == encryption.fingerprint(NEW_KEY)


def test_the_same_key_can_be_entered_again_in_its_own_row(admin_client: Client) -> None:
    token = make_token()

    assert admin_client.post(change(token), posted(new_key=KEY)).status_code == 302


def test_a_raised_limit_reactivates_an_exceeded_key(admin_client: Client) -> None:
    token = make_token(status="Exceeded", total_token_limit=1000)

    admin_client.post(change(token), posted(status="Exceeded", total_token_limit="100000"))

    token.refresh_from_db()
    assert (token.status, token.summary.total_remaining_tokens) == ("Active", 100_000)


def test_an_edit_writes_what_was_changed_and_no_other_column(admin_client: Client) -> None:
    token = make_token()

    with CaptureQueriesContext(connection) as queries:
        admin_client.post(change(token), posted(company_name="RUBI"))

    updates = [query["sql"] for query in queries if 'UPDATE "TokenMaster"' in query["sql"]]
    assert len(updates) == 1
    assert "SET \"CompanyName\" = 'RUBI' WHERE" in updates[0]


def test_a_status_set_by_staff_names_them(admin_client: Client) -> None:
    token = make_token()

    admin_client.post(change(token), posted(status="Disabled"))

    token.refresh_from_db()
    assert (token.status, token.status_reason) == ("Disabled", "Set by admin.")


def test_a_key_inserted_by_sql_can_be_edited(admin_client: Client) -> None:
    token = insert_by_sql()
    assert admin_client.get(change(token)).status_code == 200

    admin_client.post(change(token), posted(threshold="77"))

    assert TokenUsageSummary.objects.values_list("token_id", "threshold").get() == (token.pk, 77)
    assert TokenMaster.objects.get().reveal_key() == KEY


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"total_token_limit": "0"}, "total_token_limit", "greater than or equal to 1."),
        ({"total_token_limit": "-5"}, "total_token_limit", "greater than or equal to 1."),
        ({"total_token_limit": "9" * 30}, "total_token_limit", "less than or equal to 1000000"),
        # Just above 64 bits, and just above what the form takes.
        ({"total_token_limit": str(2**63)}, "total_token_limit", "less than or equal to 1000000"),
        ({"total_token_limit": str(10**12 + 1)}, "total_token_limit", "or equal to 1000000"),
        ({"total_token_limit": "many"}, "total_token_limit", "Enter a whole number."),
        ({"threshold": "-1"}, "threshold", "greater than or equal to 0."),
        ({"threshold": "100001"}, "threshold", "The threshold is above the limit."),
        ({"new_key": ""}, "new_key", "Enter the provider's key; only Offline needs none."),
        ({"new_key": "   "}, "new_key", "Enter the provider's key; only Offline needs none."),
        ({"new_key": "two words"}, "new_key", "A key has no blanks"),
        ({"new_key": "schlüssel"}, "new_key", "A key has no blanks"),
        ({"new_key": "AIza\x00key"}, "new_key", "Null characters are not allowed."),
        ({"new_key": "AIza\x07key"}, "new_key", "A key has no blanks"),
        ({"new_key": "AIza\nkey"}, "new_key", "A key has no blanks"),
        ({"new_key": "AIza\u200bkey"}, "new_key", "A key has no blanks"),
        ({"new_key": "K" * 10_000}, "new_key", "at most 500 characters"),
        ({"new_key": "Enc:abc:def"}, "new_key", "This is a stored value, not a key."),
        ({"max_concurrent_calls": "0"}, "max_concurrent_calls", "greater than or equal to 1."),
        ({"requests_per_minute": "-1"}, "requests_per_minute", "greater than or equal to 1."),
        ({"requests_per_minute": "9" * 30}, "requests_per_minute", "or equal to 100000."),
        ({"project": "p" * 101}, "project", "at most 100 characters"),
        ({"provider": "Oracle"}, "provider", "Oracle is not one of the available choices."),
        ({"company_id": "  "}, "company_id", "This field is required."),
        ({"company_id": "N" * 51}, "company_id", "There is no company “NNNN"),
        ({"company_id": "NT74"}, "company_id", "There is no company “NT74”."),
        ({"company_id": "nt047"}, "company_id", "not how this company is written. Choose “NT047”"),
    ],
)
def test_a_wrong_entry_is_an_error_and_saves_nothing(
    admin_client: Client, fields: dict[str, str], field: str, message: str
) -> None:
    response = admin_client.post(f"{LIST}add/", posted(**{"new_key": KEY, **fields}))

    assert response.status_code == 200
    found = errors(response)
    assert set(found) == {field}
    assert message in " ".join(found[field])
    assert not TokenMaster.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"total_token_limit": "-5"},
        {"total_token_limit": str(2**63)},
        {"threshold": "-1"},
        {"new_key": "two words"},
        {"new_key": "K" * 10_000},
        {"provider": "Oracle"},
        {"expires_at_0": "2020-01-31", "expires_at_1": "12:00:00"},
    ],
)
def test_a_wrong_change_of_a_key_changes_nothing(
    admin_client: Client, fields: dict[str, str]
) -> None:
    token = make_token()
    before = TokenMaster.objects.values().get()

    response = admin_client.post(change(token), posted(company_name="OTHER", **fields))

    assert len(errors(response)) == 1
    assert TokenMaster.objects.values().get() == before
    assert TokenUsageSummary.objects.get().threshold == 3000


def test_an_expiry_in_the_past_is_an_error(admin_client: Client) -> None:
    form = posted(new_key=KEY, expires_at_0="2020-01-31", expires_at_1="12:00:00")

    response = admin_client.post(f"{LIST}add/", form)

    message = "This time has passed. Enter one to come, or none."
    assert errors(response) == {"expires_at": [message]}
    assert not TokenMaster.objects.exists()


def test_a_key_that_has_expired_can_still_be_edited(admin_client: Client) -> None:
    expired = timezone.now().replace(microsecond=0) - timedelta(days=1)
    token = make_token(expires_at=expired)
    form = posted(
        company_name="RUBI", expires_at_0=f"{expired:%Y-%m-%d}", expires_at_1=f"{expired:%H:%M:%S}"
    )

    assert admin_client.post(change(token), form).status_code == 302


def test_the_same_key_twice_for_one_company_is_an_error(admin_client: Client) -> None:
    make_token()

    response = admin_client.post(f"{LIST}add/", posted(new_key=KEY))
    message = "This company has this key already. Change the existing entry."
    assert errors(response) == {"new_key": [message]}
    assert TokenMaster.objects.count() == 1

    admin_client.post(f"{LIST}add/", posted(new_key=KEY, company_id="NT048"))
    assert TokenMaster.objects.count() == 2


def test_an_offline_entry_needs_a_key_to_become_a_gemini_one(admin_client: Client) -> None:
    token = make_token(provider="Offline", api_key="")

    assert set(errors(admin_client.post(change(token), posted()))) == {"new_key"}


def test_the_list_shows_state_and_use(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    token = make_token(expires_at=timezone.now())
    insert_by_sql(company_id="NT048")
    for _ in range(10):
        make_token()
    ledger.settle(
        uuid.uuid4(),
        token.pk,
        Usage(1234),
        company_id="NT047",
        branch="",
        requested_by="",
    )

    with django_assert_max_num_queries(8):
        page = admin_client.get(LIST).content.decode()

    assert '<span class="pill pill-expired">Expired</span>' in page
    assert '<span class="pill pill-active">Active</span>' in page
    assert "AIza…x9Qz" in page
    assert '<span>98 %</span><span class="second-line">98,766 of 100,000</span>' in page


def test_search_finds_a_company_by_id_and_name(admin_client: Client) -> None:
    token = make_token()
    make_token(company_id="XX", company_name="OTHER")

    for query in ("NT047", "rubi"):
        response = admin_client.get(LIST, {"q": query})
        assert list(response.context["cl"].result_list) == [token]


def test_search_finds_a_key_by_the_beginning_of_its_fingerprint(admin_client: Client) -> None:
    token = make_token()
    make_token(api_key=NEW_KEY)
    fingerprint = encryption.fingerprint(KEY)
    assert fingerprint[:8] in admin_client.get(LIST).content.decode()

    for query in (fingerprint, fingerprint[:8]):
        response = admin_client.get(LIST, {"q": query})
        assert list(response.context["cl"].result_list) == [token]


def test_a_full_key_finds_its_rows_and_stays_out_of_the_address(admin_client: Client) -> None:
    token = make_token()
    make_token(api_key=NEW_KEY)
    assert "Find a key" in admin_client.get(LIST).content.decode()
    assert admin_client.get(f"{LIST}find/").status_code == 200

    response = admin_client.post(f"{LIST}find/", {"key": KEY})

    assert response.headers["Location"] == f"{LIST}?key_fingerprint={encryption.fingerprint(KEY)}"
    found = admin_client.get(response.headers["Location"])
    assert list(found.context["cl"].result_list) == [token]


def test_a_search_for_no_key_is_an_error(admin_client: Client) -> None:
    response = admin_client.post(f"{LIST}find/", {"key": ""})

    assert response.context["form"].errors == {"key": ["This field is required."]}


def test_staff_without_the_permission_cannot_search_by_key(client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.post(f"{LIST}find/", {"key": KEY}).status_code == 403


def test_an_unused_key_can_be_deleted_with_its_totals(admin_client: Client) -> None:
    token = make_token()

    response = admin_client.post(f"{LIST}{token.pk}/delete/", {"post": "yes"})

    assert response.status_code == 302
    assert not TokenMaster.objects.exists()
    assert not TokenUsageSummary.objects.exists()


def test_a_used_key_cannot_be_deleted(admin_client: Client) -> None:
    token = make_token()
    TokenUsageLog.objects.create(token=token)

    page = admin_client.post(f"{LIST}{token.pk}/delete/", {"post": "yes"})

    assert WHY_IT_STAYS in page.content.decode()
    assert TokenMaster.objects.count() == 1


def test_the_key_appears_nowhere(admin_client: Client) -> None:
    token = make_token()
    pages = [
        admin_client.post(f"{LIST}add/", posted(new_key=NEW_KEY, threshold="-1")),
        admin_client.post(change(token), posted(new_key=NEW_KEY, threshold="-1")),
        admin_client.post(change(token), posted(new_key=f"{NEW_KEY} {KEY}")),
        admin_client.post(change(token), posted(new_key=NEW_KEY), follow=True),
        admin_client.get(LIST),
        admin_client.get(change(token)),
        admin_client.get(f"{LIST}{token.pk}/history/"),
        admin_client.get(f"{LIST}{token.pk}/delete/"),
        admin_client.post(f"{LIST}find/", {"key": f"{KEY} {NEW_KEY}"}),
    ]

    token.refresh_from_db()
    assert token.reveal_key() == NEW_KEY
    assert "Changed API key." in pages[6].content.decode()
    texts = [page.content.decode() for page in pages]
    texts += [str(values) for values in LogEntry.objects.values()]
    for secret in (KEY, NEW_KEY, token.api_key, "enc:"):
        assert [text for text in texts if secret in text] == []


@pytest.mark.parametrize("model", ["tokenusagelog", "tokenreservation"])
def test_the_ledger_is_read_only(admin_client: Client, model: str) -> None:
    token = make_token()
    attempt_id = uuid.uuid4()
    ledger.reserve(
        token.pk, attempt_id=attempt_id, amount=5, output_budget=5, lease=timedelta(minutes=1)
    )
    usage = TokenUsageLog.objects.create(token=token)
    row = {
        "tokenusagelog": usage.pk,
        "tokenreservation": attempt_id,
    }[model]
    url = f"/admin/tokens/{model}/"

    assert admin_client.get(url).status_code == 200
    assert admin_client.get(f"{url}{row}/change/").status_code == 200
    assert admin_client.post(f"{url}{row}/change/", {}).status_code == 403
    assert admin_client.get(f"{url}add/").status_code == 403
    assert admin_client.post(f"{url}{row}/delete/", {"post": "yes"}).status_code == 403


def test_the_totals_of_a_key_stand_on_its_page_and_are_changed_by_nobody(
    admin_client: Client,
) -> None:
    token = make_token()
    ledger.reserve(
        token.pk, attempt_id=uuid.uuid4(), amount=5, output_budget=5, lease=timedelta(minutes=1)
    )
    TokenUsageSummary.objects.update(total_used_tokens=321, total_remaining_tokens=99_679)

    response = admin_client.get(change(token))
    admin_client.post(change(token), posted(used_tokens="1", reserved_tokens="1"))

    page = response.content.decode()
    for name, number in (("used", 321), ("remaining", 99_679), ("reserved", 5)):
        row = page.partition(f"field-{name}_tokens")[2].partition('class="form-row')[0]
        assert f">{number:,}<" in row
    assert f">{encryption.fingerprint(KEY)}<" in page
    totals = TokenUsageSummary.objects.values_list("total_used_tokens", "reserved_tokens")
    assert totals.get() == (321, 5)


def test_the_usage_of_every_company_is_listed(admin_client: Client) -> None:
    TokenUsageLog.objects.create(token=make_token(), total_tokens_used=4711)

    assert "4,711" in admin_client.get("/admin/tokens/usagesummaryrow/").content.decode()
