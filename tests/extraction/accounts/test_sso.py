"""Single sign-on against a provider on this machine, over real HTTP."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from importlib import import_module
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import requests
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import IntegrityError
from django.test import Client, RequestFactory
from environs import ValidationError
from pytest_django import Settings

from extraction import throttling
from extraction.accounts import second_factor
from extraction.accounts.sso import accounts
from extraction.accounts.sso import provider as sso_provider
from extraction.accounts.sso.provider import ProviderFault
from extraction.models import AccountRule, Authenticator, ExternalIdentity, FailedAttempts
from extraction.roles import AUDITOR, LEAD, OPERATOR
from logs.models import AuditEntry
from ocrsite.lib.oidc import issuer_address, names_by_group
from tests.extraction.factories import make_user
from tests.oidc_provider.server import CLIENT_ID, CLIENT_SECRET, Provider
from tests.running_site import ROOT
from tokens.models import Company

pytestmark = pytest.mark.django_db

ROLES = {"clerks": ["Operator"], "heads": ["Lead"], "audit": ["Auditor"]}


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """A provider that the settings name."""
    import_module("ocrsite.urls")  # which reads OIDC_ISSUER once
    cache.clear()
    with Provider() as running:
        settings.OIDC_ISSUER = running.issuer
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        settings.OIDC_NAME = "Example"
        settings.AUTHENTICATION_BACKENDS = [
            *django_settings.AUTHENTICATION_BACKENDS,
            "extraction.accounts.sso.backend.Backend",
        ]
        settings.ROOT_URLCONF = "tests.oidc_provider.site_urls"
        yield running
    cache.clear()


@pytest.fixture
def person(provider: Provider) -> dict[str, Any]:
    """What the provider says of whoever logs in."""
    return provider.person


def log_in(client: Client, **query: str) -> Any:
    """Go to the provider and back, as a browser does; return the answer to the callback."""
    begun = client.get("/account/sso/", query)
    assert begun.status_code == 302
    back = requests.get(begun["Location"], allow_redirects=False, timeout=10)
    return client.get(back.headers["Location"].removeprefix("http://testserver"))


def user_of(client: Client) -> User | None:
    pk = client.session.get("_auth_user_id")
    return None if pk is None else User.objects.get(pk=pk)


def test_first_log_in_makes_the_user(client: Client, provider: Provider) -> None:
    answer = log_in(client, next="/extractions/")

    user = user_of(client)
    assert user is not None
    assert (answer.status_code, answer["Location"]) == (302, "/extractions/")
    assert (user.username, user.email) == ("asha@example.com", "Asha@example.com")
    assert not user.has_usable_password()
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert AuditEntry.objects.filter(action="added", object_id=str(user.pk)).exists()
    assert AuditEntry.objects.filter(action="logged-in", actor="asha@example.com").exists()


def test_later_log_ins_are_those_of_the_same_subject(
    provider: Provider, person: dict[str, Any]
) -> None:
    first, second, third = Client(), Client(), Client()
    log_in(first)
    person["email"] = "asha.new@example.com"
    log_in(second)
    person["sub"] = "subject-1"  # its case counts
    log_in(third)

    assert user_of(first) == user_of(second) != user_of(third)
    assert ExternalIdentity.objects.count() == 2


def test_request_has_state_nonce_and_challenge(client: Client, provider: Provider) -> None:
    log_in(client)

    (asked,) = provider.asked
    assert asked["response_type"] == "code"
    assert asked["scope"] == "openid email profile"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://testserver/account/sso/callback/"
    assert len(asked["state"]) == len(asked["nonce"]) == 32
    assert provider.token_requests[0]["client_secret"] == CLIENT_SECRET


@pytest.mark.parametrize("verified", [False, None, "false", "", 1.5])
def test_unverified_address_is_refused(
    client: Client, person: dict[str, Any], verified: object
) -> None:
    person["email_verified"] = verified

    answer = log_in(client)

    assert answer["Location"] == "/login/"
    page = client.get("/login/").content.decode()
    assert "Your e-mail address is not verified by your organisation." in page
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": ["another", CLIENT_ID]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"iss": "https://other.example"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": None},
        {"sub": "other"},
        {"sub": None},
        {"nonce": "another"},
        {"nonce": None},
    ],
    ids=str,
)
def test_token_of_others_or_of_another_time_is_refused(
    client: Client, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.id_token = claims

    assert log_in(client)["Location"] == "/login/"
    assert not User.objects.exists()


def test_token_for_several_is_accepted_when_issued_to_this_client(
    client: Client, provider: Provider
) -> None:
    provider.id_token = {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}

    log_in(client)

    assert user_of(client) is not None


def test_token_with_another_signature_is_refused(client: Client, provider: Provider) -> None:
    provider.signs_with_another_key = True
    log_in(client)
    provider.signs_with_another_key, provider.algorithm = False, "HS256"
    log_in(client)

    assert not User.objects.exists()


def test_user_info_of_another_subject_is_refused(client: Client, provider: Provider) -> None:
    provider.info = {"sub": "other"}

    assert log_in(client)["Location"] == "/login/"
    assert not User.objects.exists()


def test_code_and_state_serve_once_and_in_their_session_only(
    client: Client, provider: Provider
) -> None:
    begun = client.get("/account/sso/")
    back = requests.get(begun["Location"], allow_redirects=False, timeout=10).headers["Location"]
    path = back.removeprefix("http://testserver")

    assert Client().get(path)["Location"] == "/login/"
    assert client.get(path)["Location"] == "/"
    assert client.get(path).status_code == 400
    assert client.get("/account/sso/callback/?error=access_denied")["Location"] == "/login/"


def test_password_page_with_a_code_in_its_address_calls_nobody(
    client: Client, provider: Provider
) -> None:
    make_user("asha", OPERATOR, password="a-long-password")

    client.post("/login/?code=x&state=y", {"username": "asha", "password": "wrong"})
    assert provider.token_requests == []
    form = {"username": "asha", "password": "a-long-password"}
    assert client.post("/login/?code=x&state=y", form).status_code == 302


def test_next_leads_to_this_site_only(client: Client, provider: Provider) -> None:
    assert log_in(client, next="https://evil.example/")["Location"] == "/"


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_provider_that_says_something_else_is_not_used(
    client: Client, provider: Provider, document: dict[str, Any]
) -> None:
    provider.document = document

    page = client.get("/account/sso/", follow=True).content.decode()

    assert "Single sign-on is not possible at the moment." in page
    assert provider.asked == []


def test_provider_that_is_away_leaves_passwords(client: Client, settings: Settings) -> None:
    make_user("asha", OPERATOR, password="a-long-password")
    with Provider() as gone:
        issuer = gone.issuer
    import_module("ocrsite.urls")
    settings.OIDC_ISSUER, settings.ROOT_URLCONF = issuer, "tests.oidc_provider.site_urls"
    cache.clear()

    page = client.get("/account/sso/", follow=True).content.decode()
    assert "Single sign-on is not possible at the moment." in page
    form = {"username": "asha", "password": "a-long-password"}
    assert client.post("/login/", form).status_code == 302


def test_provider_that_does_not_answer_is_asked_by_one_at_a_time(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers must not be able to hold every thread of the web server with it."""
    settings.OIDC_ISSUER = "https://login.example"
    monkeypatch.setattr(sso_provider, "PATIENCE", 0)
    asked = []

    def not_in_time(address: str, **_: object) -> NoReturn:
        asked.append(address)
        with pytest.raises(ProviderFault, match="has not answered yet"):
            sso_provider.provider()  # as another thread does meanwhile
        raise requests.Timeout

    monkeypatch.setattr(requests, "get", not_in_time)
    cache.clear()
    for _ in range(3):
        with pytest.raises(ProviderFault, match="says nothing of itself"):
            sso_provider.provider()

    assert len(asked) == 1
    cache.clear()


