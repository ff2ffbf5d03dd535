"""Who may call what: every address of the API, by every method, for every kind of caller."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.urls import URLPattern, reverse
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings
from rest_framework.test import APIClient

from extraction.api.urls import urlpatterns
from extraction.documents.intake import folder_of
from extraction.models import ApiClient, CompanyGrant, FailedAttempts, Scope, State, WebhookEvent
from extraction.roles import LEAD, OPERATOR
from extraction.webhooks import endpoints
from logs.models import AuditEntry
from tests.extraction.api.schema_checked import SchemaCheckedClient
from tests.extraction.factories import make_extraction, make_user
from tests.extraction.sample_documents import pdf, upload
from tests.extraction.sample_invoices import make_invoice
from tests.kept_rows import kept_rows
from tests.tokens.rows import make_company, make_quota, make_token
from tokens.models import Provider
from tokens.periods import Period

COMPANY, OTHER = "NT047", "NT048"
# Requests of tests come from 127.0.0.1.
ELSEWHERE = "203.0.113.0/24"
HOOKS = "https://hooks.example.com/"

# nobody; a client for one scope alone, by its name; "own": one that may only submit, asked about
# what it submitted or added itself (all else is another's); for every scope but manage; likewise
# for another company; with an expired or a revoked key; calling from none of its networks; people
# by role; staff with no permission; "manager": one that may only manage, another company. A
# GET's row holds for HEAD, too. OTHER: the methods without a row. A row without a route holds for
# every route that has none of its own.
_TABLE = """
                           nobody  submit  read  correct  usage  manage  own  every  other  expired  revoked  abroad  operator  lead  staff  super  manager
