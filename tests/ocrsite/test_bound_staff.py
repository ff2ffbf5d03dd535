"""Staff who are bound to a company see nothing of another one, on whichever page of the admin."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import Permission, User
from django.db.models import Model, ProtectedError, Q
from django.http import HttpResponseBase
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, URLPattern, reverse
from pytest_django import DjangoDbBlocker

from extraction.models import ApiClient, CompanyGrant, Extraction, FailedAttempts, State
from logs.models import ErrorGroup, FailedRetry
from ocrsite.lib.admin_companies import SHARED, UNBOUND_ONLY, of_company, rule_of
from ocrsite.lib.email_outbox import addresses
from tests.kept_rows import kept_rows
from tests.ocrsite.admin_rows import make_rows
from tests.tokens.rows import make_token
from tokens.models import Company, TokenMaster, TokenUsageLog

pytestmark = pytest.mark.django_db

MINE, THEIRS = "NT047", "ZZ999"
ADMINS = [pytest.param(each, id=each.model._meta.label) for each in admin.site._registry.values()]
SCOPED = [
    pytest.param(each, id=each.model._meta.label)
    for each in admin.site._registry.values()
    if rule_of(each).lookups
]
# Views of what happened over time, in which the one call of the test does not show.
WITHOUT_ROWS = {FailedRetry}


@pytest.fixture(scope="module")
def _rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with kept_rows(django_db_blocker):
        for company_id in (MINE, THEIRS):
            make_rows(company_id)
        manager = User.objects.create_user("mia", is_staff=True)
        manager.user_permissions.add(*Permission.objects.all())
        manager.staff_companies.create(company=Company.objects.get(company_id=MINE))
        yield


@pytest.fixture
def rows(_rows: None) -> dict[str, Extraction]:
    """One of everything for each of the two companies."""
    return {each.company_id: each for each in Extraction.objects.all()}


@pytest.fixture
def manager(_rows: None) -> User:
    """Bound to MINE, with every permission there is; no superuser."""
    return User.objects.get(username="mia")


@pytest.fixture
def bound(manager: User) -> Client:
    client = Client()
    client.force_login(manager)
    return client


def address(model_admin: ModelAdmin[Any], page: str, *arguments: object) -> str:
    meta = model_admin.model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=arguments)


def text_of(response: HttpResponseBase) -> str:
    """The whole answer, streamed or not."""
    content = response.getvalue() if response.streaming else response.content  # type: ignore[attr-defined]
    return bytes(content).decode()


def own_and_other(model_admin: ModelAdmin[Any], manager: User) -> tuple[list[Model], list[Model]]:
    """The rows that the manager sees, and those that exist besides."""
    request = RequestFactory().get("/")
    request.user = manager
    own = list(model_admin.get_queryset(request))
    every = model_admin.model._base_manager.all()
    return own, [row for row in every if row.pk not in {each.pk for each in own}]


@pytest.mark.parametrize("model_admin", ADMINS)
def test_every_admin_states_its_rule(model_admin: ModelAdmin[Any]) -> None:
    assert hasattr(model_admin, "company_rule"), "CONTRIBUTING.md says how it is stated."
    for lookup in rule_of(model_admin).lookups:
        assert lookup.endswith("company_id")
        model_admin.model._base_manager.filter(**{lookup: ""}).exists()


@pytest.mark.parametrize("model_admin", SCOPED)
def test_rows_of_others_are_in_no_list_and_have_no_page(
    model_admin: ModelAdmin[Any], bound: Client, manager: User
) -> None:
    own, others = own_and_other(model_admin, manager)
    if model_admin.model not in WITHOUT_ROWS:
        assert own, "make_rows makes none of the company"
        assert others, "make_rows makes none of another company"

    listed = text_of(bound.get(address(model_admin, "changelist")))

    assert THEIRS not in listed
    for row in others:
        for page in ("change", "history", "delete"):
            answer = bound.get(address(model_admin, page, row.pk))
            assert answer.status_code in ({404} if page == "change" else {403, 404})
            assert THEIRS not in text_of(answer).replace(str(row.pk), "")
    for row in own:
        answer = bound.get(address(model_admin, "change", row.pk))
        assert answer.status_code == 200
        assert THEIRS not in text_of(answer)
        assert THEIRS not in text_of(bound.get(address(model_admin, "history", row.pk)))


@pytest.mark.parametrize("model_admin", SCOPED)
def test_no_filter_search_or_form_names_another_company(
    model_admin: ModelAdmin[Any], bound: Client, manager: User
) -> None:
    start = address(model_admin, "changelist")
    queries = [{"q": THEIRS}, {"company_id": THEIRS}, {"q": "of"}, {"text": THEIRS}]

    for query in queries:
        answer = bound.get(f"{start}?{urlencode(query)}", follow=True)
        # The page repeats what was searched for.
        found = re.sub(r'(value="|(company_id|q|text)(=|%3D))ZZ999', "", text_of(answer))
        assert THEIRS not in found
    answer = bound.get(address(model_admin, "add"))
    assert answer.status_code in (200, 403)
    assert THEIRS not in text_of(answer)


@pytest.mark.parametrize("model_admin", ADMINS)
def test_further_pages_of_an_admin_tell_nothing_of_another_company(
    model_admin: ModelAdmin[Any], bound: Client
) -> None:
    for name in further_pages(model_admin):
        try:
            page = reverse(f"admin:{name}")
        except NoReverseMatch:
            continue  # of one row
        answer = bound.get(page, follow=True)
        assert answer.status_code in (200, 403, 404, 405)
        assert THEIRS not in text_of(answer)


def further_pages(model_admin: ModelAdmin[Any]) -> Iterator[str]:
    for pattern in model_admin.get_urls():
        if isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name


@pytest.mark.parametrize("model_admin", ADMINS)
def test_actions_do_nothing_to_rows_of_others(
    model_admin: ModelAdmin[Any], bound: Client, manager: User
) -> None:
    others = [row.pk for row in own_and_other(model_admin, manager)[1]]
    request = RequestFactory().get("/")
    request.user = manager
    before = list(model_admin.model._base_manager.order_by("pk").values())

    for name in model_admin.get_actions(request):
        form = {"action": name, "_selected_action": others, "post": "yes", "why": "Because."}
        bound.post(address(model_admin, "changelist"), form)

    assert list(model_admin.model._base_manager.order_by("pk").values()) == before


@pytest.mark.parametrize("model_admin", ADMINS)
def test_what_belongs_to_no_company_is_not_changed_and_what_is_about_all_is_hidden(
    model_admin: ModelAdmin[Any], bound: Client
) -> None:
    rule = rule_of(model_admin)
    statuses = [bound.get(address(model_admin, page)).status_code for page in ("changelist", "add")]

    if rule is UNBOUND_ONLY:
        assert statuses == [403, 403]
    elif not rule.is_changed:
        assert statuses == [200, 403]
    else:
        assert statuses[0] == 200


def test_index_lists_only_what_can_be_opened(bound: Client, admin_client: Client) -> None:
    index, whole = (text_of(each.get("/admin/")) for each in (bound, admin_client))

    assert THEIRS not in index
    for model_admin in admin.site._registry.values():
        page = address(model_admin, "changelist")
        is_seen = rule_of(model_admin) is not UNBOUND_ONLY
        assert (page in index) == (is_seen and page in whole)


def test_rule_finds_rows_of_several_companies_only_if_all_are_of_the_user(manager: User) -> None:
    rule = of_company("companies__company_id")
    shared, _ = ApiClient.objects.create_key(name="shared")
    assert isinstance(shared, ApiClient)
    for company_id in (MINE, THEIRS):
        shared.companies.create(company_id=company_id)
    ApiClient.objects.create_key(name="none yet")

    seen = rule.rows(ApiClient.objects.all(), [MINE])
    assert [client.name for client in seen] == [f"client-of-{MINE}"]
    assert rule.rows(ApiClient.objects.all(), [MINE, THEIRS]).count() == 3
    assert SHARED.rows(ApiClient.objects.all(), [MINE]).count() == 4
    assert not UNBOUND_ONLY.rows(ApiClient.objects.all(), [MINE])


def test_key_is_added_for_a_company_of_the_user_and_no_other(bound: Client) -> None:
    form = {
        "company_name": "New",
        "provider": "Gemini",
        "new_key": "AIzaCanaryCanaryCanaryCanaryCanary1x9Qz",
        "total_token_limit": "100000",
        "threshold": "1000",
        "status": "Active",
    }
    before = TokenMaster.objects.count()

    refused = bound.post("/admin/tokens/tokenmaster/add/", {**form, "company_id": THEIRS})
    assert refused.status_code == 200
    assert TokenMaster.objects.count() == before
    added = bound.post("/admin/tokens/tokenmaster/add/", {**form, "company_id": MINE})
    assert (added.status_code, TokenMaster.objects.count()) == (302, before + 1)


def test_key_is_not_moved_to_another_company(bound: Client) -> None:
    token = make_token("offline", company_id=MINE, provider="Offline")

    bound.post(f"/admin/tokens/tokenmaster/{token.pk}/change/", {"company_id": THEIRS})

    token.refresh_from_db()
    assert token.company_id == MINE


def test_key_of_another_company_is_not_tested(bound: Client) -> None:
    theirs = TokenMaster.objects.get(company_id=THEIRS)

    assert bound.post(f"/admin/tokens/tokenmaster/{theirs.pk}/test/").status_code == 404


def test_client_is_bound_to_a_company_of_the_user_and_no_other(bound: Client) -> None:
    def add(company_id: str) -> HttpResponseBase:
        form = {
            "name": "ERP",
            "scopes": "submit",
            "expiry_date_0": "",
            "expiry_date_1": "",
            "companies-TOTAL_FORMS": "1",
            "companies-INITIAL_FORMS": "0",
            "companies-0-company_id": company_id,
        }
        return bound.post("/admin/extraction/apiclient/add/", form)

    refused = add(THEIRS)
    assert refused.status_code == 200
    assert not ApiClient.objects.filter(name="ERP").exists()
    assert add(MINE).status_code == 302


def test_log_and_its_export_are_those_of_the_company(bound: Client) -> None:
    for query in ("", "?level=ERROR", f"?company_id={MINE}", "?user=user-of-ZZ999"):
        exported = text_of(bound.get(f"/admin/logs/applicationlog/export/{query}"))
        assert THEIRS not in exported
        assert (f"About {MINE}" in exported) == ("ZZ999" not in query)
        audited = text_of(bound.get("/admin/logs/auditentry/export/"))
        assert (MINE in audited, THEIRS in audited) == (True, False)


def test_users_and_what_all_share_are_looked_at_only(bound: Client, manager: User) -> None:
    operator = User.objects.get(username=f"user-of-{MINE}")
    page = f"/admin/auth/user/{operator.pk}/"

    assert bound.get(f"{page}change/").status_code == 200
    bound.post(f"{page}change/", {"username": "changed", "is_superuser": "on"})
    assert bound.post(f"{page}password/", {"password1": "x", "password2": "x"}).status_code == 403
    assert bound.get(f"/admin/auth/user/{manager.pk}/change/").status_code in (200, 404)
    bound.post(f"/admin/auth/user/{manager.pk}/change/", {"is_superuser": "on"})

    operator.refresh_from_db()
    manager.refresh_from_db()
    assert (operator.username, operator.is_superuser) == (f"user-of-{MINE}", False)
    assert not manager.is_superuser
    assert manager.staff_companies.count() == 1


def test_autocomplete_finds_nothing_of_others(bound: Client) -> None:
    query = {"app_label": "logs", "model_name": "retryattempt", "field_name": "token"}

    answer = bound.get(f"/admin/autocomplete/?{urlencode({**query, 'term': ''})}")

    assert THEIRS not in text_of(answer)


def test_binding_costs_one_query(bound: Client, django_assert_max_num_queries: Any) -> None:
    # Session, user, binding, permissions (user's and role's), count, rows, values of a filter.
    with django_assert_max_num_queries(9):
        bound.get("/admin/tokens/tokenusagelog/")


def test_last_company_of_staff_is_not_deleted(manager: User) -> None:
    with pytest.raises(ProtectedError):
        Company.objects.get(company_id=MINE).delete()


def test_other_spellings_of_the_company_are_seen(manager: User, bound: Client) -> None:
    Company.objects.filter(company_id=MINE).update(other_spellings=["nt047"])
    TokenUsageLog.objects.create(company_id="nt047", branch="spelt otherwise")

    assert "spelt otherwise" in text_of(bound.get("/admin/tokens/tokenusagelog/"))


def test_who_is_not_bound_sees_all(rows: object) -> None:
    client = Client()
    user = User.objects.create_user("una", is_staff=True)
    user.user_permissions.add(*Permission.objects.all())
    client.force_login(user)

    for model_admin in admin.site._registry.values():
        answer = client.get(address(model_admin, "changelist"))
        assert answer.status_code == 200
        if rule_of(model_admin).lookups and model_admin.model not in WITHOUT_ROWS:
            assert THEIRS in text_of(answer), model_admin.model


def test_retry_of_the_chosen_is_that_of_the_company(
    bound: Client, rows: dict[str, Extraction]
) -> None:
    chosen = [str(each.pk) for each in rows.values()]

    bound.post(
        "/admin/extraction/extraction/",
        {"action": "retry", "_selected_action": chosen, "why": "It was away."},
    )

    states = dict(Extraction.objects.values_list("company_id", "state"))
    assert states == {MINE: State.QUEUED, THEIRS: State.FAILED}


def test_pages_of_documents_are_those_of_the_company(
    bound: Client, manager: User, rows: dict[str, Extraction]
) -> None:
    CompanyGrant.objects.create(user=manager, company_id=THEIRS)

    for page in ("/extractions/", "/extractions/deleted/", "/", "/api/v1/companies/"):
        assert THEIRS not in text_of(bound.get(page, follow=True))
    assert bound.get(f"/extractions/{rows[MINE].pk}/").status_code == 200
    assert bound.get(f"/extractions/{rows[THEIRS].pk}/").status_code == 404
    assert bound.get(f"/extractions/{rows[MINE].pk}/trace/").status_code == 200
    assert bound.get(f"/extractions/{rows[THEIRS].pk}/trace/").status_code == 404


def test_mail_about_other_companies_is_not_sent_to_bound_staff(manager: User) -> None:
    manager.email = "mia@example.com"
    manager.save()
    User.objects.create_user("una", "una@example.com", is_staff=True)

    assert addresses(Q()) == ["una@example.com"]
    assert addresses(Q(), THEIRS) == ["una@example.com"]
    assert addresses(Q(), MINE) == ["mia@example.com", "una@example.com"]


def test_form_of_a_webhook_offers_companies_and_clients_of_the_user(bound: Client) -> None:
    page = text_of(bound.get("/admin/extraction/webhookendpoint/add/"))

    assert f'<option value="{MINE}">' in page
    assert f"client-of-{MINE}" in page
    assert THEIRS not in page


def test_errors_and_locks_of_all_companies_are_hidden(bound: Client) -> None:
    for model in (ErrorGroup, FailedAttempts):
        assert bound.get(address(admin.site._registry[model], "changelist")).status_code == 403


def test_fields_of_rows_on_the_page_of_another_have_names_for_bound_staff_too(
    bound: Client,
) -> None:
    client = ApiClient.objects.get(name=f"client-of-{MINE}")

    company = text_of(bound.get(f"/admin/tokens/company/{MINE}/change/"))
    of_client = text_of(bound.get(f"/admin/extraction/apiclient/{client.pk}/change/"))

    for part in ("date", "time"):
        assert re.search(rf'aria-label="Raised ?until: {part}"', company)
    assert re.search(r'<select name="companies-0-company_id" aria-label="Company', of_client)
