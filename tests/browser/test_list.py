"""The list of extractions: find, sort, choose and act. On a desk and on a phone, light and dark."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_log_in import be_logged_in
from tests.browser.test_upload import assert_accessible_and_fitting
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser

# Sixty documents, two in ten of them failed; the last ones have odd names.
ROWS = """
import datetime, decimal, uuid
from django.utils import timezone
from extraction.models import Extraction, Label
names = ["Nordwind Handels GmbH", "Himal Traders Pvt. Ltd.", "شركة النور للتجارة", "A" * 120]
def row(n):
    read = dict(
        state="succeeded", supplier_name=names[n % 4], invoice_number=f"LST-2026-{n:03}",
        invoice_date=datetime.date(2026, 10, 1) + datetime.timedelta(days=n),
        due_date=datetime.date(2026, 11, 1) + datetime.timedelta(days=n),
        currency="NPR" if n % 4 == 1 else "EUR",
        total_amount=decimal.Decimal(n * 1234567) / 100, needs_review=n % 7 == 1,
        document_type="credit_note" if n % 10 == 3 else "invoice",
        duplicate_of=uuid.uuid4() if n == 59 else None,
    )
    return Extraction(
        company_id="%s", requested_by="lister", client="user:1", file="x", sha256=f"{n:064}",
        file_name=f"listed-{n:02}.pdf" if n != 58 else "listed " + "long-name-" * 20 + ".pdf",
        media_type="application/pdf", size=1, page_count=1,
        created_at=timezone.now() - datetime.timedelta(minutes=600 - n),
        **(dict(state="failed", error_message="x") if n % 10 in (0, 5) else read),
    )
rows = Extraction.objects.bulk_create([row(n) for n in range(60)])
Label.objects.bulk_create(
    Label(extraction=each, key="project", value="Ring road, phase two, and the bridges")
    for each in rows[50:]
)
"""
GONE = """
from extraction.models import Extraction
Extraction.with_deleted.filter(requested_by="lister").delete()
"""
LIST = "/extractions/?requester=lister"


@pytest.fixture(scope="module", autouse=True)
def _rows(site: RunningSite) -> Iterator[None]:
    site.manage("shell", "-v0", "-c", ROWS.replace("%s", site.credentials["company_id"]))
    yield
    # They have no result: other modules' reviewers must not be led to them.
    site.manage("shell", "-v0", "-c", GONE)


@pytest.fixture(
    params=[(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark"), (320, "light")],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def operator(page: Page, site: RunningSite, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A logged-in page; the test fails when the browser had anything to say."""
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    width, scheme = request.param
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    be_logged_in(page, site)
    yield page
    # SCREENSHOTS=folder keeps what each test ended with.
    if folder := os.environ.get("SCREENSHOTS"):
        name = request.node.name.replace("[", "-").replace("]", "")
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    assert messages == []


def files(page: Page) -> Any:
    return page.locator("table.list tbody th")


def test_list_is_accessible_and_fits(operator: Page) -> None:
    operator.goto(LIST)

    expect(files(operator)).to_have_count(25)
    expect(operator.get_by_text("60 documents")).to_be_visible()
    amounts = operator.locator("table.list td.number span").all()
    assert all(each.evaluate("cell => cell.scrollWidth <= cell.clientWidth") for each in amounts)
    assert_accessible_and_fitting(operator)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("text=nowhere+to+be+found", "No document matches these filters."),
        ("sort=__class__&page=abc", "Nothing is listed"),
        ("since=nonsense&company=X", "Nothing is listed"),
        ("text=LST-2026-00&review=needed", "Needs review"),
    ],
)
def test_every_other_state_of_the_list_is_so_too(operator: Page, query: str, said: str) -> None:
    operator.goto(f"/extractions/?{query}")

    expect(operator.get_by_role("main")).to_contain_text(said)
    assert_accessible_and_fitting(operator)


def test_names_beside_labels_break_between_words(operator: Page) -> None:
    operator.goto(LIST)
    broken = """cells => cells.flatMap(({ firstChild: { firstChild: text } }) =>
      [...text.data.matchAll(/\\S+/g)].filter(({ 0: word, index }) => {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        return word.length < 15 && range.getClientRects().length > 1;
      }).map(([word]) => word))"""
    names = operator.locator("table.list td.name:has(bdi)")
    expect(names.first).to_be_visible()

    assert names.evaluate_all(broken) == []


def test_invoice_is_found_and_the_filters_cleared(operator: Page) -> None:
    operator.goto("/extractions/")
    operator.get_by_label("Search").fill("98.765,36")
    operator.get_by_role("button", name="Search").click()

    expect(files(operator)).to_have_text(["listed-08.pdf"])
    expect(operator.get_by_text("98,765.36").first).to_be_visible()

    operator.get_by_role("link", name="Clear").click()
    expect(files(operator).nth(24)).to_be_visible()


def test_order_and_pages_keep_the_filters(operator: Page) -> None:
    operator.goto(LIST)
    operator.get_by_role("link", name="Total", exact=True).click()
    expect(files(operator).first.get_by_role("link").first).to_have_text("listed-59.pdf")
    operator.get_by_role("link", name="Page 3").click()

    expect(files(operator)).to_have_count(10)
    expect(operator.locator("th[aria-sort=descending] .sorted")).to_have_text("Total")
    assert "requester=lister" in operator.url


def test_failed_ones_are_chosen_without_a_mouse_and_tried_again(operator: Page) -> None:
    operator.goto(f"{LIST}&sort=file")
    everything = operator.get_by_label("Choose all on this page")
    everything.focus()
    operator.keyboard.press("Space")
    boxes = operator.get_by_role("checkbox", name="Choose listed").all()
    assert all(box.is_checked() for box in boxes)
    operator.get_by_label("all that are found: 60").check()
    boxes[0].uncheck()
    expect(operator.get_by_label("the chosen documents")).to_be_checked()
    expect(everything).to_have_js_property("indeterminate", True)
    operator.get_by_role("button", name="Try failed ones again").click()

    # Their files were never stored: once queued, they wait for them.
    said = re.compile("documents? (is|are) queued again|None of them failed")
    asked, told = operator.get_by_label("Reason"), operator.get_by_role("status").first
    expect(asked.or_(told)).to_be_visible()
    if asked.is_visible():
        assert_accessible_and_fitting(operator)
        asked.fill("They wait for their files.")
        operator.keyboard.press("Enter")
    expect(operator.get_by_role("status")).to_contain_text(said)
    assert_accessible_and_fitting(operator)