def test_strangers_begin_only_so_many_log_ins(client: Client, provider: Provider) -> None:
    address = RequestFactory().get("/")
    for _ in range(101):
        throttling.count_attempt(throttling.begun_log_ins(address))

    answer = client.get("/account/sso/")

    assert (answer.status_code, answer["Location"]) == (302, "/login/")
    assert not Session.objects.exists()
    assert "Too many attempts have failed." in client.get("/login/").content.decode()
    (row,) = FailedAttempts.objects.all()
    assert throttling.shown([row.subject])[row.subject] == "log-ins begun from 127.0.0.1"


def test_log_in_that_succeeds_does_not_count(client: Client, provider: Provider) -> None:
    for _ in range(2):
        log_in(client)

    assert FailedAttempts.objects.get().failures == 0


def test_provider_whose_token_endpoint_fails_lets_nobody_in(
    client: Client, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.token_status = 500

    answer = log_in(client)

    assert answer["Location"] == "/login/"
    assert "You could not be logged in." in client.get("/login/").content.decode()
    assert CLIENT_SECRET not in caplog.text


def test_groups_become_roles_at_each_log_in(
    client: Client, person: dict[str, Any], settings: Settings
) -> None:
    settings.OIDC_ROLES = ROLES

    person["groups"] = ["clerks", "unknown"]
    log_in(client)
    user = user_of(client)
    assert user is not None
    assert [group.name for group in user.groups.all()] == ["Operator"]
    user.groups.add(*make_user("x", LEAD).groups.all().filter(name="nobody"))

    person["groups"] = ["heads", "audit"]
    log_in(Client())
    user.refresh_from_db()
    assert sorted(group.name for group in user.groups.all()) == ["Auditor", "Lead"]
    assert user.is_staff
    changes = AuditEntry.objects.filter(action="changed", object_id=str(user.pk))
    assert [entry.after for entry in changes.order_by("entry_id")] == [
        "roles: Operator; companies: none; no staff",
        "roles: Auditor, Lead; companies: none; staff of every company",
    ]

    person["groups"] = "clerks"  # some providers write one group so
    log_in(Client())
    user.refresh_from_db()
    assert ([group.name for group in user.groups.all()], user.is_staff) == (["Operator"], False)


def test_role_that_staff_gave_stays_unless_a_group_names_it(
    client: Client, person: dict[str, Any], settings: Settings
) -> None:
    settings.OIDC_ROLES = {"clerks": ["Operator"]}
    person["groups"] = ["clerks"]
    log_in(client)
    user = user_of(client)
    assert user is not None
    user.groups.add(*make_user("x", LEAD).groups.all())

    log_in(Client())

    assert sorted(group.name for group in user.groups.all()) == ["Lead", "Operator"]


def test_who_is_in_no_group_is_not_let_in(
    client: Client, person: dict[str, Any], settings: Settings
) -> None:
    settings.OIDC_ROLES = ROLES
    person["groups"] = ["others"]

    log_in(client)

    assert "You have no role here." in client.get("/login/").content.decode()
    assert not User.objects.exists()


def test_groups_become_companies(
    client: Client, person: dict[str, Any], settings: Settings
) -> None:
    for company_id in ("NT047", "NT048", "NT049"):
        Company.objects.create(company_id=company_id)
    settings.OIDC_COMPANIES = {"a": ["nt047"], "b": ["NT048", "UNKNOWN"]}
    person["groups"] = ["a", "b"]
    log_in(client)
    user = user_of(client)
    assert user is not None
    assert {grant.company_id for grant in user.company_grants.all()} == {"NT047", "NT048"}
    assert not user.staff_companies.exists()
    user.company_grants.create(company_id="NT049")

    person["groups"] = ["b"]
    log_in(Client())

    assert {grant.company_id for grant in user.company_grants.all()} == {"NT048", "NT049"}


def test_staff_are_bound_to_the_companies_of_their_groups(
    person: dict[str, Any], settings: Settings
) -> None:
    for company_id in ("NT047", "NT048"):
        Company.objects.create(company_id=company_id)
    settings.OIDC_ROLES = ROLES
    settings.OIDC_COMPANIES = {"a": ["NT047"], "b": ["NT048"], "all": ["*"]}

    def after(*groups: str) -> tuple[bool, set[str]]:
        person["groups"] = ["audit", *groups]
        client = Client()
        log_in(client)
        user = user_of(client)
        assert user is not None
        return user.is_staff, {row.company_id for row in user.staff_companies.all()}

    assert after("a") == (True, {"NT047"})
    assert after("a", "b") == (True, {"NT047", "NT048"})
    assert after("b") == (True, {"NT048"})
    assert after("all") == (True, set())
    # Bound to none, one would see every company.
    assert after() == (False, set())


def test_local_account_of_the_address_is_linked_only_if_set(
    client: Client, settings: Settings, provider: Provider
) -> None:
    local = make_user("asha", OPERATOR, email="asha@example.com", password="a-long-password")

    settings.OIDC_LINK_BY_EMAIL = True
    log_in(client)

    assert user_of(client) == local
    assert User.objects.count() == 1


@pytest.mark.parametrize("sees", ["nothing", "the name"])
def test_first_log_ins_in_two_windows_are_of_one_user(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch, sees: str
) -> None:
    """The other one commits after this one looked for the identity, or after it looked all."""
    make = accounts._made
    others: list[User] = []

    def made(email: str) -> User:
        if not others:
            others.append(make(email))
            told = f"{django_settings.OIDC_ISSUER}\n{provider.person['sub']}"
            digest = hashlib.sha256(told.encode()).hexdigest()
            ExternalIdentity.objects.create(user=others[0], digest=digest)
            if sees == "nothing":
                raise IntegrityError
        return make(email)

    monkeypatch.setattr(accounts, "_made", made)
    # What the other one did stays.
    monkeypatch.setattr(accounts, "transaction", SimpleNamespace(atomic=nullcontext))

    log_in(client)

    assert user_of(client) == others[0]


def test_superuser_is_never_linked(client: Client, settings: Settings, provider: Provider) -> None:
    settings.OIDC_LINK_BY_EMAIL = True
    User.objects.create_superuser("asha@example.com", "asha@example.com")

    log_in(client)

    assert user_of(client) is None
    assert "There is another account of this name." in client.get("/login/").content.decode()


@pytest.mark.parametrize("fields", [{}, {"email": "asha@example.com"}])
def test_account_of_the_same_name_is_not_taken_over(
    client: Client, provider: Provider, fields: dict[str, str]
) -> None:
    User.objects.create_user("ASHA@example.com", **fields)

    log_in(client)

    assert user_of(client) is None
    assert not ExternalIdentity.objects.exists()


def test_closed_account_is_refused(client: Client, provider: Provider) -> None:
    log_in(client)
    User.objects.update(is_active=False)
    other = Client()

    log_in(other)

    assert user_of(other) is None
    assert "Your account is closed." in other.get("/login/").content.decode()


@pytest.mark.parametrize(
    ("claims", "accepted", "is_asked"),
    [
        ({}, [], True),
        ({"amr": ["pwd"]}, [], True),
        ({"amr": "mfa"}, [], True),
        ({"amr": ["pwd", "mfa"]}, [], False),
        ({"acr": "gold"}, [], True),
        ({"acr": "gold"}, ["gold", "platinum"], False),
        ({}, ["*"], False),
    ],
)
def test_second_factor_is_asked_for_unless_the_provider_attests_one(
    client: Client,
    provider: Provider,
    settings: Settings,
    claims: dict[str, Any],
    accepted: list[str],
    is_asked: bool,
) -> None:
    settings.REQUIRE_TOTP, settings.OIDC_SECOND_FACTOR = "all", accepted
    provider.id_token = claims

    log_in(client)

    answer = client.get("/extractions/")
    assert (answer.status_code == 302) == is_asked
    assert ("acr_values" in provider.asked[0]) == ("gold" in accepted)


def test_own_second_factor_is_asked_for(client: Client, provider: Provider) -> None:
    log_in(client)
    user = user_of(client)
    assert user is not None
    second_factor.begin(user)
    Authenticator.objects.update(confirmed_at="2026-11-27T10:00Z")
    other = Client()

    log_in(other)

    assert other.get("/extractions/")["Location"].startswith("/account/code/")


def test_password_that_has_to_go_is_no_matter_of_single_sign_on(
    client: Client, provider: Provider
) -> None:
    log_in(client)
    AccountRule.objects.create(user=User.objects.get(), must_change_password=True)
    other = Client()

    log_in(other)

    assert other.get("/extractions/").status_code == 200


def test_log_out_ends_the_session_at_the_provider(client: Client, provider: Provider) -> None:
    log_in(client)

    answer = client.post("/logout/")

    assert answer["Location"] == (
        f"{provider.issuer}/end?client_id=ocrsite"
        "&post_logout_redirect_uri=http%3A%2F%2Ftestserver%2Flogin%2F"
    )
    assert user_of(client) is None


@pytest.mark.parametrize("end", [None, "https://elsewhere.example/end"])
def test_log_out_stays_here_where_the_provider_has_no_such_page(
    client: Client, provider: Provider, end: str | None
) -> None:
    provider.document = {"end_session_endpoint": end}
    log_in(client)

    assert client.post("/logout/")["Location"] == "/login/"
    assert user_of(client) is None


def test_log_out_after_a_password_stays_here(client: Client, provider: Provider) -> None:
    client.force_login(make_user("asha", OPERATOR))

    assert client.post("/logout/")["Location"] == "/login/"


def test_log_in_page_offers_both(client: Client, provider: Provider) -> None:
    page = client.get("/login/?next=/extractions/%3Ftext%3Da").content.decode()

    assert '<a class="button" href="/account/sso/?next=/extractions/%3Ftext%3Da">' in page
    assert "Log in with Example" in page
    assert 'name="password"' in page
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/login/?next=%2Fadmin%2F"
    client.force_login(make_user("ina", AUDITOR))
    assert client.get("/admin/").status_code == 200


def test_log_in_page_says_nothing_of_it_when_it_is_off(client: Client) -> None:
    assert "sso" not in client.get("/login/").content.decode()
    assert client.get("/account/sso/").status_code == 404


def started(**environment: str) -> str:
    """What a web process has loaded and set."""
    script = (
        "import django, sys; django.setup(); from django.urls import get_resolver;"
        "get_resolver().url_patterns; from django.conf import settings as s;"
        "print([m for m in ('mozilla_django_oidc', 'jwt') if m in sys.modules],"
        " s.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'], s.OIDC_ROLES)"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "ocrsite.settings", **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_nothing_is_loaded_when_it_is_off() -> None:
    assert started() == "[] [\"'self'\"] {}\n"


def test_everything_is_loaded_when_it_is_on() -> None:
    told = started(
        OIDC_ISSUER="https://login.example.com/tenant",
        OIDC_ROLES="a=b=Lead, a=b=Auditor,c=Operator",
    )

    assert told == (
        "['mozilla_django_oidc'] [\"'self'\", 'https://login.example.com']"
        " {'a=b': ['Lead', 'Auditor'], 'c': ['Operator']}\n"
    )


@pytest.mark.parametrize("issuer", ["http://login.example.com", "login.example.com", "https://"])
def test_issuer_is_an_https_address(issuer: str) -> None:
    with pytest.raises(ValidationError):
        issuer_address(issuer)


def test_issuer_may_be_this_machine_or_none() -> None:
    for issuer in ("", "http://127.0.0.1:8080", "https://login.example.com"):
        issuer_address(issuer)


@pytest.mark.parametrize("pairs", [["Lead"], ["=Lead"], ["a="]])
def test_mapping_names_group_and_name(pairs: list[str]) -> None:
    with pytest.raises(ValidationError):
        names_by_group(pairs)


def test_provider_is_asked_about_itself_once_an_hour(provider: Provider) -> None:
    log_in(Client())
    provider.document = {"issuer": "https://other.example"}

    client = Client()
    log_in(client)

    assert user_of(client) is not None
