import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from logs.admin import pagination
from logs.admin.log_records import ApplicationLogAdmin
from logs.models import ApplicationLog, ErrorGroup, RecentError, RetentionRun, RetryAttempt
from ocrsite.lib.moments import moment

EXTRACTION = uuid.UUID("0b0e7a2e-6f0c-4a4b-9d0e-6a1f6f9f6a11")
MODELS = ["applicationlog", "retryattempt"]
LOGS = "/admin/logs/applicationlog/"
EXPORT = f"{LOGS}export/"

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.vendor]


@pytest.fixture
def error_log(db: None) -> ApplicationLog:
    return ApplicationLog.objects.create(
        level="ERROR",
        logger="extraction.pipeline",
        message=f"{'m' * 200}\nsecond line",
        exception="Traceback <b>",
        extraction_id=EXTRACTION,
    )


@pytest.fixture
def failed_attempt(db: None) -> RetryAttempt:
    return RetryAttempt.objects.create(
        company_id="NT047",
        attempt=4,
        attempts_allowed=4,
        error_message="the model is overloaded",
        is_retryable=True,
        extraction_id=EXTRACTION,
    )


@pytest.mark.usefixtures("error_log", "failed_attempt")
@pytest.mark.parametrize("model", MODELS)
def test_list_shows_its_row_and_offers_no_change(admin_client: Client, model: str) -> None:
    response = admin_client.get(reverse(f"admin:logs_{model}_changelist"))

    assert response.status_code == 200
    content = response.content.decode()
    assert ("mmm" in content) == (model in {"applicationlog"})
    assert ("NT047" in content) == (model in {"retryattempt"})
    assert f"/logs/{model}/add/" not in content
    assert "delete_selected" not in content


def test_record_shows_its_whole_message_and_a_folded_traceback(
    admin_client: Client, error_log: ApplicationLog
) -> None:
    url = reverse("admin:logs_applicationlog_change", args=[error_log.pk])

    content = admin_client.get(url).content.decode()

    assert "second line" in content
    assert (
        "<details><summary>Traceback</summary><pre>Traceback &lt;b&gt;</pre></details>" in content
    )
    assert "_save" not in content
    assert admin_client.post(url, {"level": "INFO"}).status_code == 403


def test_failed_calls_can_be_opened(admin_client: Client, failed_attempt: RetryAttempt) -> None:
    url = reverse("admin:logs_retryattempt_change", args=[failed_attempt.pk])

    title = "attempt 4 for NT047: the model is overloaded"
    assert title in admin_client.get(url).content.decode()


def test_record_without_an_exception_shows_a_dash(admin_client: Client) -> None:
    log = ApplicationLog.objects.create(level="INFO", logger="test", message="short")

    page = admin_client.get(reverse("admin:logs_applicationlog_change", args=[log.pk]))
    listing = admin_client.get(reverse("admin:logs_applicationlog_changelist"))

    assert "<details>" not in page.content.decode()
    assert '<td class="field-of_extraction">-</td>' in listing.content.decode()


def test_extraction_links_to_everything_logged_about_it(
    admin_client: Client, error_log: ApplicationLog
) -> None:
    ApplicationLog.objects.create(level="INFO", logger="test", message="about something else")
    url = reverse("admin:logs_applicationlog_changelist")
    link = f"{url}?extraction_id={EXTRACTION}"

    assert f'<a href="{link}">{str(EXTRACTION)[:8]}</a>' in admin_client.get(url).content.decode()
    content = admin_client.get(link).content.decode()
    assert "mmm" in content
    assert "about something else" not in content


