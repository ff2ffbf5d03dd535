"""What the code asks of a database that holds nothing, in T-SQL; ``tests.sql_server`` prints it.

No server is needed: statements are written down and answered with nothing.
"""

import contextlib
import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.http import QueryDict
from django.test import RequestFactory
from django_q.brokers import get_broker
from mssql.base import DatabaseWrapper

from extraction import document_days
from extraction.dashboard.page import dashboard
from extraction.document_days import Recounter
from extraction.documents import retention as extraction_retention
from extraction.exports.source import exported
from extraction.fairness import claim_fairest
from extraction.listing.conditions import matching
from extraction.listing.filters import Filters
from extraction.listing.page import list_page
from extraction.listing.window import Window
from extraction.liveness import Liveness
from extraction.models import Extraction, State
from extraction.worker import waiting
from extraction.worker.presence import Presence
from extraction.worker.reconciler import Reconciler
from logs import emails as error_emails
from logs import levels
from logs import retention as logs_retention
from logs.admin import failure_summary, pagination
from logs.admin.filters import LogFilter
from logs.admin.pagination import Position
from logs.handler import bulk_insert
from logs.handler.records import own_record
from logs.models import FailedRetry, RecentError
from tokens import (
    circuit_breaker,
    ledger,
    ledger_audit,
    quota_audit,
    quota_changes,
    quota_sums,
    quotas,
    selection,
    services,
    usage_days,
)
from tokens import emails as alert_emails
from tokens.models import (
    CallLimits,
    Company,
    Quota,
    TokenMaster,
    TokenStatusRow,
    TokenUsageLog,
    UsageSummaryRow,
)
from tokens.selection import NoUsableKey
from tokens.unpriced import unpriced_for
from tokens.usage import NO_USAGE, Requester

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANYTHING = uuid.UUID("0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11")
LOG_FILTERS = [
    "",
    "level=ERROR",
    "level=INFO&company_id=NT047&logger=extraction.pipeline",
    f"extraction_id={ANYTHING}&user=asha",
    "request_id=r",
    "fingerprint=f",
    "text=50%25&range=1d",
    "logger=extraction.*&since=2026-01-01T00:00&until=2026-02-01T00:00",
]


class Cursor:
    """Writes down what it is to execute.

    Every count is 0, every new key 1, the time NOW, all else empty.
    """

    rowcount = 0
    description = None

    def __init__(self, statements: list[str]) -> None:
        self._statements = statements

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, sql: str, _parameters: Sequence[object] = ()) -> "Cursor":
        self._statements.append(sql)
        return self

    def executemany(self, sql: str, _parameters: Sequence[object]) -> None:
        self._statements.append(sql)

    def fetchone(self) -> tuple[int | str | datetime | None, ...] | None:
        sql = self._statements[-1]
        if "DATABASEPROPERTYEX" in sql:
            return ("SQL_Latin1_General_CP1_CI_AS",)
        if "SYSUTCDATETIME()" in sql:
            return (NOW.replace(tzinfo=None),)
        if "'collation'" in sql.lower():  # mssql-django asks it for REPLACE
            return ("SQL_Latin1_General_CP1_CI_AS",)
        if "SCOPE_IDENTITY()" in sql:
            return (1,)
        if returned := re.findall(r"INSERTED\.\[(\w+)\]", sql):
            return tuple(_new_value(name) for name in returned)
        return (0,) if "AS [__count]" in sql or "@@TRANCOUNT" in sql else None

    def fetchmany(self, _size: int = 1) -> list[tuple[int | str | datetime | None, ...]]:
        row = self.fetchone()
        return [row] if row else []

    def fetchall(self) -> list[tuple[int | str | datetime | None, ...]]:
        return self.fetchmany()

    def nextset(self) -> bool:
        return False

    def close(self) -> None:
        pass


def _new_value(column: str) -> int | datetime | None:
    """What a new row has in a column that the database fills."""
    if column.endswith(("ID", "Tokens", "TokensUsed", "Count")):
        return 1
    return NOW if column.endswith("At") else None


@contextlib.contextmanager
def recorded() -> Iterator[list[str]]:
    """Return the list to which every statement goes."""
    statements: list[str] = []
    server = mock.MagicMock(autocommit=True)
    server.cursor = lambda: Cursor(statements)
    with (
        mock.patch.object(DatabaseWrapper, "get_new_connection", return_value=server),
        mock.patch.object(DatabaseWrapper, "init_connection_state"),
    ):
        yield statements


def ask_everything() -> None:
    """Ask what pages, endpoints, worker and nightly work ask, as far as an empty database goes."""
    for ask in (logs_pages, logs_writer, tokens, extractions, lists, admin_lists, first_page):
        ask()


def logs_pages() -> None:
    for parameters in LOG_FILTERS:
        selection = LogFilter(QueryDict(parameters)).selection()
        here = Position(NOW, 5)
        pagination.page(selection, size=50)
        pagination.page(selection, size=50, older_than=here)
        pagination.page(selection, size=50, newer_than=here)
        list(pagination.every(selection))
    failure_summary.what_fails_most(NOW)


def logs_writer() -> None:
    with transaction.atomic():
        row = own_record("x")
        bulk_insert.insert([row._replace(level="ERROR")] * 150)
    logs_retention.purge_logs()
    logs_retention.purge_retries()
    error_emails.gather()
    error_emails.deliver_digests()
    levels.apply()


