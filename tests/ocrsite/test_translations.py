"""Translations are whole and compiled, and reach people only: programs are answered in English."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from extraction.exports.formats import WRITERS
from extraction.invoices.messages import INSTALL_OCR
from extraction.invoices.schema import Check, Party, Reason
from extraction.models import ApiClient, ApiClientCompany, Extraction, State
from extraction.roles import OPERATOR
from ocrsite.lib.errors import StorageUnavailable
from tests.extraction.exports.made_up import make_succeeded
from tests.extraction.factories import make_extraction, make_user
from tests.running_site import ROOT
from tests.tokens.rows import make_token
from tokens.models import Provider

LANGUAGES = ["de", "ne"]
LOCALE = ROOT / "locale"
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[.\d]*[a-z]|\{\w+\}")
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
    return {(context(message), *forms(message.id)): forms(message.string) for message in found}


def context(message: Message) -> str:
    """What tells texts apart that are the same in English; read_mo leaves it as bytes."""
    found: Any = message.context or ""
    return found.decode() if isinstance(found, bytes) else str(found)


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


PAGES = ["account", "admin", "extraction", "registration", "base.html", "error.html", "_field.html"]
# Parts that hold no text of ours: the documentation of the API, which speaks English, and a
# template of attributes.
NOT_PAGES = {"api_docs.html", "_api_type.html", "_input_place.html"}
NOT_SHOWN = re.compile(
    r"{% comment %}.*?{% endcomment %}|{#.*?#}|{% blocktranslate.*?{% endblocktranslate %}"
    r"|{%.*?%}|{{.*?}}",
    re.DOTALL,
)
TOLD_BY_ATTRIBUTE = re.compile(r'\b(?:aria-label|title|alt|placeholder)="([^"]*)"')
TAG_OR_ENTITY = re.compile(r"<[^>]*>|&#?\w+;", re.DOTALL)
# Names, and classes that blocks of the admin hold.
NO_WORDS = re.compile(r"ocrsite|CSV|colM|change-form")


def unmarked(template: str) -> list[str]:
    """Words that a template shows in every language."""
    shown = NOT_SHOWN.sub("", template)
    texts = [*TOLD_BY_ATTRIBUTE.findall(shown), *TAG_OR_ENTITY.sub("\n", shown).splitlines()]
    return [text for text in texts if re.search(r"[A-Za-z]", NO_WORDS.sub("", text))]


@pytest.mark.parametrize(
    "template",
    [
        path
        for part in PAGES
        for path in sorted((ROOT / "templates").glob(part if "." in part else f"{part}/**/*.*"))
        if path.name not in NOT_PAGES
    ],
    ids=lambda path: str(path.name),
)
def test_templates_have_no_text_that_is_not_marked(template: Path) -> None:
    assert unmarked(template.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "template",
    ["<p>Save</p>", '<img alt="Page {{ number }}">', "{% if a %}On{% endif %}"],
)
def test_unmarked_text_is_found(template: str) -> None:
    assert unmarked(template) != []


ENGLISH = re.compile(
    r"\b(?:the|of|is|are|this|upload|files|save|approve|reject|review|row|read|again|back|invoice"
    r"|supplier|customer|totals|amount|number|date|page|pages|deleted|undo|checks|source|nothing|adds?|matches)\b",
    re.IGNORECASE,
)
# The name of a file, and the names of what a script fills in.
NOT_OURS = re.compile(r"invoice\.pdf|\{\w+\}")


TOLD_TO_SCRIPTS = r'\bdata-[\w-]+="([^"<>/]* [^"]*)"'


def english(page: str) -> list[str]:
    """Common English words in what a page shows."""
    page = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    shown = [
        *TOLD_BY_ATTRIBUTE.findall(page),
        *re.findall(TOLD_TO_SCRIPTS, page),
    ]
    text = "\n".join([*shown, TAG_OR_ENTITY.sub("\n", NOT_OURS.sub("", page))])
    return ENGLISH.findall(NOT_OURS.sub("", text))


SUPPLIER = Party(name="ACME GmbH")
# A sentence about the whole document, about one value, of a check, and one that is no reason.
DOUBTFUL: dict[str, Any] = {
    "needs_review": True,
    "total_amount": "29789.07",
    "reasons": [
        Reason(path="", code="unproven", text=INSTALL_OCR),
        Reason(
            path="total_amount",
            code="not_printed",
            text="The total 29789.07 is not printed on the document; 29789.70 is.",
        ),
        Reason(
            path="supplier.name",
            code="contradicts_label",
            text="The supplier was read as <b>X</b>, but the document prints Y for it.",
        ),
    ],
    "warnings": ["The document is blank."],
    "checks": [
        Check(
            code="due_date_plausible", passed=False, expected="2027-01-01 or earlier", actual="x"
        ),
    ],
}


@pytest.fixture
def documents(admin_client: Client) -> dict[str, str]:
    """Addresses of pages of documents in every state that has a page of its own."""
    make_token("none", provider=Provider.OFFLINE)
    read, deleted = make_succeeded(supplier=SUPPLIER), make_succeeded()
    queued = make_extraction()
    doubtful = make_succeeded(supplier=SUPPLIER, **DOUBTFUL)
    admin_client.post(f"/extractions/{deleted.pk}/delete/")
    return {
        "upload": "/",
        "result": f"/extractions/{read.pk}/",
        "review": f"/extractions/{read.pk}/review/",
        "doubtful result": f"/extractions/{doubtful.pk}/",
        "doubtful review": f"/extractions/{doubtful.pk}/review/",
        "read again": f"/extractions/{read.pk}/read-again/",
        "deleted": f"/extractions/{deleted.pk}/",
        "all deleted": "/extractions/deleted/",
        "queued": f"/extractions/{queued.pk}/",
        "list": "/extractions/",
    }


def test_german_pages_are_german_throughout(
    admin_client: Client, documents: dict[str, str]
) -> None:
    for name, address in documents.items():
        answer = admin_client.get(address, headers=GERMAN)

        assert answer.status_code == 200, name
        assert english(answer.content.decode()) == [], name


# What has one name in both languages, and what the documents and accounts are called.
SAME = re.compile(
    r"ocrsite|invoice\.pdf( – ocrsite)?|IBAN|Code|Tokens|Name|EUR|ACME GmbH|Soap|Tab|Enter|Alt"
    r"|CSV|Excel|JSON Lines|(Plain|DATEV-like) \(CSV\)|English|Deutsch|admin|admin@example\.com"
    r"|asha|user:1|Default|gemini-[\w.-]+|(NT047|RUBI TRADERS).*|([A-Z2-7]{4} ){7}[A-Z2-7]{4}"
)


def told_by(page: str) -> set[str]:
    """The texts of a page, one for each element and attribute."""
    page = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    told = [
        *TOLD_BY_ATTRIBUTE.findall(page),
        *re.findall(TOLD_TO_SCRIPTS, page),
        *TAG_OR_ENTITY.sub("\n", page).splitlines(),
    ]
    return {text.strip() for text in told if re.search(r"[A-Za-z]{3}", text)}


def asked_in_both(ask: Callable[..., Any]) -> set[str]:
    """Texts that a page has in German as in English, and that are no names."""
    german, english = (told_by(ask(headers=each).content.decode()) for each in (GERMAN, {}))
    assert german
    return {text for text in german & english if not SAME.fullmatch(text)}


@pytest.fixture
def more_pages(documents: dict[str, str], settings: Any) -> dict[str, str]:
    """Addresses of the other pages, and of pages that refuse something."""
    settings.EMAIL_HOST = "mail.example.com"
    failed = make_extraction(
        state=State.FAILED,
        error_code="empty_file",
        error_message="Failed to convert PDF",
        error_detail="The file is empty. Check it and send it again.",
    )
    approved = make_succeeded(**DOUBTFUL)
    Extraction.objects.filter(pk=approved.pk).update(reviewed_at=timezone.now())
    return {
        **documents,
        **{f"{name} trace": f"{documents[name]}trace/" for name in ("result", "queued")},
        "failed": f"/extractions/{failed.pk}/",
        "failed trace": f"/extractions/{failed.pk}/trace/",
        "e-invoice of what is not approved": f"{documents['result']}ubl/",
        "e-invoice of what lacks something": f"/extractions/{approved.pk}/ubl/",
        "wrong filters": "/extractions/?state=none&since=soon&nothing=1",
        "nothing found": "/extractions/?q=nothing+of+the+kind",
        "no such page": "/nowhere/",
        "account": "/account/",
        "password": "/account/password/",
        "second factor": "/account/second-factor/",
        "forgotten password": "/account/reset/",
        "mail is sent": "/account/reset/sent/",
        "link too old": "/account/reset/x/y/",
    }


def test_pages_have_no_text_in_common_with_english(
    admin_client: Client, more_pages: dict[str, str]
) -> None:
    common = {
        name: asked_in_both(partial(admin_client.get, address))
        for name, address in more_pages.items()
    }

    assert {name: texts for name, texts in common.items() if texts} == {}


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("/login/", {"username": "nobody", "password": "wrong"}),
        ("/account/password/", {"old_password": "x", "new_password1": "a", "new_password2": "b"}),
        (
            "/account/password/",
            {"old_password": "password", "new_password1": "abc", "new_password2": "abc"},
        ),
        ("/account/reset/", {"email": "nobody"}),
        ("/account/second-factor/", {"code": "abc", "password": "x"}),
        ("/", {}),
        ("/", {"company_id": "none", "branch": "x" * 300, "reader": "none", "labels": "none"}),
        ("/extractions/act/", {"action": "delete", "scope": "page"}),
        ("/extractions/act/", {"action": "retry", "scope": "all"}),
        ("/extractions/act/", {"action": "none", "scope": "all"}),
    ],
)
def test_what_is_refused_or_asked_once_more_is_told_in_german(
    admin_client: Client, settings: Any, address: str, sent: dict[str, str]
) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    make_extraction(state=State.FAILED, error_code="blank", error_detail="Every page is blank.")
    client = Client() if address in ("/login/", "/account/reset/") else admin_client

    assert asked_in_both(partial(client.post, address, sent, follow=True)) == set()


@pytest.mark.django_db
def test_log_in_that_is_locked_says_so_in_german(client: Client) -> None:
    sent = {"username": "nobody", "password": "wrong"}
    for _ in range(12):
        client.post("/login/", sent)

    answers = [client.post("/login/", sent, headers=each) for each in (GERMAN, {})]

    assert {answer.status_code for answer in answers} == {429}
    assert asked_in_both(partial(client.post, "/login/", sent)) == set()


def test_too_many_for_one_file_is_told_in_german(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers = {each: replace(writer, most=0) for each, writer in WRITERS.items()}
    monkeypatch.setattr("extraction.exports.download.WRITERS", writers)
    make_succeeded()

    page = admin_client.post(
        "/extractions/act/",
        {"action": "export", "export_as": "zip", "scope": "all"},
        headers=GERMAN,
        follow=True,
    ).content.decode()

    assert "Dieser Export fasst höchstens 0 Dokumente." in page


def test_fault_is_told_to_the_script_of_a_page_in_german(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StorageUnavailable

    monkeypatch.setattr("extraction.upload_views.chosen_by_id", fail)
    admin_client.raise_request_exception = False
    pk = make_extraction().pk

    answer = admin_client.get(
        f"/extractions/states/?id={pk}", headers={**GERMAN, "Accept": "application/json"}
    )

    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Der Dienst kann zurzeit keine Dateien speichern.")


def test_doubts_are_told_with_german_numbers_and_as_text(
    admin_client: Client, documents: dict[str, str]
) -> None:
    for name in ("doubtful result", "doubtful review"):
        page = admin_client.get(documents[name], headers=GERMAN).content.decode()

        assert "Gesamtbetrag: 29.789,07 steht nicht auf dem Dokument" in page
        assert "Gelesen wurde &lt;b&gt;X&lt;/b&gt;" in page
        assert "<b>X</b>" not in page
        assert "1. Jan. 2027 oder früher" in page


def test_doubts_are_checked_again_in_german(admin_client: Client) -> None:
    address = f"/extractions/{make_succeeded(**DOUBTFUL).pk}/review/check/"
    sent = {"version": "0", "invoice.invoice_number": "", "invoice.total_amount": "1234567.5"}

    answer = admin_client.post(address, sent, headers=GERMAN).json()

    assert answer["doubts"]["invoice_number"] == "Nicht gelesen: Rechnungsnummer."
    assert "1.234.567,5" in answer["doubts"]["total_amount"]
    assert english(answer["verdict"]) == []


def test_doubts_are_stored_and_answered_in_english(programs: dict[str, APIClient]) -> None:
    address = f"/api/v1/extractions/{make_succeeded(**DOUBTFUL).pk}/"

    answers = [programs["session"].get(address, headers=each).json() for each in ({}, GERMAN)]

    texts = [[each["text"] for each in answer["invoice"]["reasons"]] for answer in answers]
    assert texts == [[reason.text for reason in DOUBTFUL["reasons"]]] * 2


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
def test_admin_is_in_the_readers_language(admin_client: Client) -> None:
    for path in ["/admin/", "/admin/auth/user/", "/admin/logs/applicationlog/"]:
        answers = [admin_client.get(path, headers=headers) for headers in ({}, GERMAN)]

        assert [answer["Content-Language"] for answer in answers] == ["en", "de"]
        assert "Log out" in answers[0].content.decode()
        assert "Abmelden" in answers[1].content.decode()


@pytest.fixture
def programs(db: None) -> dict[str, APIClient]:
    """An API client with a key, one without, one with a wrong key, and a person's session."""
    record, key = ApiClient.objects.create_key(name="ERP")
    assert isinstance(record, ApiClient)
    ApiClientCompany.objects.create(client=record, company_id="NT047")
    user = make_user("asha", OPERATOR, "NT047")
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


