"""Translations are whole and compiled, and reach people only: programs are answered in English."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from extraction.models import ApiClient, ApiClientCompany, CompanyGrant, State
from tests.extraction.exports.made_up import make_succeeded
from tests.extraction.factories import make_extraction
from tests.running_site import ROOT

LANGUAGES = ["de", "ne"]
LOCALE = ROOT / "locale"
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[.\d]*[a-z]")
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


def catalog(folder: Path, language: str) -> Catalog:
    with (folder / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def messages(language: str) -> Iterator[Message]:
    return (message for message in catalog(LOCALE, language) if message.id)


def forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    """A text, or its forms for one and for many."""
    return [text] if isinstance(text, str) else list(text or ())


def translated(message: Message) -> bool:
    return all(forms(message.string))


def texts(found: Iterable[Message]) -> dict[tuple[str, ...], list[str]]:
    return {tuple(forms(message.id)): forms(message.string) for message in found}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_pages_is_in_the_catalog(language: str, tmp_path: Path) -> None:
    if shutil.which("xgettext") is None:
        pytest.skip("gettext is not installed; make test says how to get it")
    for folder in ["extraction", "logs", "ocrsite", "tokens", "templates", "locale"]:
        wanted = shutil.ignore_patterns("__pycache__", "static")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=wanted)
    command = (
        "import sys; from django.conf import settings; from django.core.management import *; "
        "import django; django.setup(); settings.LOCALE_PATHS = [sys.argv[1] + '/locale']; "
        "import os; os.chdir(sys.argv[1]); "
        "call_command('makemessages', locale=[sys.argv[2]], no_location=True, no_obsolete=True)"
    )
    subprocess.run([sys.executable, "-c", command, str(tmp_path), language], cwd=ROOT, check=True)

    found = {str(message.id) for message in catalog(tmp_path / "locale", language)}

    assert len(found) > 150
    assert found == {str(message.id) for message in catalog(LOCALE, language)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalog_is_that_of_the_texts(language: str) -> None:
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        compiled = [message for message in read_mo(file) if message.id]

    assert texts(compiled) == texts(filter(translated, messages(language)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_are_sure_and_keep_what_is_filled_in(language: str) -> None:
    for message in filter(translated, messages(language)):
        assert not message.fuzzy
        for text, original in zip(forms(message.string), forms(message.id), strict=True):
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(original))


def test_german_is_complete() -> None:
    assert [message.id for message in messages("de") if not translated(message)] == []


@pytest.mark.parametrize(
    ("accepted", "language", "heading"),
    [
        ("de", "de", "Anmelden"),
        ("de-CH,fr;q=0.5", "de", "Anmelden"),
        ("ne-NP,en;q=0.8", "ne", "लग इन"),
        ("fr", "en", "Log in"),
        ("", "en", "Log in"),
        ("*;q=x", "en", "Log in"),
    ],
)
@pytest.mark.django_db
def test_page_is_in_the_readers_language(
    client: Client, accepted: str, language: str, heading: str
) -> None:
    answer = client.get("/login/", headers={"Accept-Language": accepted})
    page = answer.content.decode()

    assert f'<html lang="{language}">' in page
    assert f"<h1>{heading}</h1>" in page
    assert answer["Content-Language"] == language


@pytest.mark.django_db
def test_chosen_language_wins_over_the_browsers(admin_client: Client) -> None:
    page = admin_client.get("/account/", headers=GERMAN).content.decode()
    assert '<option value="de" lang="de" selected>Deutsch</option>' in page

    chosen = admin_client.post("/account/language/", {"language": "ne", "next": "/account/"})

    assert chosen["Location"] == "/account/"
    assert '<html lang="ne">' in admin_client.get("/account/", headers=GERMAN).content.decode()


@pytest.mark.django_db
def test_numbers_and_days_follow_the_language(admin_client: Client) -> None:
    make_extraction(state=State.SUCCEEDED, total_amount="1234567.8", invoice_date="2026-03-01")

    page = admin_client.get("/extractions/", headers=GERMAN).content.decode()

    assert "1.234.567,80" in page
    assert '<time datetime="2026-03-01">1. März 2026</time>' in page
    assert "1 Dokument" in page


@pytest.mark.django_db
def test_admin_is_english_throughout(admin_client: Client) -> None:
    for path in ["/admin/", "/admin/auth/user/", "/admin/logs/applicationlog/"]:
        answer = admin_client.get(path, headers=GERMAN)

        assert answer["Content-Language"] == "en"
        assert "Log out" in answer.content.decode()


@pytest.fixture
def programs(db: None) -> dict[str, APIClient]:
    """An API client with a key, one without, one with a wrong key, and a person's session."""
    record, key = ApiClient.objects.create_key(name="ERP")
    assert isinstance(record, ApiClient)
    ApiClientCompany.objects.create(client=record, company_id="NT047")
    user = User.objects.create_user("asha")
    CompanyGrant.objects.create(user=user, company_id="NT047")
    found = {name: APIClient() for name in ("key", "none", "wrong", "session")}
    found["key"].credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
    found["wrong"].credentials(HTTP_AUTHORIZATION="Api-Key no.such-key")
    found["session"].force_login(user)
    return found


@pytest.mark.parametrize("who", ["key", "none", "wrong", "session"])
@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("get", "/extract", {}),
        ("delete", "/extract", {}),
        ("post", "/extract", {}),
        ("post", "/extract", {"company_id": "NT048", "branch": "x" * 99}),
        ("post", "/extract", {"company_id": "NT047", "branch": "Main", "file": b"no invoice"}),
        ("post", "/extract", {"company_id": "NT047", "branch": "Main", "file": b""}),
        ("get", "/api/v1/extractions/00000000-0000-0000-0000-000000000000/", {}),
        ("put", "/api/v1/extractions/00000000-0000-0000-0000-000000000000/", {}),
        ("get", "/api/v1/extractions/", {}),
    ],
)
def test_programs_are_answered_in_english_whatever_they_accept(
    programs: dict[str, APIClient], who: str, method: str, path: str, form: dict[str, object]
) -> None:
    def ask(headers: dict[str, str]) -> tuple[int, str]:
        sent = {
            name: SimpleUploadedFile("a.pdf", value) if isinstance(value, bytes) else value
            for name, value in form.items()
        }
        answer = getattr(programs[who], method)(path, sent, headers=headers)
        body = re.sub(r'"request_id":\s*"[^"]*"', "", answer.content.decode())
        return answer.status_code, body

    english = ask({})
    programs[who].cookies["django_language"] = "de"

    assert ask(GERMAN) == english


@pytest.mark.django_db
def test_exports_are_the_same_in_every_language(admin_client: Client) -> None:
    make_succeeded()
    address = "/exports/?export_as=csv"

    def body(headers: dict[str, str]) -> bytes:
        answer = admin_client.get(address, headers=headers)
        assert answer.status_code == 200
        return b"".join(answer.streaming_content)  # type: ignore[attr-defined]

    assert body(GERMAN) == body({})