def tokens() -> None:
    attempt: dict[str, Any] = {"attempt_id": ANYTHING, "token_id": 1}
    payer = Requester(company_id="NT047", branch="b", requested_by="asha")
    token = TokenMaster(pk=1, company_id="NT047", project="p")
    with contextlib.suppress(NoUsableKey):
        selection.require_usable("NT047")
    selection.another_is_free(token)
    with mock.patch.object(ledger, "_set_aside", side_effect=[False, True]):
        limits = CallLimits(at_once=2, per_minute=2)
        lease = timedelta(minutes=1)
        ledger.reserve(**attempt, amount=1, output_budget=1, lease=lease, limits=limits)
    ledger.reserve(**attempt, amount=1, output_budget=1, lease=lease)
    with contextlib.suppress(ObjectDoesNotExist):  # what it has just written
        ledger.settle(ANYTHING, 1, NO_USAGE, **payer, model="gemini-3.5-flash-001")
    with contextlib.suppress(ObjectDoesNotExist):
        ledger.settle_unknown(ANYTHING, 1, 5, **payer)
    ledger.release(ANYTHING)
    ledger.release_dead()
    circuit_breaker.claim_trial_call(token, lease)
    circuit_breaker.end_trial_call(token, answered=True)
    circuit_breaker.trip(token, NOW, "429", whole_project=True)
    circuit_breaker.reset(token)
    services.update_statuses()
    ledger_audit.audit_ledger()
    ledger_audit.repair_ledger()
    alert_emails.deliver_alerts()
    services.mark_exceeded(token_id=1)
    services.reactivate(token_id=1)
    periods_of_quotas(token)


def periods_of_quotas(token: TokenMaster) -> None:
    company = Company(pk="NT047", folded_id="nt047", other_spellings=["nt047"])
    rows = [
        Quota(pk=1, token=token, limit=5, period="total"),
        Quota(pk=2, company=company, limit=5, raised_by=1, raised_until=NOW),
        Quota(pk=3, company=company, limit=5, period="daily", unit="money", currency="EUR"),
    ]
    with transaction.atomic():
        locked = quota_sums.LockedQuotas(1, rows, company.zone)
        held = quota_sums.Charge(1, 7, "EUR")
        locked.set_aside(held, NOW)
        locked.settle(NOW, held, quota_sums.NOTHING, NOW, held)
        quota_sums.lock(1)
        quota_sums.note_that_none_applies(1)
        quota_sums.move_key(1, "NT047", "NT048")
    quota_sums.find_unnoticed()
    quotas.of_company("NT047")
    quotas.of_keys([token])
    quota_audit.wrong_sums()
    for currency in ("", "EUR"):
        list(quota_audit._differing(currency))
    quota_audit.remove_old_sums()
    unpriced_for(rows)
    for row in rows:
        with contextlib.suppress(ObjectDoesNotExist):
            quota_changes.save_quota(quota=Quota(token=row.token, company=row.company, limit=5))


def extractions() -> None:
    extraction = Extraction(pk=ANYTHING, lease_id=ANYTHING, company_id="NT047")
    rows = Extraction.objects.all()
    rows.claim(ANYTHING, worker="host:1")
    claim_fairest(worker="host:1")
    rows.queued().filter(company_id__gt="NT047").oldest_by_company()
    rows.running_by_company()
    rows.companies_served_lately()
    list(waiting.starting("NT047")[:1])
    rows.renew_lease(extraction)
    rows.postpone(extraction, timedelta(seconds=1))
    rows.end(extraction, State.SUCCEEDED)
    rows.take_over(extraction, worker="host:1")
    rows.requeue_due(ANYTHING)
    rows.requeue(ANYTHING)
    rows.mark_files_removed(extraction, NOW)
    Reconciler(get_broker()).round()
    extraction_retention.purge_files()
    list(exported(rows.for_companies(["NT047", "NT048"]).filter(pk__in=[ANYTHING])))


def lists() -> None:
    """Pages of the list of extractions, with each condition that an index selects by."""
    everything = Filters(
        *("50% 1.234,5", "", "North", "failed", "needed", NOW.date(), NOW.date(), "a", "only"),
        sort="total",
    )
    filters = [
        Filters(sort="-supplier"),
        Filters(state="succeeded", text="x"),
        Filters(review="needed", duplicates="none"),
        everything,
    ]
    for each in filters:
        for companies in (["NT047"], ["NT047", "NT048"], None):
            list_page(Window(each, companies), 1)
            list(matching(each, companies)[:1])


def admin_lists() -> None:
    """Every list of the admin, whole and searched, and one row of it."""
    for model_admin in admin.site._registry.values():
        searched = {"q": "x"} if model_admin.search_fields else {}
        for parameters in ({}, searched):
            request = RequestFactory().get("/", parameters)
            request.user = User(pk=1, is_staff=True, is_active=True, is_superuser=True)
            list(model_admin.get_changelist_instance(request).result_list)
        model_admin.get_object(request, "1")
    # Views that reports of the former service read, and no list of ours.
    for view in (RecentError, FailedRetry, TokenStatusRow, UsageSummaryRow):
        list(view.objects.all()[:1])


def first_page() -> None:
    """The dashboard, of every company and of some, and what keeps its counts."""
    superuser = User(pk=1, is_staff=True, is_active=True, is_superuser=True)
    dashboard(superuser)
    with mock.patch("extraction.dashboard.page.bound_companies", return_value=["NT047"]):
        dashboard(superuser)
    Recounter().look()
    with mock.patch.object(document_days, "recount"):
        recounter = Recounter()
        recounter.look()
        with mock.patch.object(document_days, "LOOK_EVERY", 0.0):
            recounter.look()
    usage_days.book(TokenUsageLog(token_id=1, logged_at=NOW, company_id="NT047"))
    with mock.patch.object(usage_days, "_days", return_value=[NOW.date()]):
        usage_days.correct()
    Presence(Liveness()).show()
