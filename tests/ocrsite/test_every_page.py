"""Every page as an auditor, a bound manager and a superuser see it: status, and whose rows."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import DjangoDbBlocker

from extraction.models import Extraction
from extraction.roles import AUDITOR, LEAD, TOKEN_MANAGER, give
from ocrsite.lib.admin_companies import UNBOUND_ONLY, rule_of
from tests.extraction.factories import make_user
from tests.extraction.test_mistakes import read_one
from tests.kept_rows import kept_rows
from tests.ocrsite.admin_rows import make_rows
from tests.ocrsite.test_bound_staff import MINE, THEIRS, WITHOUT_ROWS, address, text_of
from tokens.models import Company

pytestmark = pytest.mark.django_db

AUDITOR_, MANAGER, SUPERUSER = WHO = ("auditor", "bound manager", "superuser")


@pytest.fixture(scope="module")
def _rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, UUID]]:
    """One of everything of two companies, people, and the ids of a read document of each."""
    with kept_rows(django_db_blocker):
        for company_id in (MINE, THEIRS):
            make_rows(company_id)
        manager = make_user("mia", AUDITOR, MINE, THEIRS)
        give(manager, LEAD)
        give(manager, TOKEN_MANAGER)
        manager.staff_companies.create(company=Company.objects.get(company_id=MINE))
        make_user("ina", AUDITOR)
        User.objects.create_superuser("root")
        yield {
            company_id: read_one(company_id=company_id, file_name=f"read-of-{company_id}.pdf").pk
            for company_id in (MINE, THEIRS)
        }


@pytest.fixture
def documents(_rows: dict[str, UUID]) -> dict[str, Extraction]:
    """A read document of each of two companies, and one of everything besides."""
    return {company_id: Extraction.objects.get(pk=pk) for company_id, pk in _rows.items()}


@pytest.fixture
def people(_rows: object) -> dict[str, Client]:
    """The auditor sees all, the manager of MINE has several roles, the superuser needs none."""
    found = {}
    for who, username in zip(WHO, ("ina", "mia", "root"), strict=True):
        found[who] = Client()
        found[who].force_login(User.objects.get(username=username))
    return found


def seen(text: str) -> tuple[bool, bool]:
    """Whether a page names each of the two companies."""
    return MINE in text, THEIRS in text


# Of pages about documents: the status for each of WHO, and whether they list rows of companies.
PAGES: dict[str, tuple[tuple[int, int, int], bool]] = {
    "upload": ((302, 200, 200), True),
    "list": ((200, 200, 200), True),
    "deleted": ((200, 200, 200), False),
    "states": ((200, 200, 200), False),
    "export": ((403, 404, 404), False),
    "review-next": ((302, 302, 302), False),
    "review-printed": ((200, 200, 200), False),
    "account": ((200, 200, 200), False),
    "password-change": ((200, 200, 200), False),
    "second-factor": ((200, 200, 200), False),
    "api-companies": ((200, 200, 200), True),
    "api-extractions": ((200, 200, 200), True),
    "api-usage": ((200, 200, 200), False),
    "usage-report": ((200, 200, 200), True),
    "api-quota": ((200, 200, 200), False),
    "api-docs": ((200, 200, 200), False),
    "api-schema": ((200, 200, 200), False),
    # For programs: people use the admin.
    "manage-tokens": ((403, 403, 403), False),
    "manage-companies": ((403, 403, 403), False),
    "manage-clients": ((403, 403, 403), False),
    "manage-quotas": ((403, 403, 403), False),
    "manage-grants": ((403, 403, 403), False),
}
# Of one document.
OF_DOCUMENT: dict[str, tuple[int, int, int]] = {
    "result": (200, 200, 200),
    "trace": (200, 200, 200),
    "review": (403, 200, 200),
    "read-again": (403, 200, 200),
    "waiting": (204, 204, 204),
    "einvoice": (403, 422, 422),
    "api-extraction": (200, 200, 200),
}
# They answer POST alone, are public, need more than an id, or their files.
OTHERS = {
    *("try-sample", "act-on-list", "undo-deleted", "retry", "cancel", "delete", "undo-delete"),
    *("review-check", "page", "page-words", "page-turn", "export-as", "login", "logout"),
    *("password-reset", "password-reset-sent", "password-reset-confirm", "log-in-code"),
    *("second-factor-qr", "set_language", "health", "readiness", "extract", "extract-slash"),
    *("usage-report-file", "document-of-call", "api-webhooks", "api-webhook"),
    *("api-batches", "api-batch"),
    *("api-retry", "api-approve", "api-reject", "api-cancel", "api-page", "api-export"),
    *("manage-token", "manage-token-key", "manage-company", "manage-company-close"),
    *("manage-company-reopen", "manage-client", "manage-client-key", "manage-client-revoke"),
    *("manage-quota", "manage-grant"),
}


def names(patterns: Any) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from names(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name


def test_every_address_is_in_one_of_the_tables() -> None:
    assert set(names(get_resolver().url_patterns)) == {*PAGES, *OF_DOCUMENT, *OTHERS}


@pytest.mark.no_cover  # pages that other tests open
@pytest.mark.parametrize("name", PAGES)
def test_page_shows_the_companies_of_whoever_asks(name: str, people: dict[str, Client]) -> None:
    statuses, lists = PAGES[name]
    for who, status in zip(WHO, statuses, strict=True):
        answer = people[who].get(reverse(name))
        assert answer.status_code == status, who
        page = text_of(people[who].get(reverse(name), follow=True))
        if who == MANAGER:
            assert THEIRS not in page
        if lists:
            assert seen(page) == (True, who != MANAGER), who


@pytest.mark.parametrize("name", OF_DOCUMENT)
def test_page_of_a_document_is_shown_to_who_may_see_it(
    name: str, people: dict[str, Client], documents: dict[str, Extraction]
) -> None:
    for who, status in zip(WHO, OF_DOCUMENT[name], strict=True):
        for company_id, document in documents.items():
            answer = people[who].get(reverse(name, args=[document.pk]))
            hidden = who == MANAGER and company_id == THEIRS
            assert answer.status_code == (404 if hidden else status), (who, company_id)


@pytest.mark.no_cover  # pages that other tests open
@pytest.mark.parametrize(
    "model_admin",
    [pytest.param(each, id=each.model._meta.label) for each in admin.site._registry.values()],
)
def test_list_of_the_admin_shows_the_companies_of_whoever_asks(
    model_admin: Any, people: dict[str, Client]
) -> None:
    rule = rule_of(model_admin)
    page = address(model_admin, "changelist")
    for who in WHO:
        answer = people[who].get(page)
        hidden = who == MANAGER and rule is UNBOUND_ONLY
        assert answer.status_code == (403 if hidden else 200), who
        if rule.lookups and model_admin.model not in WITHOUT_ROWS:
            assert seen(text_of(answer)) == (True, who != MANAGER), who


def test_auditor_is_offered_nothing_that_changes(people: dict[str, Client]) -> None:
    for model_admin in admin.site._registry.values():
        page = text_of(people[AUDITOR_].get(address(model_admin, "changelist")))
        assert 'class="addlink"' not in page
        assert 'name="_selected_action"' not in page
        assert people[AUDITOR_].get(address(model_admin, "add")).status_code == 403


def test_index_of_the_admin_is_that_of_whoever_asks(people: dict[str, Client]) -> None:
    pages = {who: text_of(client.get("/admin/")) for who, client in people.items()}

    assert THEIRS not in pages[MANAGER]
    for who, page in pages.items():
        assert ("/admin/logs/errorgroup/" in page) == (who != MANAGER)
        assert "/admin/tokens/tokenmaster/" in page
