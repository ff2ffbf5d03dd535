"""What the first page of the admin shows to one user: the parts that their permissions allow."""

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from extraction import document_days
from extraction.dashboard import charts, links, standing
from extraction.dashboard.links import Number
from extraction.document_days import Counted
from extraction.models import State
from logs import dashboard as errors
from logs.error_names import name_of
from ocrsite.lib import clock
from ocrsite.lib.charts import share
from ocrsite.lib.moments import span
from ocrsite.lib.numbers import grouped
from ocrsite.lib.staff_companies import bound_companies
from tokens import dashboard as use
from tokens.dashboard import Attention, Budget, Spent, UsageFigures
from tokens.models import Company, Quota

GIB = 1024**3
# Below this the disk needs somebody.
LITTLE_SPACE = GIB
# So many reasons are named.
REASONS = 8

_VIEW = {
    "documents": "extraction.view_extraction",
    "workers": "extraction.view_worker",
    "usage": "tokens.view_tokenusagelog",
    "keys": "tokens.view_tokenmaster",
    "key_alerts": "tokens.view_thresholdalert",
    "ledger_alerts": "tokens.view_ledgeralert",
    "site_alerts": "tokens.view_sitealert",
    "errors": "logs.view_errorgroup",
    "log": "logs.view_applicationlog",
}
# They concern every company, and so those alone who may see every one.
_OF_ALL = ("workers", "ledger_alerts", "errors", "log")


@dataclass(frozen=True, slots=True)
class Named:
    """A number with its words and, where it has one, the class of its pill."""

    label: str
    number: Number
    pill: str = ""


def dashboard(user: User) -> dict[str, Any]:
    """Return the parts of the dashboard that a user may see. Days are those of UTC.

    A superuser's take twelve queries, and one more where the counts of past days are missing.
    """
    companies = bound_companies(user)
    may = {
        name: user.has_perm(permission) and (companies is None or name not in _OF_ALL)
        for name, permission in _VIEW.items()
    }
    today = document_days.today()
    shown: dict[str, Any] = {"today": today, "charts": [], "may": may}
    workers = standing.workers() if may["workers"] or may["documents"] else []
    if may["workers"]:
        shown["workers"] = [(worker, standing.lives(worker)) for worker in workers]
        shown["living"] = sum(map(standing.lives, workers))
    if may["documents"]:
        shown |= _documents(today, companies, workers)
    figures = use.usage(today, companies) if may["usage"] or may["keys"] else None
    if figures and may["usage"]:
        shown["usage"] = _usage(today, figures)
        shown["charts"].append(charts.tokens_by_day(figures.by_day, today))
        shown["by_company"] = charts.shares(figures.by_company, "of_company_id", today)
        shown["by_model"] = charts.shares(figures.by_model, "model", today)
    if figures and may["keys"]:
        shown |= _keys(today, figures, companies)
    may["alerts"] = may["key_alerts"] or may["ledger_alerts"] or may["site_alerts"]
    if may["alerts"]:
        shown["alerts"] = _alerts(companies, may)
    if may["errors"]:
        shown["errors"] = errors.newest_errors()
    if may["log"]:
        shown |= _machine()
    return shown


def _documents(
    today: date, companies: Sequence[str] | None, workers: Sequence[Any]
) -> dict[str, Any]:
    counts = document_days.counted(today, companies)
    of_today = [row for row in counts if row.day == today]
    received = links.received(today, today)
    now = standing.standing(workers, companies)
    times = standing.times(today, companies)
    return {
        "received": Number(sum(row.documents for row in of_today), links.documents(**received)),
        "outcomes": _outcomes(of_today, received),
        "reasons": _reasons(of_today, received),
        "queue": now,
        "waiting": Number(now.waiting, links.documents(state__in="queued,waiting")),
        "reading": Number(now.reading, links.documents(state__exact="processing")),
        "oldest_wait": span(now.oldest_wait),
        "to_review": Number(
            now.to_review, links.documents(needs_review__exact=1, reviewed_at__isnull=True)
        ),
        "times": times and (times.documents, seconds(times.median), seconds(times.slow)),
        "times_address": links.documents(**received, state__exact=State.SUCCEEDED),
        "charts": [charts.documents_by_day(counts, today)],
    }


