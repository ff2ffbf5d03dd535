"""Staff choose companies; an id that is none, or written in another way, is refused."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.utils.html import escape
from rest_framework.test import APIClient

from extraction.models import ApiClient, ApiClientCompany, CompanyGrant
from tests.extraction.factories import make_extraction
from tests.tokens.rows import KEY, insert_by_sql, make_token
from tokens.companies import register
from tokens.models import Company, TokenMaster

pytestmark = pytest.mark.django_db

KEYS = "/admin/tokens/tokenmaster/"
COMPANIES = "/admin/tokens/company/"


def key_form(**fields: str) -> dict[str, str]:
    return {
        "company_id": "NT047",
        "company_name": "",
        "provider": "Gemini",
        "total_token_limit": "100000",
        "threshold": "3000",
        "status": "Active",
        "quotas-TOTAL_FORMS": "0",
        "quotas-INITIAL_FORMS": "0",
        **fields,
    }


def client_form(*company_ids: str) -> dict[str, str]:
    rows = {f"companies-{n}-company_id": id_ for n, id_ in enumerate(company_ids)}
    total = {"companies-TOTAL_FORMS": str(len(company_ids)), "companies-INITIAL_FORMS": "0"}
    kept = {"name": "ERP", "scopes": "read", "expiry_date_0": "", "expiry_date_1": ""}
    return {**kept, **total, **rows}


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("NT74", "There is no company “NT74”. Choose one of the list, or add it first."),
        ("nt047", "“nt047” is not how this company is written. Choose “NT047”."),
        ("nT047 ", "“nT047” is not how this company is written. Choose “NT047”."),
    ],
)
def test_wrong_id_is_refused_for_keys_and_clients(
    admin_client: Client, typed: str, told: str
) -> None:
    Company.objects.create(company_id="NT047")

    key = admin_client.post(f"{KEYS}add/", key_form(company_id=typed, new_key=KEY))
    program = admin_client.post("/admin/extraction/apiclient/add/", client_form(typed))

    assert key.context["adminform"].form.errors == {"company_id": [told]}
    assert told in program.content.decode()
    assert not TokenMaster.objects.exists()
    assert not ApiClient.objects.exists()


def test_companies_are_offered_by_name_with_their_state(admin_client: Client) -> None:
    make_token()
    Company.objects.create(company_id="NT048", closed_at="2026-11-27T00:00:00Z")

    page = admin_client.get(f"{KEYS}add/").content.decode()

    assert '<option value="" selected>Choose a company</option>' in page
    assert '<option value="NT047">NT047 – RUBI TRADERS</option>' in page
    assert '<option value="NT048">NT048 (closed)</option>' in page
    assert f'<a href="{COMPANIES}add/">Add the company</a>' in page


def test_first_program_of_many_companies_costs_few_queries(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        Company.objects.create(company_id=f"NT{number:03}")
    client, _ = ApiClient.objects.create_key(name="ERP")
    for number in range(20):
        ApiClientCompany.objects.create(client=client, company_id=f"NT{number:03}")  # type: ignore[misc]

    with django_assert_max_num_queries(12):
        admin_client.get(f"/admin/extraction/apiclient/{client.pk}/change/")


def test_new_key_gets_the_companys_name_and_model(admin_client: Client) -> None:
    Company.objects.create(company_id="NT047", name="RUBI TRADERS", default_model="gemini-own")

    admin_client.post(f"{KEYS}add/", key_form(new_key=KEY))

    token = TokenMaster.objects.get()
    assert (token.company_name, token.model) == ("RUBI TRADERS", "gemini-own")


def test_key_with_another_spelling_is_shown_as_its_company_and_stays_as_it_is(
    admin_client: Client,
) -> None:
    make_token()
    other = insert_by_sql("of-another", company_id="nt047")
    address = f"{KEYS}{other.pk}/change/"

    page = admin_client.get(address).content.decode()
    saved = admin_client.post(address, key_form(company_name="RUBI", project="p-1"))

    assert '<option value="NT047" selected>' in page
    assert saved.status_code == 302
    other.refresh_from_db()
    assert (other.company_id, other.project) == ("nt047", "p-1")


def test_key_is_the_same_for_every_spelling_of_its_company(admin_client: Client) -> None:
    make_token(company_id="NT047")
    register(Company.objects, {"nt047": ""})
    insert_by_sql("of-another", company_id="nt047")
    TokenMaster.objects.filter(company_id="NT047").update(company_id="nt047")

    response = admin_client.post(f"{KEYS}add/", key_form(new_key=KEY))

    assert list(response.context["adminform"].form.errors) == ["new_key"]


def test_row_whose_company_is_not_there_yet_keeps_its_id(admin_client: Client) -> None:
    Company.objects.create(company_id="NT001")
    token = insert_by_sql(company_id="NT099")
    address = f"{KEYS}{token.pk}/change/"

    assert '<option value="NT099" selected>NT099</option>' in (
        admin_client.get(address).content.decode()
    )
    admin_client.post(address, key_form(company_id="NT099", project="p-1"))

    token.refresh_from_db()
    assert (token.company_id, token.project) == ("NT099", "p-1")


def test_grant_with_another_spelling_is_not_rewritten(admin_client: Client) -> None:
    register(Company.objects, {"NT047": "", "nt047": ""})
    Company.objects.create(company_id="NT048")
    client, _ = ApiClient.objects.create_key(name="ERP")
    binding = ApiClientCompany.objects.create(client=client, company_id="nt047")  # type: ignore[misc]
    form = {
        **client_form("NT047", "NT048"),
        "companies-INITIAL_FORMS": "1",
        "companies-0-id": str(binding.pk),
        "companies-0-client": str(client.pk),
        "companies-1-client": str(client.pk),
    }

    saved = admin_client.post(f"/admin/extraction/apiclient/{client.pk}/change/", form)

    assert saved.status_code == 302
    bound = ApiClientCompany.objects.order_by("pk").values_list("company_id", flat=True)
    assert list(bound) == ["nt047", "NT048"]


@pytest.mark.parametrize(
    "address",
    [
        *(KEYS, "/admin/tokens/tokenchange/", "/admin/tokens/tokenusagelog/"),
        *("/admin/tokens/tokenreservation/", "/admin/tokens/thresholdalert/"),
        *("/admin/tokens/cooldown/", "/admin/extraction/extraction/"),
        *("/admin/extraction/apiclient/", "/admin/auth/user/"),
    ],
)
def test_lists_are_filtered_by_a_company(admin_client: Client, address: str) -> None:
    make_token()

    chosen = admin_client.get(address, {"company": "NT047", "p": "1"})
    wrong = admin_client.get(address, {"company": "nt047"})

    assert '<option value="NT047" selected>' in chosen.content.decode()
    told = "“nt047” is not how this company is written. Choose “NT047”."
    assert [str(message) for message in get_messages(wrong.wsgi_request)] == [told]
    assert escape(told) in wrong.content.decode()
    assert wrong.context["cl"].result_count == 0


def test_filter_keeps_other_filters_and_finds_every_spelling(admin_client: Client) -> None:
    register(Company.objects, {"NT047": "", "nt047": "", "NT048": ""})
    for company_id in ("NT047", "nt047", "NT048"):
        make_extraction(company_id=company_id)

    page = admin_client.get(
        "/admin/extraction/extraction/", {"company": "NT047", "state": "queued", "p": "1"}
    )

    assert page.context["cl"].result_count == 2
    assert '<input type="hidden" name="state" value="queued">' in page.content.decode()
    assert 'name="p"' not in page.content.decode()


def test_user_of_two_spellings_is_listed_once(admin_client: Client) -> None:
    register(Company.objects, {"NT047": "", "nt047": ""})
    user = User.objects.create_user("asha")
    for company_id in ("NT047", "nt047"):
        CompanyGrant.objects.create(user=user, company_id=company_id)

    page = admin_client.get("/admin/auth/user/", {"company": "NT047"})

    assert page.context["cl"].result_count == 1


@pytest.mark.parametrize("wrong", ["nt047", "NT74"])
def test_endpoints_refuse_a_company_that_is_none(admin_user: User, wrong: str) -> None:
    make_token()
    http = APIClient()
    http.force_login(admin_user)

    usage = http.get("/api/v1/usage/", {"company": wrong})
    listed = http.get("/api/v1/extractions/", {"company": wrong})

    assert [usage.status_code, listed.status_code] == [400, 400]
    assert "company: is none of your companies." in usage.json()["detail"]
    assert f"“{wrong}” is none of your companies." in listed.json()["detail"]
    assert http.get("/api/v1/usage/", {"company": "NT047"}).status_code == 200


def test_list_counts_what_each_company_has(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    make_token()
    insert_by_sql("of-another", company_id="nt047")
    register(Company.objects, {"nt047": "", "NT048": "OTHER"})
    client, _ = ApiClient.objects.create_key(name="ERP")
    ApiClientCompany.objects.create(client=client, company_id="NT047")  # type: ignore[misc]
    CompanyGrant.objects.create(user=User.objects.create_user("asha"), company_id="NT048")

    with django_assert_max_num_queries(9):
        page = admin_client.get(COMPANIES)

    model_admin = page.context["cl"].model_admin
    counts = {
        company.pk: (
            model_admin.keys(company),
            model_admin.clients(company),
            model_admin.users(company),
        )
        for company in page.context["cl"].result_list
    }
    assert counts == {"NT047": (2, 1, 0), "NT048": (0, 0, 1)}


def test_page_of_a_company_tells_its_spellings_and_leads_to_what_it_has(
    admin_client: Client,
) -> None:
    register(Company.objects, {"NT047": "RUBI TRADERS", "nt047": ""})

    page = admin_client.get(f"{COMPANIES}NT047/change/").content.decode()

    assert "“nt047”" in page
    assert f'<a href="{KEYS}?company=NT047">Keys</a>' in page
    assert '<a href="/admin/auth/user/?company=NT047">Users</a>' in page
    assert 'name="company_id"' not in page


def test_page_of_a_company_changes_what_people_begin_with(admin_client: Client) -> None:
    company = Company.objects.create(company_id="NT/047 ä", time_zone="Mars/Olympus")
    address = f"{COMPANIES}NT_2F047 ä/change/"

    kept = admin_client.get(address).content.decode()
    form = {"name": "RUBI", "time_zone": "Asia/Kathmandu", "branches": "North", "export_as": ""}
    form |= {"quotas-TOTAL_FORMS": "0", "quotas-INITIAL_FORMS": "0"}
    saved = admin_client.post(address, {**form, "default_reader": "", "default_model": "g"})

    assert '<option value="Mars/Olympus" selected>' in kept
    assert saved.status_code == 302
    company.refresh_from_db()
    assert (company.name, company.time_zone, company.default_model) == (
        *("RUBI", "Asia/Kathmandu", "g"),
    )


def test_company_is_not_deleted(admin_client: Client) -> None:
    Company.objects.create(company_id="NT047")

    assert admin_client.post(f"{COMPANIES}NT047/delete/", {"post": "yes"}).status_code == 403


LOGS = ["/admin/logs/applicationlog/", "/admin/logs/auditentry/"]


@pytest.mark.parametrize("address", LOGS)
def test_logs_are_filtered_by_a_company_in_each_spelling(
    admin_client: Client, address: str
) -> None:
    register(Company.objects, {"NT047": "RUBI TRADERS", "nt047": ""})

    chosen = admin_client.get(address, {"company_id": "nt047"}).content.decode()
    old = admin_client.get(address, {"company_id": "GONE"})
    wrong = admin_client.get(address, {"company_id": "Nt047"})

    assert '<option value="NT047">NT047 – RUBI TRADERS</option>' in chosen
    assert '<option value="nt047" selected>“nt047”</option>' in chosen
    assert '<option value="GONE" selected>GONE</option>' in old.content.decode()
    assert old.context["cl"].form.errors == {}
    assert wrong.context["cl"].form.errors == {
        "company_id": ["No company is written so. Choose one from the list."]
    }


@pytest.mark.parametrize("address", LOGS)
def test_bound_staff_are_offered_their_companies_alone(address: str) -> None:
    for company_id in ("NT047", "NT048"):
        Company.objects.create(company_id=company_id)
    user = User.objects.create_user("bound", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    user.staff_companies.create(company_id="NT047")
    client = Client()
    client.force_login(user)

    page = client.get(address).content.decode()

    assert '<option value="NT047">' in page
    assert '<option value="NT048">' not in page
