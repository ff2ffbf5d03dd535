"""Every code with which a call or a document fails has a name for people."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from extraction.models import State
from extraction.readers.gemini.errors import CONDITIONS
from logs.error_names import NAMES, name_of
from tests.extraction.factories import make_extraction
from tests.running_site import ROOT

# What takes the code of a failure as one of its arguments.
FAILURES = {"DocumentRejected", "ExtractionFailed", "ReadingError", "ServiceFault"}
CODE = re.compile(r"[a-z]+(_[a-z]+)*\Z")


def codes_in(path: Path) -> Iterator[str]:
    """The codes that a module fails with, where it writes them out."""
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in FAILURES:
            for argument in call.args:
                match argument:
                    case ast.Constant(value=str(text)) if CODE.match(text):
                        yield text


def test_every_code_has_a_name() -> None:
    codes = set(CONDITIONS)
    for folder in ("extraction", "tokens"):
        for path in (ROOT / folder).rglob("*.py"):
            codes.update(codes_in(path))

    assert len(codes) > 40
    assert codes - set(NAMES) == set()


def test_each_name_is_that_of_one_code() -> None:
    names = [str(name) for name in NAMES.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("server_error", "Provider overloaded"),
        ("out_of_paper", "Out of paper"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_code_is_named(code: str | None, name: str) -> None:
    assert name_of(code) == name


@pytest.mark.django_db
def test_lists_name_why_a_document_failed(admin_client: Client) -> None:
    make_extraction(state=State.FAILED, error_code="server_error")
    make_extraction(state=State.QUEUED, branch="Main")

    page = admin_client.get("/admin/extraction/extraction/").content.decode()
    assert 'Failed</span><span class="second-line">Provider overloaded</span>' in page
    assert 'asha<span class="second-line">Main</span>' in page
    page = admin_client.get("/extractions/").content.decode()
    assert '<span class="hint">Provider overloaded</span>' in page