def seconds(length: Any) -> str:
    """Return a short time with a tenth of a second, a long one in words."""
    total = length.total_seconds()
    return f"{grouped(total, 1)} s" if total < 60 else span(length)


def _outcomes(of_today: Iterable[Counted], received: dict[str, str]) -> list[Named]:
    """How many of today's are in which state, and to review."""
    states: Counter[str] = Counter()
    reviews = 0
    for row in of_today:
        states[row.state] += row.documents
        reviews += row.to_review
    found = [
        Named(
            str(state.label),
            Number(states[state], links.documents(**received, state__exact=state.value)),
            state.value,
        )
        for state in State
        if states[state]
    ]
    filters = {**received, "needs_review__exact": 1, "reviewed_at__isnull": True}
    if reviews:
        found.append(
            Named(_("To review"), Number(reviews, links.documents(**filters)), "to_review")
        )
    return found


def _reasons(of_today: Iterable[Counted], received: dict[str, str]) -> list[Named]:
    """Why documents of today failed, the most frequent reasons first."""
    codes: Counter[str] = Counter()
    for row in of_today:
        if row.state == State.FAILED:
            codes[row.error_code] += row.documents
    failed = {**received, "state__exact": State.FAILED.value}
    return [
        Named(
            name_of(code) or _("Not known"),
            Number(count, links.documents(**failed, error_code__exact=code)),
        )
        for code, count in codes.most_common(REASONS)
    ]


def _usage(today: date, figures: UsageFigures) -> list[tuple[str, Number, Number, str]]:
    """Requests, LLM tokens and costs of today and of this month."""
    month = today.replace(day=1)
    return [
        _spent(_("Today"), figures.today, links.usage(today, today)),
        _spent(_("This month"), figures.month, links.usage(month, today)),
    ]


def _spent(label: str, spent: Spent, address: str) -> tuple[str, Number, Number, str]:
    return (
        label,
        Number(spent.requests, address),
        Number(spent.tokens, address),
        links.words(charts.costs(spent), address),
    )


def _keys(today: date, figures: UsageFigures, companies: Sequence[str] | None) -> dict[str, Any]:
    found = use.attention(today, figures.by_key, companies)
    now = clock.now()
    budgets = [
        (each, share(each.share, _full(each)), _page_of(each.quota))
        for each in use.budgets(companies)
    ]
    return {
        "budgets": budgets,
        "near_budgets": [
            (each, bar, address, each.used_up_at(now))
            for each, bar, address in budgets
            if each.is_near
        ],
        "attention": [(each, share(each.share, _full(each))) for each in found[: use.SHOWN]],
        "more_keys": links.listed("tokens_tokenmaster") if len(found) > use.SHOWN else "",
    }


def _page_of(quota: Quota) -> str:
    """Return the address of the key, or of the company, whose quota it is; "" for none."""
    if quota.token_id is not None:
        return reverse("admin:tokens_tokenmaster_change", args=[quota.token_id])
    if admin.site.is_registered(Company):
        return reverse("admin:tokens_company_change", args=[quota.company_id])
    return ""


def _full(each: Attention | Budget) -> str:
    return "share-bad" if each.share >= 95 else "share-warn" if each.share >= use.NEAR else ""


def _alerts(companies: Sequence[str] | None, may: dict[str, bool]) -> list[tuple[str, str, Any]]:
    """What the open alerts are about, the pages that tell more, and when they were raised."""
    found = use.open_alerts(
        companies,
        of_keys=may["key_alerts"],
        of_ledger=may["ledger_alerts"],
        of_site=may["site_alerts"],
    )
    words = {"thresholdalert": _("A key's quota runs out"), "ledgeralert": _("The ledger is wrong")}
    return [
        (
            alert.text or words[alert.kind],
            reverse(f"admin:tokens_{alert.kind}_change", args=[alert.pk]),
            alert.raised_at,
        )
        for alert in found[: use.SHOWN]
    ]


def _machine() -> dict[str, Any]:
    """Room on the disk, and log records that wait on it."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    return {
        "disk_free": f"{grouped(free / GIB, 1)} GiB",
        "disk_is_full": free < LITTLE_SPACE,
        "log_files": errors.backlog(),
    }