POST extract               401     202     403   403      403    403     202  202    403    401      401      403     202       202   403    202    403
POST extract-slash         401     202     403   403      403    403     202  202    403    401      401      403     202       202   403    202    403
GET api-extractions        401     403     200   200      403    403     403  200    200    401      401      403     200       200   200    200    403
POST api-extractions       401     202     403   403      403    403     202  202    403    401      401      403     202       202   403    202    403
POST api-batches           401     202     403   403      403    403     202  202    403    401      401      403     202       202   403    202    403
GET api-extraction         401     404     200   200      403    403     200  200    404    401      401      403     200       200   404    200    403
GET api-batch              401     404     200   200      403    403     200  200    404    401      401      403     200       200   404    200    403
PATCH api-extraction       401     404     403   200      403    403     403  200    404    401      401      403     200       200   404    200    403
DELETE api-extraction      401     404     403   204      403    403     403  204    404    401      401      403     403       204   404    204    403
POST api-retry             401     404     403   403      403    403     202  202    404    401      401      403     202       202   404    202    403
POST api-approve           401     404     403   200      403    403     403  200    404    401      401      403     403       200   404    200    403
POST api-reject            401     404     403   200      403    403     403  200    404    401      401      403     403       200   404    200    403
POST api-cancel            401     404     403   403      403    403     200  200    404    401      401      403     200       200   404    200    403
GET api-export             401     403     200   403      403    403     403  200    200    401      401      403     403       200   403    200    403
GET api-companies          401     200     200   200      200    200     200  200    200    401      401      403     200       200   200    200    200
GET api-webhooks           401     200     403   403      403    403     200  200    200    401      401      403     403       403   403    403    403
POST api-webhooks          401     201     403   403      403    403     201  201    403    401      401      403     403       403   403    403    403
DELETE api-webhook         401     404     403   403      403    403     204  404    404    401      401      403     403       403   403    403    403
GET api-usage              401     403     403   403      200    403     403  200    200    401      401      403     403       403   403    200    403
GET api-quota              401     403     403   403      200    403     403  200    200    401      401      403     403       403   403    200    403
GET api-schema             401     200     200   200      200    200     200  200    200    401      401      403     200       200   200    200    200
GET api-docs               302     302     302   302      302    302     302  302    302    302      302      302     200       200   200    200    302
GET api-page               401     404     200   200      403    403     200  200    404    401      401      403     200       200   404    200    403
GET manage-tokens          401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    200
POST manage-tokens         401     403     403   403      403    201     403  403    403    401      401      403     403       403   403    403    403
GET manage-token           401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
PATCH manage-token         401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
POST manage-token-key      401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
GET manage-companies       401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    200
POST manage-companies      401     403     403   403      403    201     403  403    403    401      401      403     403       403   403    403    201
GET manage-company         401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
PATCH manage-company       401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
POST manage-company-close  401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
POST manage-company-reopen 401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
GET manage-clients         401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    200
POST manage-clients        401     403     403   403      403    201     403  403    403    401      401      403     403       403   403    403    403
GET manage-client          401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
PATCH manage-client        401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
POST manage-client-key     401     403     403   403      403    201     403  403    403    401      401      403     403       403   403    403    404
POST manage-client-revoke  401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
GET manage-quotas          401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    200
POST manage-quotas         401     403     403   403      403    201     403  403    403    401      401      403     403       403   403    403    403
GET manage-quota           401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
PATCH manage-quota         401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    404
DELETE manage-quota        401     403     403   403      403    204     403  403    403    401      401      403     403       403   403    403    404
GET manage-grants          401     403     403   403      403    200     403  403    403    401      401      403     403       403   403    403    200
POST manage-grants         401     403     403   403      403    201     403  403    403    401      401      403     403       403   403    403    403
DELETE manage-grant        401     403     403   403      403    204     403  403    403    401      401      403     403       403   403    403    404
OTHER                      401     405     405   405      405    405     405  405    405    401      401      403     405       405   405    405    405
OTHER api-docs             405     405     405   405      405    405     405  405    405    405      405      405     405       405   405    405    405
OTHER any-other            401     404     404   404      404    404     404  404    404    401      401      403     404       404   404    404    404
OPTIONS                    401     200     200   200      200    200     200  200    200    401      401      403     200       200   200    200    200
OPTIONS api-docs           405     405     405   405      405    405     405  405    405    405      405      405     405       405   405    405    405
OPTIONS any-other          401     404     404   404      404    404     404  404    404    401      401      403     404       404   404    404    404
"""  # noqa: E501 (a table)
_HEAD, *_ROWS = _TABLE.strip().splitlines()
CALLERS = _HEAD.split()
# The statuses by method, or method and route.
TABLE = {
    " ".join(cell for cell in row.split() if not cell.isdigit()): [
        int(cell) for cell in row.split() if cell.isdigit()
    ]
    for row in _ROWS
}

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# Rows that calls change whatever is answered: when a client last called, and failed attempts.
NOTED = (ApiClient, FailedAttempts)
PEOPLE = {"operator": OPERATOR, "lead": LEAD, "staff": None, "super": None}


class Caller:
    """One kind of caller, and the label under which its documents stand."""

    def __init__(self, kind: str) -> None:
        self.http = SchemaCheckedClient()
        self.label = "user:0"
        if kind in PEOPLE:
            user = _person(kind)
            self.http.force_login(user)
            self.label = f"user:{user.pk}"
        elif kind != "nobody":
            client, key = _program(kind)
            self.http.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
            self.label = f"client:{client.prefix}"


def _person(kind: str) -> User:
    role = PEOPLE[kind]
    if role is not None:
        return make_user(kind, role, COMPANY)
    return User.objects.create_user(kind, is_staff=True, is_superuser=kind == "super")


def _program(kind: str) -> tuple[ApiClient, str]:
    scopes = {**{scope: scope for scope in Scope.values}, "own": str(Scope.SUBMIT)}
    scopes["manager"] = str(Scope.MANAGE)
    fields: dict[str, Any] = {"scopes": scopes[kind]} if kind in scopes else {}
    if kind == "expired":
        fields["expiry_date"] = timezone.now() - timedelta(seconds=1)
    if kind == "abroad":
        fields["allowed_networks"] = ELSEWHERE
    client, key = ApiClient.objects.create_key(name=kind, revoked=kind == "revoked", **fields)
    assert isinstance(client, ApiClient)
    client.companies.create(company_id=OTHER if kind in ("other", "manager") else COMPANY)
    return client, key


def _grant() -> CompanyGrant:
    user = User.objects.create_user(f"user-{uuid.uuid4().hex[:8]}")
    return CompanyGrant.objects.create(user=user, company_id=COMPANY)


# Rows of COMPANY that are managed.
MANAGED: dict[str, Callable[[], object]] = {
    "token_id": lambda: make_token("AIza-" + uuid.uuid4().hex).pk,
    "company_id": lambda: COMPANY,
    "client": lambda: _program("every")[0].prefix,
    "grant_id": lambda: _grant().pk,
    "quota_id": lambda: make_quota(make_company(COMPANY), Period.DAILY, 1000).pk,
}
STATES = {"api-retry": State.FAILED, "api-cancel": State.QUEUED}


def _arguments(pattern: URLPattern, owner: str) -> dict[str, object]:
    """What the address of a route names: rows that a caller of this label owns."""
    converters = pattern.pattern.converters
    if converters.keys() & {"extraction_id", "batch_id"}:
        state = STATES.get(str(pattern.name), State.SUCCEEDED)
        extraction = make_extraction(
            state=state,
            http_status={State.SUCCEEDED: 200, State.FAILED: 502}.get(state),
            result=make_invoice().model_dump(mode="json") if state == State.SUCCEEDED else None,
            client=owner,
            batch=uuid.uuid4(),
        )
        pages = folder_of(extraction.pk) / "pages"
        pages.mkdir(parents=True)
        (pages / "001.jpg").write_bytes(b"image")
        names = {"extraction_id": extraction.pk, "batch_id": extraction.batch, "number": 1}
        return {name: names[name] for name in converters}
    if "endpoint_id" in converters:
        endpoint, _ = endpoints.add(
            company_id=COMPANY,
            url=HOOKS,
            events=[WebhookEvent.FAILED],
            by=owner,
            client=owner,
        )
        return {"endpoint_id": endpoint.pk}
    if str(pattern.name).startswith("manage-"):
        return {name: make() for name, make in MANAGED.items() if name in converters}
    return {"format_name": "csv"} if "format_name" in converters else {}


def _address(pattern: URLPattern, owner: str) -> str:
    if pattern.name is None:
        return "/api/v2/"
    return reverse(pattern.name, kwargs=_arguments(pattern, owner))


FORMS = ("extract", "extract-slash", "api-extractions", "api-batches")
BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "PATCH api-extraction": lambda: {"values": {"invoice_number": "A-1"}},
    "POST api-reject": lambda: {"reason": "Not ours."},
    "POST manage-tokens": lambda: {"company_id": COMPANY, "key": "AIza-" + uuid.uuid4().hex},
    "POST manage-token-key": lambda: {"key": "AIza-" + uuid.uuid4().hex},
    "POST manage-companies": lambda: {"company_id": "NT099"},
    "POST manage-company-close": lambda: {"why": "Over."},
    "POST manage-company-reopen": lambda: {"why": "On again."},
    "POST manage-clients": lambda: {"name": "ERP", "company_ids": [COMPANY]},
    "POST manage-quotas": lambda: {"company_id": COMPANY, "limit": 1000},
    "POST manage-grants": lambda: {"username": "ina", "company_id": COMPANY},
    "POST api-webhooks": lambda: {
        "company_id": COMPANY,
        "url": HOOKS,
        "events": [WebhookEvent.FAILED],
    },
}


def _send(http: APIClient, method: str, name: str, address: str) -> Any:
    """Ask with what is right for the route, so that only who asks can be wrong."""
    is_decided = method not in ("GET", "HEAD") and not name.startswith("manage-")
    headers = {"If-Match": '"0-succeeded"'} if is_decided else {}
    if (method, name) in {("POST", n) for n in FORMS}:
        form = {"file": upload(pdf("x")), "companyID": COMPANY, "username": "ina"}
        return http.post(address, form, headers=headers)
    if method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        return http.generic(method, address, headers=headers)
    body = BODIES.get(f"{method} {name}", dict)()
    return http.generic(
        method, address, json.dumps(body), content_type="application/json", headers=headers
    )


def _status(response: Any) -> int:
    if response.streaming:
        b"".join(response)  # which closes its file
    return int(response.status_code)


def _everything(data_dir: Path) -> dict[str, object]:
    """Every row, but for those that calls change whatever is answered, and every file.

    As the database has them: that takes a tenth of the time of values that the ORM converts.
    """
    models: list[Any] = [*apps.get_app_config("extraction").get_models(), AuditEntry]
    models += apps.get_app_config("tokens").get_models()
    kept: dict[str, object] = {"files": sorted(map(str, data_dir.rglob("*")))}
    with connection.cursor() as cursor:
        for options in (model._meta for model in models if model not in NOTED):
            if options.managed:
                key, table = map(connection.ops.quote_name, (options.pk.column, options.db_table))
                kept[table] = cursor.execute(f"SELECT * FROM {table} ORDER BY {key}").fetchall()
    return kept


@contextmanager
def _undone() -> Iterator[None]:
    """Take back what is written meanwhile."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _handled(pattern: URLPattern) -> set[str]:
    """The methods that a route answers itself."""
    view = getattr(pattern.callback, "cls", None)
    if view is None:
        return {"GET", "HEAD"}  # require_safe
    handled = {method for method in METHODS if hasattr(view, method.lower())}
    return handled | {"HEAD"} if "GET" in handled else handled


