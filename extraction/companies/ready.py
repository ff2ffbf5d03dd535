"""Makes a company ready: its row, first key, first API client and operators, or nothing of it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import translation
from django.utils.crypto import get_random_string
from django_q.tasks import async_task

from extraction.models import AccountRule, ApiClient, ApiClientCompany, CompanyGrant, Role
from extraction.roles import OPERATOR, RoleKind, role_of
from ocrsite.lib import audit
from ocrsite.lib.audit import Action, Who
from tokens import services
from tokens.models import Company, Provider, TokenMaster

logger = logging.getLogger(__name__)

INVITE = "extraction.accounts.invitation.send"
# Long enough for every validator, and short enough to be read out; it is changed at once.
_PASSWORD_LENGTH = 12
# Without letters and digits that look alike.
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A Gemini key to add; ``limit`` and ``threshold`` in LLM tokens."""

    api_key: str = field(repr=False)
    limit: int
    threshold: int


@dataclass(frozen=True, slots=True)
class NewOperator:
    """A person to let upload. ``existing`` is a user that there is, who only gets the company.

    A new one has the role, too. One with a ``password`` has to change it; one with an address alone
    is invited by mail; one with neither gets a password that is made.
    """

    username: str
    role: RoleKind = OPERATOR
    email: str = ""
    password: str = field(default="", repr=False)
    existing: User | None = None

    @property
    def is_invited(self) -> bool:
        """Whether mail lets this person choose a password."""
        return self.existing is None and bool(self.email) and not self.password


@dataclass(frozen=True, slots=True)
class Site:
    """Where links in mail lead."""

    host: str
    is_secure: bool


@dataclass(slots=True)
class Made:
    """What was made. ``client_key`` and ``passwords``, by user name, are shown once."""

    company: Company
    token: TokenMaster | None = None
    client: ApiClient | None = None
    client_key: str = field(default="", repr=False)
    users: list[User] = field(default_factory=list)
    granted: list[User] = field(default_factory=list)
    invited: list[User] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)


def make_ready(
    company: Company,
    *,
    key: NewKey | None,
    client_name: str,
    operators: Sequence[NewOperator],
    site: Site,
    who: Who,
) -> Made:
    """Make all of it in one transaction, and record each thing as made by who did it.

    Raises IntegrityError when the company, or one of the new users, was made in the meantime.
    """
    made = Made(company)
    with transaction.atomic():
        company.save(force_insert=True)
        if key is not None:
            made.token = _add_key(company, key)
        if client_name:
            made.client, made.client_key = _add_client(company, client_name)
        for operator in operators:
            _add_operator(made, operator, site)
        _record(made, who)
    logger.info("Company %s was made ready.", company.company_id)
    return made


def _add_key(company: Company, key: NewKey) -> TokenMaster:
    token = TokenMaster(
        company_id=company.company_id,
        company_name=company.name or None,
        provider=Provider.GEMINI,
        model=company.default_model or None,
        api_key=key.api_key,
        total_token_limit=key.limit,
    )
    services.create_token(token=token, threshold=key.threshold)
    return token


def _add_client(company: Company, name: str) -> tuple[ApiClient, str]:
    made, key = ApiClient.objects.create_key(name=name)
    client = cast("ApiClient", made)
    ApiClientCompany.objects.create(client=client, company_id=company.company_id)
    return client, key


def _add_operator(made: Made, operator: NewOperator, site: Site) -> None:
    user = operator.existing or _add_user(made, operator)
    CompanyGrant.objects.create(user=user, company_id=made.company.company_id)
    if operator.existing:
        made.granted.append(user)
    elif operator.is_invited:
        made.invited.append(user)
        _invite(user, site)


def _add_user(made: Made, operator: NewOperator) -> User:
    # One who is invited has a password that nobody knows: with none at all, the log-in page could
    # mail no link once that of the invitation is too old.
    password = operator.password or get_random_string(_PASSWORD_LENGTH, _LETTERS)
    user = User.objects.create_user(operator.username, operator.email, password)
    if not operator.is_invited:
        AccountRule.objects.create(user=user, must_change_password=True)
        if not operator.password:
            made.passwords[user.username] = password
    group = role_of(Role, operator.role, using="default").group
    if group is not None:  # else staff did away with it
        user.groups.add(group)
    made.users.append(user)
    return user


def _record(made: Made, who: Who) -> None:
    company_id = made.company.company_id
    things = [audit.row(each) for each in (made.company, made.token) if each is not None]
    if made.client is not None:  # its primary key holds the digest of its API key
        name = f"{made.client.name} ({made.client.prefix})"
        things.append(
            audit.row(made.client, key=made.client.prefix, name=name, company_id=company_id)
        )
    things += [audit.row(user, company_id=company_id) for user in made.users]
    for what in things:
        audit.record(Action.ADDED, who=who, what=what)
    for user in (*made.users, *made.granted):
        told = audit.row(user, company_id=company_id)
        audit.record(Action.CHANGED, who=who, what=told, after=f"granted {company_id}")


def _invite(user: User, site: Site) -> None:
    """Have a worker mail the invitation, in the language that is active."""
    language = translation.get_language()

    def send() -> None:
        async_task(INVITE, user.pk, site.host, site.is_secure, language)

    if settings.REDIS_URL:  # which takes no part in the transaction
        transaction.on_commit(send, robust=True)
    else:
        send()
