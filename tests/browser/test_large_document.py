"""A document of many pages and lines in every window: its result, its review and its trace."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from reportlab.pdfgen.canvas import Canvas

from tests.browser.test_places import DESK, watched
from tests.browser.test_review import answer, field, page_of
from tests.browser.test_review_flow import WIDTHS
from tests.browser.test_upload import assert_accessible_and_fitting, assert_fitting
from tests.extraction.documents.pages import INVOICE, Draw, pdf, write
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser

PAGES, LINES_ON_EACH = 12, 10


@pytest.fixture
def operator(page: Page, site: RunningSite) -> Iterator[Page]:
    """A logged-in page on a desk; the test fails when the browser had anything to say."""
    page.set_viewport_size(DESK)
    page.emulate_media(reduced_motion="reduce")
    yield from watched(page, site)


def large(folder: Path) -> Path:
    """An invoice of 120 lines whose total is not its sum."""

    def drawn(number: int) -> Draw:
        first = 1 + number * LINES_ON_EACH
        lines = [f"Bolt {at}  1  2.00  2.00" for at in range(first, first + LINES_ON_EACH)]
        if number == 0:
            lines = [*INVOICE[:5], *lines]
        if number == PAGES - 1:
            lines += ["Subtotal 240.00", "VAT 20% 48.00", "Total GBP 298.00"]

        def draw(canvas: Canvas) -> None:
            write(canvas, *lines)

        return draw

    document = folder / f"{uuid.uuid4()}.pdf"
    document.write_bytes(pdf(*map(drawn, range(PAGES))) + f"%{document.name}".encode())
    return document


def test_large_document_fits_and_is_corrected_in_its_last_line(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    address: str = site.post(large(tmp_path)).json()["extraction"]
    lines = answer(site, address)["invoice"]["line_items"]
    assert len(lines) == PAGES * LINES_ON_EACH
    review = page_of(address)
    result = review.removesuffix("review/")
    for page in (result, f"{result}trace/", review):
        operator.goto(page)
        for width in WIDTHS:
            operator.set_viewport_size({"width": width, "height": 900})
            assert_fitting(operator)
            if width in (320, 1280):  # axe takes 10 s, and others look like one of these
                assert_accessible_and_fitting(operator)
    operator.set_viewport_size(DESK)
    numbers = operator.locator('[id="field-line_items"] .row-number')
    expect(numbers).to_have_count(len(lines))
    # In one line, like the first one.
    height = numbers.first.evaluate("number => number.getBoundingClientRect().height")
    assert numbers.last.evaluate("number => number.getBoundingClientRect().height") == height

    last = field(operator, f"line_items.{len(lines) - 1}.amount")
    last.fill("3.00")
    last.press("Tab")
    expect(operator.locator("#progress")).to_contain_text("Checked")
    expect(operator.locator("#verdict")).to_contain_text("add up to 241.00")
    expect(operator.locator('[data-page="12"] img')).to_be_in_viewport()
    field(operator, "total_amount").fill("288.00")
    last.fill("2.00")
    last.press("Control+Enter")

    expect(operator.locator(".messages")).to_contain_text("is approved.")
    assert answer(site, address)["invoice"]["total_amount"] == "288.00"