def _name(pattern: URLPattern) -> str:
    return str(pattern.name or "any-other")


ROUTES = {_name(pattern): pattern for pattern in urlpatterns}
ASKED = [
    (method, name)
    for name, pattern in ROUTES.items()
    for method in METHODS
    if method in _handled(pattern) and method != "HEAD"
]


def _row(method: str, name: str) -> dict[str, int]:
    statuses = TABLE.get(f"{method} {name}") or TABLE[method]
    return dict(zip(CALLERS, statuses, strict=True))


@pytest.fixture(scope="module")
def kept_callers(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[str, Caller]]:
    with kept_rows(django_db_blocker):
        make_token("none", provider=Provider.OFFLINE)
        make_company(COMPANY)
        make_user("ina", OPERATOR, OTHER)
        yield {kind: Caller(kind) for kind in CALLERS}


@pytest.fixture
def callers(
    kept_callers: dict[str, Caller], data_dir: Path, db: None, settings: Settings
) -> dict[str, Caller]:
    settings.EXTRACT_WAIT_SECONDS = 0
    settings.WEBHOOK_HOSTS = ["hooks.example.com"]
    return kept_callers


def test_table_has_a_row_for_every_route_and_method_and_no_other() -> None:
    others = {key for key in TABLE if key.partition(" ")[0] in ("OTHER", "OPTIONS")}

    assert set(TABLE) - others == {f"{method} {name}" for method, name in ASKED}
    assert {key.partition(" ")[2] for key in others} <= {"", *ROUTES}


