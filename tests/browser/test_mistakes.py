"""By keyboard: cancel, delete and get back what came by mistake; approve all that is right."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_places import DESK, PHONE, watched
from tests.browser.test_upload import assert_accessible_and_fitting
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser

# One that waits for an hour, three that are right, one that is doubtful.
ROWS = """
import datetime, uuid
from django.utils import timezone
from extraction.invoices.listed import listed_fields
from extraction.models import Extraction
from tests.extraction.sample_invoices import make_invoice
known = dict(
    company_id="{company}", requested_by="{batch}", client="user:1", file="x", sha256="0" * 64,
    media_type="application/pdf", size=1, page_count=1,
)
later = timezone.now() + datetime.timedelta(hours=1)
Extraction.objects.create(file_name="{batch}-waits.pdf", state="waiting", due_at=later, **known)
for name in ("a", "b", "c", "doubtful"):
    invoice = make_invoice(checks=[], needs_review=name == "doubtful")
    Extraction.objects.create(
        file_name=f"{batch}-{{name}}.pdf", state="succeeded", http_status=200,
        result=invoice.model_dump(mode="json"), needs_review=invoice.needs_review,
        **known, **listed_fields(invoice),
    )
"""


@pytest.fixture(params=[(DESK, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"])
def operator(page: Page, site: RunningSite, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A logged-in page; the test fails when the browser had anything to say."""
    size, scheme = request.param
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    yield from watched(page, site)


@pytest.fixture
def batch(site: RunningSite) -> str:
    """The requester of the documents of this test alone."""
    name = uuid.uuid4().hex[:12]
    company = site.credentials["company_id"]
    site.manage("shell", "-v0", "-c", ROWS.format(company=company, batch=name))
    return name


def press(page: Page, name: str, role: str = "button") -> None:
    """Press a button, or follow a link, by keyboard."""
    found = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
    found.focus()
    page.keyboard.press("Enter")


def look(page: Page, name: str) -> None:
    """Check what is shown; SCREENSHOTS=folder keeps it."""
    assert_accessible_and_fitting(page)
    if folder := os.environ.get("SCREENSHOTS"):
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=Path(folder) / f"mistakes-{name}-{width}.png", full_page=True)


def test_document_is_cancelled_deleted_and_got_back(operator: Page, batch: str) -> None:
    operator.goto(f"/extractions/?requester={batch}&text={batch}-waits")
    press(operator, f"{batch}-waits.pdf", "link")
    expect(operator.get_by_role("heading", level=1)).to_have_text(f"{batch}-waits.pdf")
    look(operator, "waiting")
    press(operator, "Cancel the reading")
    expect(operator.get_by_role("main")).to_contain_text("It was cancelled by")
    look(operator, "cancelled")
    press(operator, "Delete")
    expect(operator.get_by_role("main")).to_contain_text("This document was deleted on")
    look(operator, "deleted")
    press(operator, "Deleted documents", "link")
    expect(operator.get_by_role("main")).to_contain_text(f"{batch}-waits.pdf")
    look(operator, "deleted-list")
    press(operator, f"{batch}-waits.pdf", "link")
    press(operator, "Undo")
    expect(operator.get_by_role("status").first).to_contain_text(f"{batch}-waits.pdf is back.")
    press(operator, "Read again…", "link")
    expect(operator.get_by_role("radio", name="as it was sent")).to_be_checked()
    look(operator, "read-again")


def test_what_is_not_doubtful_is_approved_together(operator: Page, batch: str) -> None:
    operator.goto(f"/extractions/?requester={batch}")
    operator.get_by_label("all that are found: 5").check()
    look(operator, "list")
    press(operator, "Approve what is not doubtful")
    expect(operator.get_by_role("status").first).to_contain_text(
        "3 approved, 1 skipped: it needs review, 1 skipped: it has not been read."
    )
    operator.get_by_label("all that are found: 5").check()
    press(operator, "Read again…")
    expect(operator.get_by_role("heading", level=1)).to_have_text("Read again: 1 document")
    look(operator, "read-many-again")
    press(operator, "Back", "link")
    operator.get_by_label("all that are found: 5").check()
    press(operator, "Delete")
    expect(operator.get_by_role("status").first).to_contain_text("5 deleted.")