@pytest.mark.parametrize(
    "values", [{"total_amount": "abc"}, {"due_date": "soon"}, {"document_type": ""}, {"none": "1"}]
)
def test_corrections_of_programs_are_refused_in_english(
    programs: dict[str, APIClient], values: dict[str, str]
) -> None:
    address = f"/api/v1/extractions/{make_succeeded().pk}/"

    def told(headers: dict[str, str]) -> tuple[int, object]:
        answer = programs["session"].patch(
            address, {"values": values}, "json", headers={"If-Match": '"0-succeeded"', **headers}
        )
        return answer.status_code, {**answer.json(), "request_id": ""}

    assert told(GERMAN) == told({})
    assert told(GERMAN)[0] == 400


@pytest.mark.django_db
def test_wrong_values_are_told_to_people_in_their_language(admin_client: Client) -> None:
    sent = {"version": "0", "invoice.total_amount": "abc", "invoice.document_type": "letter"}

    address = f"/extractions/{make_succeeded().pk}/review/check/"
    errors = admin_client.post(address, sent, headers=GERMAN).json()["errors"]

    assert errors["total_amount"] == "Geben Sie eine Zahl ein, etwa 1234.50."
    assert errors["document_type"] == "Wählen Sie eine der Arten."


@pytest.mark.django_db
def test_many_at_once_are_counted_in_the_language(admin_client: Client) -> None:
    for _ in range(3):
        make_extraction(state=State.FAILED)
    make_extraction(state=State.PROCESSING)

    page = admin_client.post(
        "/extractions/act/", {"action": "delete", "scope": "all"}, headers=GERMAN, follow=True
    ).content.decode()

    assert "3 gelöscht, 1 übersprungen: es wird gerade gelesen." in page


@pytest.mark.django_db
def test_exports_are_the_same_in_every_language(admin_client: Client) -> None:
    make_succeeded()
    address = "/exports/?export_as=csv"

    def body(headers: dict[str, str]) -> bytes:
        answer = admin_client.get(address, headers=headers)
        assert answer.status_code == 200
        return b"".join(answer.streaming_content)  # type: ignore[attr-defined]

    assert body(GERMAN) == body({})
