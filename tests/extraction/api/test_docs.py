"""The documents about the API say what its code does."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings
from rest_framework import exceptions

from extraction.api import fields
from tests.extraction.api.error_codes import codes
from tests.running_site import ROOT

# Told on pages alone, and inside the ZIP of an export.
ON_PAGES = {"export_refused", "not_approved"}
AGAIN = "yes, after `Retry-After`"
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# To a heading, in the same document or another one of the API.
ANCHOR = re.compile(r"\]\((api[\w-]*\.md)?#([\w-]+)\)")


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def rows() -> list[tuple[set[int], set[str], str]]:
    """Statuses, codes, and whether to try again, of each row of the table of errors."""
    table = text_of("api.md").split("### What to try again")[1]
    cells = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return [
        (
            {int(each) for each in statuses.split(", ")},
            set(re.findall(r"`([a-z_]+)`", named)) - {"pdf_url", "reader", "einvoice"},
            again,
        )
        for statuses, named, again in cells[1:]
    ]


def test_fields_are_those_that_are_served() -> None:
    assert text_of("api-fields.md") == fields.document(), "run manage.py api_fields"


def test_command_writes_them(tmp_path: Path, settings: Settings) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()

    call_command("api_fields")

    assert (tmp_path / "docs" / "api-fields.md").read_text("utf-8") == fields.document()


def test_every_code_of_the_source_is_in_the_table_with_its_status() -> None:
    told = {
        (code, status) for statuses, named, _ in rows() for code in named for status in statuses
    }

    raised = {(code, status) for code, statuses in codes().items() for status in statuses}
    assert {pair for pair in raised if pair[0] not in ON_PAGES} - told == set()
    assert len(raised) > 60


def test_every_code_of_the_table_is_one_of_the_source() -> None:
    sources = "".join(
        path.read_text("utf-8")
        for folder in ("extraction", "tokens", "ocrsite")
        for path in (ROOT / folder).rglob("*.py")
    )
    framework = {
        str(error.default_code)
        for error in vars(exceptions).values()
        if isinstance(error, type) and issubclass(error, exceptions.APIException)
    }

    named = {code for _, named_here, _ in rows() for code in named_here}
    assert {code for code in named if f'"{code}"' not in sources} - framework == set()


def test_what_is_told_to_be_tried_again_is_what_says_when() -> None:
    again = {status for statuses, _, told in rows() if told == AGAIN for status in statuses}

    assert again == {429, 503}
    for code, statuses in codes().items():
        if statuses & again:
            assert statuses <= again, code


@pytest.mark.parametrize("name", ["api.md", "api-details.md", "api-fields.md", "webhooks.md"])
def test_every_anchor_is_a_heading(name: str) -> None:
    for document, anchor in ANCHOR.findall(text_of(name)):
        headings = HEADING.findall(text_of(document or name))
        slugs = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
        assert anchor in slugs, f"{document}#{anchor}"
