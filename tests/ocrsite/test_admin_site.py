"""What every page of the admin has: the index in groups, times with their zone, names of fields."""

import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db.models import DateTimeField, Model
from django.test import Client, override_settings
from django.urls import reverse

from logs.models import ErrorDigest, RetentionRun
from ocrsite.admin_site import GROUPS
from tests.tokens.rows import make_token

pytestmark = pytest.mark.django_db

TOKENS = "/admin/tokens/tokenmaster/"
RUNS = "/admin/logs/retentionrun/"


def groups(response: Any, name: str = "app_list") -> dict[str, list[str]]:
    """The names of the lists in each group."""
    return {
        group["name"]: [entry["name"] for entry in group["models"]]
        for group in response.context[name]
    }


def test_the_index_has_each_list_once_in_groups_by_task(admin_client: Client) -> None:
    response = admin_client.get("/admin/")

    found = groups(response)
    assert list(found) == list(GROUPS)
    assert found["Documents"] == ["Documents", "Workers and queue"]
    assert {"Keys", "Usage", "Blocked keys"} < set(found["Companies, keys, budgets"])
    names = [name for lists in found.values() for name in lists]
    # The use by company is reached from the list of usage.
    assert len(names) == len(set(names)) == len(admin.site._registry) - 1
    assert "By company" in admin_client.get("/admin/tokens/tokenusagelog/").content.decode()
    assert groups(response, "available_apps") == found


def test_somebody_sees_the_lists_that_they_may_see(client: Client) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert "permission to view or edit anything" in client.get("/admin/").content.decode()

    clerk.user_permissions.add(Permission.objects.get(codename="view_retentionrun"))
    assert groups(client.get("/admin/")) == {"What happened": ["Retention runs"]}


def test_the_page_of_an_app_has_its_name_and_its_lists(admin_client: Client) -> None:
    response = admin_client.get("/admin/auth/")

    assert groups(response) == {"Access": ["Users", "Roles"]}
    assert response.context["title"] == "Authentication and Authorization"


def test_a_list_is_called_what_the_index_calls_it(admin_client: Client) -> None:
    assert "<h1>Failed calls</h1>" in admin_client.get("/admin/logs/retryattempt/").content.decode()


@override_settings(DISPLAY_TIME_ZONE="Asia/Kathmandu")
@pytest.mark.parametrize("page", ["list", "form"])
def test_times_name_their_zone_and_tell_utc(admin_client: Client, page: str) -> None:
    run = RetentionRun.objects.create(
        what="logs", cutoff=datetime(2026, 1, 2, tzinfo=UTC), started_at="2026-11-27T10:00:00Z"
    )
    address = RUNS if page == "list" else f"{RUNS}{run.pk}/change/"

    text = admin_client.get(address).content.decode()

    assert (
        '<time datetime="2026-11-27T10:00:00+00:00" title="27 Nov 2026, 10:00 UTC">'
        "27 Nov 2026, 15:45 +0545</time>"
    ) in text
    assert text.count("Started at") + text.count("started at") >= 1


def test_no_time_is_a_dash(admin_client: Client) -> None:
    ErrorDigest.objects.create()

    page = admin_client.get("/admin/logs/errordigest/").content.decode()

    assert '<td class="field-sent_at">-</td>' in page


def test_a_time_that_can_be_changed_keeps_its_fields_with_a_name_each(admin_client: Client) -> None:
    page = admin_client.get(f"{TOKENS}add/").content.decode()

    assert 'aria-label="Expires at: date"' in page
    assert 'aria-label="Expires at: time"' in page


@override_settings(DISPLAY_TIME_ZONE="Asia/Kathmandu")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("created_at__gte=2026-01-02", ["after"]),
        ("created_at__lt=2026-01-02", ["before"]),
        ("created_at__gte=2026-01-01T23:59", ["after", "before"]),
        ("created_at__gt=2026-01-01T23:59:30", ["after"]),
        ("created_at__gte=2026-01-01T18:15:00Z", ["after"]),
        ("created_at__gte=2026-01-01T18:10:00Z", ["after", "before"]),
        ("created_at=2026-01-02", ["after"]),
        ("created_at__year=2026", ["after", "before"]),
    ],
)
def test_a_time_typed_into_the_address_is_one_of_the_pages_zone(
    admin_client: Client, query: str, found: list[str]
) -> None:
    # Midnight of Kathmandu is 18:15 UTC of the day before.
    make_token(company_name="after", created_at=datetime(2026, 1, 1, 18, 15, tzinfo=UTC))
    make_token(company_name="before", created_at=datetime(2026, 1, 1, 18, 14, tzinfo=UTC))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        response = admin_client.get(f"{TOKENS}?{query}")

    assert [row.company_name for row in response.context["cl"].result_list] == found


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_a_time_that_is_typed_into_the_address_of_any_list_has_a_zone(
    admin_client: Client, model: type[Model]
) -> None:
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")

    for field in model._meta.fields:
        if isinstance(field, DateTimeField):
            with warnings.catch_warnings(record=True) as warned:  # Django's list swallows errors
                warnings.simplefilter("always")
                admin_client.get(page, {f"{field.name}__gte": "2026-01-02"})
            assert [str(each.message) for each in warned] == []


@override_settings(DISPLAY_TIME_ZONE="Asia/Kathmandu")
@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "2026-02-30T10:00", "0001-01-01"])
def test_a_time_that_is_none_leads_back_to_the_list(admin_client: Client, value: str) -> None:
    response = admin_client.get(f"{TOKENS}?created_at__gte={value}")

    assert (response.status_code, response["Location"]) == (302, f"{TOKENS}?e=1")


def test_a_search_field_has_a_visible_label(admin_client: Client) -> None:
    page = admin_client.get(TOKENS).content.decode()

    assert '<label for="searchbar">Search</label>' in page


def test_filters_are_folded_above_the_list(admin_client: Client) -> None:
    page = admin_client.get(TOKENS).content.decode()
    assert page.index('<details class="list-filters"') < page.index('id="changelist-form"')
    assert "changelist-filter" not in page
    assert "Clear all filters" not in page

    page = admin_client.get(f"{TOKENS}?status__exact=Active").content.decode()
    assert "Filters <strong>in use</strong>" in page
    assert "Clear all filters" in page


def test_every_list_opens(admin_client: Client) -> None:
    for model in admin.site._registry:
        meta = model._meta
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        assert admin_client.get(address).status_code == 200, address


def test_whole_numbers_of_a_list_can_be_read(admin_client: Client) -> None:
    RetentionRun.objects.create(
        what="logs", cutoff=datetime(2026, 1, 1, tzinfo=UTC), deleted=1_234_567
    )

    page = admin_client.get(RUNS).content.decode()

    assert '<td class="field-deleted">1,234,567</td>' in page
    assert "?o=" in page, "they are sorted as before"