@pytest.mark.no_cover  # the tests of each endpoint measure it
@pytest.mark.parametrize(("method", "name"), ASKED)
def test_route_answers_each_caller_as_the_table_says(
    method: str, name: str, callers: dict[str, Caller], data_dir: Path
) -> None:
    own = _address(ROUTES[name], callers["own"].label)
    foreign = own if name.startswith("manage-") else _address(ROUTES[name], "user:0")
    before = _everything(data_dir)
    answered = {}
    for kind, caller in callers.items():
        address = own if kind == "own" else foreign
        with _undone():
            answered[kind] = _status(_send(caller.http, method, name, address))
            if answered[kind] >= 300:
                assert _everything(data_dir) == before, kind
            if method == "GET":
                assert _status(_send(caller.http, "HEAD", name, address)) == answered[kind], kind
        if answered[kind] < 300:
            before = _everything(data_dir)  # a document that was sent stays

    assert answered == _row(method, name)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ROUTES)
def test_other_methods_do_nothing(name: str, callers: dict[str, Caller], data_dir: Path) -> None:
    address = _address(ROUTES[name], callers["own"].label)
    others = {method: "OTHER" for method in METHODS if method not in _handled(ROUTES[name])}
    before = _everything(data_dir)

    for method, row in {**others, "OPTIONS": "OPTIONS"}.items():
        answered = {}
        for kind, caller in callers.items():
            with _undone():
                answered[kind] = _status(_send(caller.http, method, name, address))
        assert answered == _row(row, name), method

    assert _everything(data_dir) == before
