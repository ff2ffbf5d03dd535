"""Whatever a page offers can be opened: every role follows every link, from the first pages on."""

from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import Resolver404, resolve
from lxml import etree

from extraction.models import Extraction, StaffCompany, State
from extraction.roles import AUDITOR, ROLES, TOKEN_MANAGER, RoleKind
from tests.extraction.exports.made_up import make_succeeded
from tests.extraction.factories import make_user
from tests.ocrsite.admin_rows import make_rows
from tokens.models import Company

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("static_files", "data_dir"),
    pytest.mark.no_cover,  # the tests of each page measure it
]

BACK_TO = "_changelist_filters"
BEGIN = ("/", "/extractions/", "/admin/", "/account/")


def links(page: bytes) -> list[str]:
    """The addresses that a page leads to by links, each once."""
    # Python's own parser takes a sixth of the time of the walk.
    tags = etree.fromstring(page, etree.HTMLParser(encoding="utf-8")).iter("a")
    addresses = (tag.get("href") for tag in tags)
    return list(dict.fromkeys(str(address) for address in addresses if address))


def kind_of(address: str) -> tuple[Any, ...]:
    """What addresses have in common that lead to the same page of other things."""
    parts = urlsplit(address)
    # Where a form leads back to makes no other form of it.
    names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - {BACK_TO}
    match = resolve(parts.path)
    return (match.view_name, match.route if "admin:" not in match.view_name else "", *sorted(names))


def walk(client: Client) -> list[str]:
    """Follow every link; return those that lead to no page, with where they stand."""
    faults: list[str] = []
    seen: set[str] = set()
    opened: set[tuple[Any, ...]] = set()
    todo = deque((address, "the beginning") for address in BEGIN)
    while todo:
        address, where = todo.popleft()
        if address in seen:
            continue
        seen.add(address)
        try:
            kind = kind_of(address)
        except Resolver404:
            faults.append(f"{address} on {where} is no address")
            continue
        if kind in opened:
            continue
        opened.add(kind)
        response: Any = client.get(address)
        if response.status_code >= 400 and where != "the beginning":
            faults.append(f"{address} on {where}: {response.status_code}")
        if response.status_code in (301, 302):
            todo.append((urljoin(address, response["Location"]), where))
            continue
        if response.streaming or "text/html" not in response["Content-Type"]:
            continue
        for link in links(response.content):
            target = urlsplit(urljoin(address, link))
            if target.netloc or target.scheme or target.path == "/logout/":
                continue
            if urlsplit(address).query and target.path == urlsplit(address).path:
                continue  # one filter more: each is followed alone
            todo.append((target._replace(fragment="").geturl(), address))
    return faults


@pytest.fixture(autouse=True)
def _two_companies(data_dir: Path) -> None:
    data_dir.mkdir(exist_ok=True)
    for company_id in ("NT047", "NT048"):
        make_rows(company_id)
        for _ in range(2):
            read = make_succeeded(company_id)
            Extraction.objects.filter(pk=read.pk).update(needs_review=True)
        deleted = make_succeeded(company_id)
        Extraction.objects.filter(pk=deleted.pk).update(
            deleted_at=deleted.created_at, deleted_by="asha", state=State.SUCCEEDED
        )


def of_role(role: RoleKind) -> Client:
    client = Client()
    client.force_login(make_user("rita", role, "NT047"))
    return client


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_link_of_a_role_leads_nowhere(role: RoleKind) -> None:
    assert walk(of_role(role)) == []


@pytest.mark.parametrize("role", [TOKEN_MANAGER, AUDITOR], ids=lambda role: role.name)
def test_no_link_of_bound_staff_leads_nowhere(role: RoleKind) -> None:
    client = of_role(role)
    user = User.objects.get(username="rita")
    StaffCompany.objects.create(user=user, company=Company.objects.get(pk="NT047"))

    assert walk(client) == []


def test_no_link_of_a_superuser_leads_nowhere(admin_client: Client) -> None:
    assert walk(admin_client) == []


def test_no_link_of_a_user_without_a_role_leads_nowhere() -> None:
    client = Client()
    client.force_login(User.objects.create_user("nobody"))
    assert walk(client) == []
