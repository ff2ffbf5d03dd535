"""Every failure that a page may show is there to be translated."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils.translation import gettext, override

from extraction.error_texts import TEXTS, told
from extraction.models import State
from tests.extraction.factories import make_extraction
from tests.running_site import ROOT

# What takes what a person is told as one of its arguments.
FAILURES = {"DocumentRejected", "ExtractionFailed", "NoUsableKey", "Condition", "_exceeded"}
CONSTANTS = {"NO_KEY_FREE", "CANNOT_RECORD", "KEEPS_FAILING", "NO_EINVOICE", "CHOSEN_KEY_UNUSABLE"}
# Of programs alone: archives, addresses, and what is read while the database is away.
OF_THE_API = {"links.py", "archive.py", "zip_child.py", "batches.py", "degraded.py"}
SENTENCE = re.compile(r"[A-Z].* .*\.\Z")
VALUE = re.compile(r"{\w*}")


def text_of(node: ast.expr) -> str:
    """A text as it is written out, each of its values as {}."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(
                text_of(part) if isinstance(part, ast.Constant) else "{}" for part in parts
            )
    return ""


def sentences_in(path: Path) -> Iterator[str]:
    """The sentences that a module fails with, where it writes them out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        written: list[ast.expr] = []
        match node:
            case ast.ClassDef(bases=[ast.Name(id="ServiceFault")]):  # 503.html tells any of them
                calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
                written = [argument for call in calls for argument in call.args]
            case ast.Call(func=ast.Name(id=name)) if name in FAILURES:
                written = [*node.args, *(each.value for each in node.keywords)]
            case ast.Assign(targets=[ast.Name(id=name)]) if name in CONSTANTS:
                written = [node.value]
        yield from filter(SENTENCE.match, map(text_of, written))


def test_every_failure_is_there_to_be_translated() -> None:
    modules = [*(ROOT / "extraction").rglob("*.py"), *(ROOT / "tokens").rglob("*.py")]
    modules += (ROOT / "ocrsite" / "lib").rglob("*.py")
    found = {
        sentence
        for path in modules
        if path.name not in OF_THE_API and "api" not in path.parts
        for sentence in sentences_in(path)
    }

    assert len(found) > 50
    assert found - {VALUE.sub("{}", text) for text in TEXTS} == set()


@pytest.mark.parametrize("text", TEXTS)
def test_every_failure_has_german_words(text: str) -> None:
    with override("de"):
        assert gettext(text) != text


@pytest.mark.parametrize(
    ("text", "german"),
    [
        (
            "The file is larger than 50 MB. Send a smaller one.",
            "Die Datei ist größer als 50 MB. Senden Sie eine kleinere.",
        ),
        (
            "The file has 60 pages; at most 50 are accepted. Split it and send the parts.",
            "Die Datei hat 60 Seiten; höchstens 50 werden angenommen. Teilen Sie sie und senden "
            "Sie die Teile.",
        ),
        (
            "The file has more than 50 pages; at most 50 are accepted. Split it and send the "
            "parts.",
            "Die Datei hat mehr als 50 Seiten; höchstens 50 werden angenommen. Teilen Sie sie und "
            "senden Sie die Teile.",
        ),
        (
            "This export holds at most 10,000 documents. Choose fewer, or filter.",
            "Dieser Export fasst höchstens 10.000 Dokumente. Wählen Sie weniger oder filtern Sie.",
        ),
        ("Something of an earlier version, {by}.", "Something of an earlier version, {by}."),
        ("", ""),
        (None, ""),
    ],
)
def test_failure_is_told_in_the_readers_language(text: str | None, german: str) -> None:
    with override("de"):
        assert told(text) == german
    with override("en"):
        assert told(text) == (text or "")


@pytest.mark.parametrize(
    ("language", "day"),
    [("de", "1. Dez. 2026, 00:00 (Europe/Berlin)"), ("en", "1 Dec 2026, 00:00 (Europe/Berlin)")],
)
def test_time_of_a_renewal_is_written_in_the_readers_language(language: str, day: str) -> None:
    with override(language):
        text = told(
            "A quota of the company or of its keys is used up for this period. It renews at "
            "2026-12-01 00:00 (Europe/Berlin)."
        )

    assert f": {day}." in text if language == "de" else f"It renews at {day}." in text


@pytest.mark.django_db
def test_failed_document_says_why_in_german(admin_client: Client) -> None:
    failed = make_extraction(
        state=State.FAILED,
        error_code="cancelled",
        error_message="Invoice processing was cancelled",
        error_detail="It was cancelled by <b>{0.x}</b> before it was read. Send it again to have "
        "it read.",
    )

    page = admin_client.get(f"/extractions/{failed.pk}/", headers={"Accept-Language": "de"})

    text = page.content.decode()
    assert "Das Lesen der Rechnung wurde abgebrochen" in text
    assert "&lt;b&gt;{0.x}&lt;/b&gt; hat das Lesen abgebrochen" in text