def test_list_needs_few_queries_whatever_its_length(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        ApplicationLog.objects.create(level="INFO", logger="test", message=str(number))

    with django_assert_max_num_queries(8):
        admin_client.get(reverse("admin:logs_applicationlog_changelist"))


def make_log(message: str, *, minutes_old: float = 0, **fields: Any) -> ApplicationLog:
    moment = timezone.now() - timedelta(minutes=minutes_old)
    row = {"level": "INFO", "logger": "extraction.documents.rendering", **fields}
    return ApplicationLog.objects.create(timestamp=moment, message=message, **row)


def shown(client: Client, **filters: str) -> list[str]:
    """The messages of the first page, as they stand in it."""
    logs = client.get(LOGS, filters).context["cl"].result_list
    return [log.message for log in logs]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["new", "hour", "day", "week"]),
        ({"level": "ERROR"}, ["hour"]),
        ({"logger": "tokens.ledger_audit"}, ["day"]),
        ({"logger": "tokens"}, []),
        ({"logger": "extraction.*"}, ["new", "hour"]),
        ({"logger": "extraction.*", "range": "7d"}, ["new", "hour"]),
        ({"company_id": "NT047"}, ["new", "week"]),
        ({"company_id": "NT047", "range": "1d"}, ["new"]),
        ({"company_id": "NT047", "level": "INFO", "logger": "logs"}, ["week"]),
        ({"extraction_id": str(EXTRACTION), "level": "ERROR"}, ["hour"]),
        ({"company_id": "NT047", "level": "ERROR"}, []),
        ({"user": "asha", "since": "2000-01-01T00:00"}, ["week"]),
        ({"extraction_id": str(EXTRACTION)}, ["hour"]),
        ({"request_id": "request-1"}, ["day"]),
        ({"fingerprint": "f" * 64}, ["hour"]),
        ({"range": "15m"}, ["new"]),
        ({"range": "1h"}, ["new", "hour"]),
        ({"range": "7d"}, ["new", "hour", "day"]),
        ({"until": "2000-01-01T00:00"}, []),
        ({"text": "HOUR"}, ["hour"]),
        ({"text": "in the traceback"}, ["hour"]),
        ({"text": "e", "range": "7d", "level": "INFO"}, ["new"]),
        ({"level": "LOUD"}, []),
        ({"extraction_id": "x"}, []),
    ],
)
def test_list_is_narrowed_by_its_filters(
    admin_client: Client, filters: dict[str, str], expected: list[str]
) -> None:
    make_log("new", minutes_old=1, company_id="NT047")
    make_log(
        "hour",
        minutes_old=59,
        level="ERROR",
        extraction_id=EXTRACTION,
        fingerprint="f" * 64,
        exception="Traceback: in the traceback",
    )
    make_log("day", minutes_old=24 * 60 + 1, logger="tokens.ledger_audit", request_id="request-1")
    make_log("week", minutes_old=8 * 24 * 60, company_id="NT047", user="asha", logger="logs")

    assert shown(admin_client, **filters) == expected


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"text": "x"}, True),
        ({"user": "x"}, True),
        ({"logger": "extraction.*"}, True),
        ({"text": "x", "range": "1h"}, False),
        ({"text": "x", "until": "2026-01-01T00:00"}, False),
        ({"level": "ERROR"}, False),
    ],
)
def test_page_says_when_it_looks_at_the_last_day_only(
    admin_client: Client, filters: dict[str, str], said: bool
) -> None:
    page = admin_client.get(LOGS, filters).content.decode()

    assert ("Only the last day is looked at." in page) is said


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ({"range": "1h", "since": "2026-01-01T00:00"}, "Choose either a time or from – to."),
        (
            {"since": "2026-01-02T00:00", "until": "2026-01-01T00:00"},
            "The end is before the beginning.",
        ),
        ({"since": "yesterday"}, "Enter a valid date/time."),
    ],
)
def test_invalid_filters_are_explained_and_select_nothing(
    admin_client: Client, filters: dict[str, str], problem: str
) -> None:
    make_log("new")

    response = admin_client.get(LOGS, filters)

    assert problem in response.content.decode()
    assert list(response.context["cl"].result_list) == []
    exported = admin_client.get(EXPORT, filters)
    assert exported.status_code == 302
    assert exported["Location"].startswith(f"{LOGS}?")


def test_list_pages_by_links_that_keep_the_filters(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ApplicationLogAdmin, "list_per_page", 2)
    for number in range(5):
        make_log(str(number), minutes_old=number)
    make_log("other", level="ERROR")

    first = admin_client.get(LOGS, {"level": "INFO"})
    assert [log.message for log in first.context["cl"].result_list] == ["0", "1"]
    assert "Newest" not in first.content.decode()
    assert "Newer" not in first.content.decode()
    older = first.context["cl"].older_link
    assert f'<a rel="next" href="{escape(older)}">Older</a>' in first.content.decode()

    second = admin_client.get(f"{LOGS}{older}")
    assert [log.message for log in second.context["cl"].result_list] == ["2", "3"]
    assert '<a href="?level=INFO">Newest</a>' in second.content.decode()
    last = admin_client.get(f"{LOGS}{second.context['cl'].older_link}")
    assert [log.message for log in last.context["cl"].result_list] == ["4"]
    assert "Older" not in last.content.decode()
    back = admin_client.get(f"{LOGS}{last.context['cl'].newer_link}")
    assert [log.message for log in back.context["cl"].result_list] == ["2", "3"]


