"""The admin in its reader's language: nothing that it shows stays English, all it stores does."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import override
from pytest_django import DjangoDbBlocker

from extraction.models import ExportProfile, FailedAttempts, Worker
from logs.models import AuditEntry, ErrorDigest, ErrorGroup, Kept, LoggerLevel, RetentionRun
from ocrsite.lib import audit
from ocrsite.lib.model_names import NAMES
from tests.kept_rows import kept_rows
from tests.ocrsite.admin_rows import make_rows
from tokens import quota_changes
from tokens.models import AlertRecipient, LedgerAlert, Quota, QuotaChange, TokenMaster
from tokens.periods import Period

pytestmark = pytest.mark.django_db

GERMAN = {"Accept-Language": "de"}
OURS = {"logs", "tokens", "extraction"}
REGISTERED = list(admin.site._registry.values())
OF_MODELS = [pytest.param(each, id=each.model._meta.label) for each in REGISTERED]
MODELS = {
    model
    for each in REGISTERED
    for model in (each.model, *(inline.model for inline in each.inlines))
    if model._meta.app_label in OURS
}


def names(model: type[Model]) -> Iterator[Any]:
    """What a model and its fields are called."""
    yield model._meta.verbose_name
    yield model._meta.verbose_name_plural
    for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
        yield field.verbose_name


def unmarked(texts: Iterable[Any]) -> list[Any]:
    """Those with words that are the same in every language."""
    return [
        text
        for text in texts
        if text and not isinstance(text, Promise) and re.search(r"[a-z]{2}", str(text))
    ]


@pytest.mark.parametrize("model", sorted(MODELS, key=str), ids=lambda model: model._meta.label)
def test_texts_of_models_are_marked(model: type[Model]) -> None:
    fields = model._meta.local_fields
    labels = [
        label
        for field in fields
        for value, label in field.choices or ()
        # Formats of files are called so everywhere.
        if value not in ("csv", "xlsx")
    ]

    assert unmarked([*names(model), *(field.help_text for field in fields), *labels]) == []


def test_names_that_django_makes_are_listed_once() -> None:
    with override("de"):
        german = {str(name) for model in MODELS for name in names(model)}
    with override(None):
        english = {str(name) for model in MODELS for name in names(model)}
    assert set(NAMES) <= english
    assert sorted(NAMES) == sorted(set(NAMES))
    # "Client" and the like are the same in both.
    assert len(english - german) > 200


@pytest.mark.parametrize("model_admin", OF_MODELS)
def test_texts_of_admins_are_marked(model_admin: Any) -> None:
    shown = (*model_admin.list_display, *model_admin.readonly_fields)
    own = set(dir(model_admin)) - {field.name for field in model_admin.opts.fields} - {"__str__"}
    columns = [getattr(model_admin, name) for name in shown if name in own]
    filters = [each for each in model_admin.list_filter if hasattr(each, "parameter_name")]
    actions = [getattr(model_admin, name) for name in model_admin.actions or ()]
    texts = [
        *(getattr(column, "short_description", "unnamed") for column in columns),
        *(getattr(each, "title", None) for each in filters),
        *(each.short_description for each in actions),
        *(title for title, _ in model_admin.fieldsets or ()),
        *(options.get("description") for _, options in model_admin.fieldsets or ()),
        model_admin.search_help_text,
        *(inline.verbose_name_plural for inline in model_admin.inlines),
    ]

    assert unmarked(texts) == []


@pytest.fixture(scope="module")
def _rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    now = timezone.now()
    with kept_rows(django_db_blocker):
        make_rows("NT047")
        User.objects.create_superuser("root", email="root@example.com")
        ErrorDigest.objects.create()
        ExportProfile.objects.create(name="NT047")  # those that come along may have been flushed
        ErrorGroup.objects.create(
            **{"fingerprint": "0" * 64, "logger": "made.up", "message": "NT047", "count": 1},
            first_seen=now,
            last_seen=now,
        )
        RetentionRun.objects.create(what=Kept.LOGS, cutoff=now)
        LoggerLevel.objects.create(logger="made.up", level="ERROR")
        AlertRecipient.objects.create(address="nt047@example.com")
        LedgerAlert.objects.raise_once(["NT047"], "NT047")
        Worker.objects.create(
            **{"name": "NT047", "host": "nt047", "process_id": 1, "processes": 1},
            since=now,
            last_sign=now,
        )
        FailedAttempts.objects.create(subject="NT047", failures=1, last_at=now, locked_until=now)
        yield


@pytest.fixture
def root(_rows: None, client: Client) -> Client:
    client.force_login(User.objects.get(username="root"))
    return client


TAG = re.compile(r"<[^>]*>", re.DOTALL)
ATTRIBUTE = re.compile(
    r'\b(?:aria-label|title|alt|placeholder|data-filter-title)="([^"]*)"'
    r'|<input type="submit"[^>]*\bvalue="([^"]*)"'
)
# Without words, or with what rows hold, what programs read, and what is called so everywhere.
NO_TEXT = re.compile(
    r"[^A-Za-z]*|.*(?:NT047|nt047|made\.up|gemini-|generativelanguage|root\b|@|://).*"
    r"|extraction\.succeeded .*|[\w-]+/[\w/+-]+|[\w.:/-]*[\d_][\w.:/-]*|[a-z]+(?:\.[a-z_]+)+"
    r"|[\d.]+ USD|[a-z]+"
)


def texts(page: str) -> set[str]:
    """What a page shows, each part by itself."""
    page = re.sub(r"<(script|style|option|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    attributes = ["".join(found) for found in ATTRIBUTE.findall(page)]
    parts = [*attributes, *TAG.sub("\n", page).splitlines()]
    shown = {part.replace("&rsaquo;", "").strip(" :()\t") for part in parts}
    return {text for text in shown if not NO_TEXT.fullmatch(text)}


def same_in_german(client: Client, page: str) -> set[str]:
    """What a page shows in German as in English, but for what is called so in both."""
    english, german = client.get(page), client.get(page, headers=GERMAN)
    assert english.status_code == german.status_code == 200
    assert german["Content-Language"] == "de"
    return (texts(english.content.decode()) & texts(german.content.decode())) - SAME


# Words that are German, too, names of formats and of what comes along, and what is stored.
SAME = {
    *("Bytes.", "Client", "Clients", "Code", "Format", "Host", "ID", "ISO 4217.", "Logger", "Logs"),
    *("Name", "Offline", "Original", "Position", "Status", "Superuser", "System", "Test", "Text"),
    *("Version", "Webhooks", "Webhooks | ocrsite", "CSV", "CSV | ocrsite", "Excel", "ERROR", "USD"),
    *("Auditor", "Data protection", "Lead", "Operator", "Support", "Token manager"),
    *("DATEV-like", "Plain", "New contract.", "Overloaded", "True", "False"),
    *("daily, LLM tokens", "monthly, LLM tokens", "monthly, USD", "0 s", "Gemini"),
}
OF_DATEV = {
    *("BU-Schlüssel", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Buchungstext", "Konto"),
    *("Gegenkonto (ohne BU-Schlüssel", "Umsatz (ohne Soll/Haben-Kz", "WKZ Umsatz"),
}


@pytest.mark.no_cover  # pages that other tests open
@pytest.mark.parametrize("model_admin", OF_MODELS)
def test_list_and_row_are_german_throughout(model_admin: Any, root: Client) -> None:
    base = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    row = model_admin.model._default_manager.first()
    assert row is not None
    of_row = {*OF_DATEV, getattr(row, "prefix", "")}

    assert same_in_german(root, reverse(f"{base}_changelist")) - of_row == set()
    assert same_in_german(root, reverse(f"{base}_change", args=[row.pk])) - of_row == set()


@pytest.mark.no_cover  # pages that other tests open
@pytest.mark.parametrize(
    "page",
    [
        *("admin:index", "usage-report", "admin:auth_user_add", "admin:tokens_company_add"),
        *("admin:tokens_tokenmaster_add", "admin:tokens_tokenmaster_find"),
        *("admin:tokens_company_csv", "admin:tokens_modelprice_late"),
        *("admin:logs_retryattempt_summary", "admin:extraction_erasure_add"),
        *("admin:extraction_apiclient_add", "admin:extraction_webhookendpoint_add"),
    ],
)
def test_page_of_ours_is_german_throughout(page: str, root: Client) -> None:
    assert same_in_german(root, reverse(page)) == set()


def test_numbers_are_written_as_in_german(root: Client) -> None:
    TokenMaster.objects.update(total_token_limit=1_234_567)

    page = root.get("/admin/tokens/tokenmaster/", headers=GERMAN).content.decode()

    assert "1.234.567 von 1.234.567" in page
    assert "1,234" not in page


def test_what_is_stored_is_english(root: Client) -> None:
    close = reverse("admin:tokens_company_close", args=["NT047"])
    page = root.post(close, {"why": "Moved."}, headers=GERMAN, follow=True).content.decode()

    assert "Geschlossen: Moved." in page
    assert LogEntry.objects.latest("pk").change_message == "Closed: Moved."
    assert AuditEntry.objects.latest("pk").object_type == "company"


def test_changes_of_quotas_are_recorded_in_english(root: Client) -> None:
    with override("de"):
        quota = Quota(company_id="NT047", period=Period.WEEKLY, limit=700)
        assert str(quota) == "wöchentlich, LLM-Tokens"
        quota_changes.save_quota(quota=quota)

        assert audit.row(quota).name == "weekly, LLM tokens"
    assert QuotaChange.objects.latest("pk").quota == "weekly, LLM tokens"


def test_forms_are_recorded_in_english(root: Client) -> None:
    sent = {"logger": "made.up", "level": "WARNING"}
    row = LoggerLevel.objects.get()

    root.post(reverse("admin:logs_loggerlevel_change", args=[row.pk]), sent, headers=GERMAN)

    entry = AuditEntry.objects.latest("pk")
    assert (entry.object_type, entry.object_name) == ("logger level", "made.up: WARNING")
    assert (entry.before, entry.after) == ("level: ERROR", "level: WARNING")
    logged = LogEntry.objects.latest("pk")
    assert json.loads(logged.change_message) == [{"changed": {"fields": ["Level"]}}]


@pytest.mark.parametrize(
    "file",
    [
        "/admin/usage-report/csv/",
        "/admin/logs/applicationlog/export/",
        "/admin/tokens/company/csv/export/",
    ],
)
def test_files_are_the_same_in_every_language(file: str, root: Client) -> None:
    def body(headers: dict[str, str]) -> bytes:
        answer = root.get(file, headers=headers)
        assert answer.status_code == 200
        return b"".join(answer.streaming_content)  # type: ignore[attr-defined]

    assert body(GERMAN) == body({})
