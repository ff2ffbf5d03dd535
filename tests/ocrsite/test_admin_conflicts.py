"""Two people add the same row at one moment: the second is told, and nothing is stored twice."""

import contextlib
import html
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connection
from django.db.models import Model
from django.forms.models import BaseModelForm
from django.test import Client

from extraction.models import ApiClient, ExportProfile
from logs.models import AuditEntry, LoggerLevel
from ocrsite.lib.admin import PageMixin
from ocrsite.lib.admin_conflicts import TOO_LATE, ConflictMixin
from tests.extraction.exports.test_profiles import ADD as PROFILES
from tests.extraction.exports.test_profiles import form as profile_form
from tests.extraction.test_audited_admin import NO_INLINES, client_form
from tests.tokens.rows import make_price, make_quota, make_token
from tests.tokens.test_quota_admin import form as key_form
from tests.tokens.test_quota_admin import key_page, row
from tokens.models import Company, Quota
from tokens.periods import Period
from tokens.quota_forms import ANOTHER_ONE, QuotaForm

pytestmark = pytest.mark.django_db

PRICE = {
    "model": "gemini-x",
    "valid_from_0": "2026-11-01",
    "valid_from_1": "00:00:00",
    "input": "1",
    "cached_input": "1",
    "output": "1",
    "currency": "USD",
}


@pytest.fixture
def not_seen_at_first(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first look of a form finds no other row, as where that is committed right after it.

    Returns a list that gets an item for each look.
    """
    looks: list[int] = []
    whole = ModelAdmin._changeform_view  # type: ignore[attr-defined]  # Django's, in its transaction

    @contextlib.contextmanager
    def blind() -> Iterator[None]:
        with (
            patch.object(BaseModelForm, "validate_unique", lambda self: None),
            patch.object(Model, "validate_constraints", lambda self, exclude=None: None),
            patch.object(QuotaForm, "clean", _only_what_is_entered),
            patch.object(AdminUserCreationForm, "clean_username", _as_entered),
        ):
            yield

    def view(self: Any, *args: Any) -> Any:
        looks.append(1)
        with blind() if len(looks) == 1 else contextlib.nullcontext():
            return whole(self, *args)

    monkeypatch.setattr(ModelAdmin, "_changeform_view", view)
    return looks


def _only_what_is_entered(form: Any) -> Any:
    """The quota's own look at other rows finds none."""
    with patch.object(Quota.objects, "filter", lambda **_: Quota.objects.none()):
        return _quota_clean(form)


def _as_entered(form: Any) -> Any:
    return form.cleaned_data["username"]


_quota_clean = QuotaForm.clean


def grant() -> tuple[str, dict[str, Any]]:
    user = User.objects.create_user("asha")
    user.company_grants.create(company_id="NT047")
    return "/admin/extraction/companygrant/add/", {"user": user.pk, "company_id": "NT047"}


def role() -> tuple[str, dict[str, Any]]:
    Group.objects.create(name="Clerks")
    return "/admin/auth/group/add/", {"name": "Clerks"}


def person() -> tuple[str, dict[str, Any]]:
    User.objects.create_user("asha")
    passwords = dict.fromkeys(("password1", "password2"), "Vesuvius-1944-erupts")
    entered = {"username": "asha", "usable_password": "true", **passwords}
    return "/admin/auth/user/add/", {**entered, **NO_INLINES}


def price() -> tuple[str, dict[str, Any]]:
    make_price("gemini-x", since=datetime(2026, 11, 1, tzinfo=UTC))
    return "/admin/tokens/modelprice/add/", PRICE


def level() -> tuple[str, dict[str, Any]]:
    LoggerLevel.objects.create(logger="tokens", level="DEBUG")
    return "/admin/logs/loggerlevel/add/", {"logger": "tokens", "level": "INFO"}


def profile() -> tuple[str, dict[str, Any]]:
    ExportProfile.objects.create(name="Mine")
    return PROFILES, profile_form(("total_amount", "Total"))


def quota_of_a_key() -> tuple[str, dict[str, Any]]:
    token = make_token()
    make_quota(token, Period.MONTHLY, 900)
    return key_page(token), key_form(row(0, why="More."), initial=0)


def company_of_a_client() -> tuple[str, dict[str, Any]]:
    client, _ = ApiClient.objects.create_key(name="ERP")
    assert isinstance(client, ApiClient)
    client.companies.create(company_id="NT047")
    entered = client_form("NT047", name="Renamed")
    return f"/admin/extraction/apiclient/{client.pk}/change/", {
        **entered,
        "companies-0-client": client.pk,
    }


# What a field says besides.
THERE_IS = "already exists"
MADE = [
    *((make, THERE_IS) for make in (grant, role, person, price, level, profile)),
    (quota_of_a_key, ANOTHER_ONE),
    (company_of_a_client, ""),
]


@pytest.fixture(autouse=True)
def _company(db: None) -> None:
    """The one that forms name, which has to be there."""
    Company.objects.create(company_id="NT047")


@pytest.mark.parametrize(("make", "at_its_field"), MADE)
def test_second_of_two_is_told_in_the_form(
    make: Callable[[], tuple[str, dict[str, Any]]],
    at_its_field: str,
    admin_client: Client,
    not_seen_at_first: list[int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    page, entered = make()
    before = AuditEntry.objects.count()

    response = admin_client.post(page, entered)

    assert response.status_code == 200
    told = response.content.decode()
    assert TOO_LATE in told
    assert at_its_field in html.unescape(told)
    assert len(not_seen_at_first) == 2
    assert AuditEntry.objects.count() == before, "nothing of it is stored"
    assert "IntegrityError" in caplog.text


def test_what_was_said_of_a_row_that_is_not_there_is_not_shown(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(self: Any, request: Any, *args: Any) -> None:
        self.message_user(request, "The secret is 42.")
        raise IntegrityError("there is one")

    monkeypatch.setattr(type(admin.site._registry[Group]), "save_model", save)

    told = admin_client.post("/admin/auth/group/add/", {"name": "Clerks"}).content.decode()

    assert TOO_LATE in told
    assert "The secret" not in told
    assert "The secret" not in admin_client.get("/admin/").content.decode()
    assert not Group.objects.filter(name="Clerks").exists()


def test_every_admin_answers_so() -> None:
    for model_admin in admin.site._registry.values():
        names = [each for each in type(model_admin).__mro__ if "changeform_view" in vars(each)]
        assert names[:2] == [PageMixin, ConflictMixin], model_admin


@pytest.mark.vendor
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="its transactions wait for each other")
def test_two_add_one_role_at_one_moment(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is committed after the form was found valid."""
    real, others = ModelAdmin.save_form, []

    def add_other() -> None:
        try:
            others.append(Group.objects.create(name="Clerks"))
        finally:
            connection.close()

    def save_form(self: Any, *args: Any, **kwargs: Any) -> Any:
        thread = threading.Thread(target=add_other)
        thread.start()
        thread.join()
        return real(self, *args, **kwargs)

    monkeypatch.setattr(ModelAdmin, "save_form", save_form)

    response = admin_client.post("/admin/auth/group/add/", {"name": "Clerks"})

    assert response.status_code == 200
    assert "Group with this Name already exists." in response.content.decode()
    assert Group.objects.filter(name="Clerks").count() == len(others) == 1