def test_page_says_how_many_records_it_examined(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "EXAMINED", 2)
    logs = [make_log(str(number), minutes_old=number) for number in range(4)]

    page = admin_client.get(LOGS, {"text": "3"}).content.decode()

    examined_to = moment(logs[1].timestamp, precise=True)
    assert f"2 records were looked at, as far as {examined_to}. Older goes on from there." in page


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"level": "ERROR"},
        {"logger": "extraction.documents.rendering"},
        {"company_id": "NT047", "range": "1d"},
        {"company_id": "NT047", "level": "INFO"},
        {"level": "ERROR", "company_id": "NT047", "logger": "extraction.documents.rendering"},
        {"fingerprint": "f" * 64},
        {"text": "x", "range": "1h"},
        {"older": "2026-11-24T12:00:00+00:00~7"},
    ],
)
def test_list_neither_counts_nor_sorts_the_table(
    admin_client: Client, filters: dict[str, str]
) -> None:
    """Each page is read along an index; only records of the same time are sorted."""
    with CaptureQueriesContext(connection) as captured:
        admin_client.get(LOGS, filters)

    queries = [query["sql"] for query in captured if '"ApplicationLogs"' in query["sql"]]
    # The first finds out where to stop where a condition has no index, or not the one used.
    needs_two = "text" in filters or len({"company_id", "level"} & filters.keys()) == 2
    assert len(queries) == (2 if needs_two else 1)
    for query in queries:
        assert "COUNT(" not in query
        assert "DISTINCT" not in query
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {query.replace('%', '%%')}")
                plan = [row[3] for row in cursor.fetchall()]
            assert [step for step in plan if "USING" in step and "IX_Logs_" in step] == plan


def test_error_group_links_to_its_records(admin_client: Client) -> None:
    make_log("first", level="ERROR", fingerprint="f" * 64)
    make_log("other", level="ERROR", fingerprint="0" * 64)
    group = ErrorGroup.objects.create(
        fingerprint="f" * 64,
        exception_type="LookupError",
        place="extraction.documents.rendering:render:12",
        logger="extraction.documents.rendering",
        message="first",
        count=7,
        first_seen=timezone.now(),
        last_seen=timezone.now(),
    )
    address = "/admin/logs/errorgroup/"
    link = f'<a href="{LOGS}?fingerprint={group.fingerprint}">7</a>'

    listing = admin_client.get(address).content.decode()
    page = admin_client.get(f"{address}{group.pk}/change/").content.decode()

    seen = moment(group.first_seen, zone=True)
    for text in ("LookupError", "extraction.documents.rendering:render:12", link, seen):
        assert text in listing
    assert link in page
    assert shown(admin_client, fingerprint=group.fingerprint) == ["first"]
    assert admin_client.post(f"{address}{group.pk}/change/", {}).status_code == 403


def test_record_links_to_all_records_of_its_extraction_request_and_group(
    admin_client: Client,
) -> None:
    log = make_log("x", extraction_id=EXTRACTION, request_id="request-1", fingerprint="f" * 64)

    page = admin_client.get(f"{LOGS}{log.pk}/change/").content.decode()

    assert (
        f'<a href="{LOGS}?extraction_id={EXTRACTION}">the extraction</a>, '
        f'<a href="{LOGS}?request_id=request-1">the request</a>, '
        f'<a href="{LOGS}?fingerprint={"f" * 64}">the error group</a>'
    ) in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "model"),
    [
        (LOGS, "applicationlog"),
        (EXPORT, "applicationlog"),
        ("/admin/logs/errorgroup/", "errorgroup"),
        ("/admin/logs/errordigest/", "errordigest"),
        ("/admin/logs/retentionrun/", "retentionrun"),
        ("/admin/logs/retryattempt/", "retryattempt"),
    ],
)
def test_every_page_is_for_staff_who_may_view_it(client: Client, address: str, model: str) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(address).status_code == 403

    clerk.user_permissions.add(Permission.objects.get(codename=f"view_{model}"))
    assert client.get(address).status_code == 200
    client.logout()
    assert client.get(address).status_code == 302


@pytest.mark.django_db
def test_both_levels_of_errors_are_found_together_in_the_last_day(admin_client: Client) -> None:
    for level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        make_log(level, level=level)
    make_log("long ago", level="ERROR", minutes_old=2 * 24 * 60)

    assert shown(admin_client, level="ERRORS") == ["CRITICAL", "ERROR"]
    assert shown(admin_client, level="ERRORS", range="7d") == ["CRITICAL", "ERROR", "long ago"]
    newest = RecentError.objects.values_list("message", flat=True)
    assert list(newest) == ["CRITICAL", "ERROR", "long ago"]


@pytest.mark.django_db
def test_a_run_of_retention_tells_how_it_ended(admin_client: Client) -> None:
    now = timezone.now()
    for fields in (
        {"error": "OSError: No space left\nsecond line", "ended_at": now},
        {},
        {"is_complete": True, "ended_at": now},
        {"ended_at": now},
    ):
        RetentionRun.objects.create(what="logs", cutoff=now, **fields)

    page = admin_client.get("/admin/logs/retentionrun/").content.decode()

    for pill in ("Failed", "Running", "Done", "More to do"):
        assert page.count(f">{pill}</span>") == 1
    assert '<span class="second-line">OSError: No space left</span>' in page
    assert "second line" not in page
