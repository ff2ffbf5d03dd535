"""A value's place on its page: shown to mouse, keyboard and finger, on a desk and on a phone."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.test_log_in import be_logged_in
from tests.browser.test_upload import SAMPLES, assert_accessible_and_fitting
from tests.extraction.documents.pages import INVOICE, pdf, write
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser

LAST_AMOUNT = "line_items.69.amount"  # on the last page of the longest sample
DESK, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)


@pytest.fixture(
    params=[(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")],
    ids=["desk-light", "desk-dark", "phone-light", "phone-dark"],
)
def operator(page: Page, site: RunningSite, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A logged-in page; the test fails when the browser had anything to say."""
    size, scheme = request.param
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    yield from watched(page, site)


def watched(page: Page, site: RunningSite) -> Iterator[Page]:
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    be_logged_in(page, site)
    yield page
    assert messages == []


def open_result(page: Page, site: RunningSite, document: Path) -> dict[str, Any]:
    """Have a document read, open its result, and return the invoice."""
    extraction = site.post(document).json()["extraction"]
    page.goto(extraction.replace("/api/v1", ""))
    invoice: dict[str, Any] = site.client.get(extraction).json()["invoice"]
    return invoice


def value(page: Page, path: str) -> Locator:
    return page.locator(f'[id="value-{path}"]')


def assert_outlined(page: Page, evidence: dict[str, Any]) -> None:
    """The place is marked where the evidence says, and can be seen."""
    place = page.locator(".place")
    expect(place).to_have_count(1)
    expect(place).to_be_in_viewport(ratio=1)
    image = page.locator(f'.page-images [data-page="{evidence["page"]}"] img')
    expect(image).to_have_js_property("complete", True)
    # Both at once: the pages may still be moving.
    shares = """place => {
      const outline = place.getBoundingClientRect();
      const paper = place.parentElement.querySelector("img").getBoundingClientRect();
      return [
        (outline.left - paper.left) / paper.width, (outline.top - paper.top) / paper.height,
        (outline.right - paper.left) / paper.width, (outline.bottom - paper.top) / paper.height,
      ];
    }"""
    assert image.evaluate("image => image.parentElement.contains(document.querySelector('.place'))")
    assert place.evaluate(shares) == pytest.approx(evidence["box"], abs=0.002)


def assert_uncovered(page: Page, field: Locator) -> None:
    """The pages do not lie over the field that they show."""
    expect(field).to_be_in_viewport(ratio=1)
    is_on_top = """field => {
      const box = field.getBoundingClientRect();
      const top = document.elementFromPoint(box.left + box.width / 2, box.top + 4);
      return field.contains(top);
    }"""
    assert field.evaluate(is_on_top)


def test_tab_to_a_value_shows_its_place(operator: Page, site: RunningSite) -> None:
    invoice = open_result(operator, site, SAMPLES / "globex-3-pages.pdf")
    evidence = invoice["evidence"]
    assert evidence[LAST_AMOUNT]["page"] == 3
    value(operator, LAST_AMOUNT.replace("amount", "unit_price")).focus()

    operator.keyboard.press("Tab")

    expect(value(operator, LAST_AMOUNT)).to_be_focused()
    assert_outlined(operator, evidence[LAST_AMOUNT])
    assert_uncovered(operator, value(operator, LAST_AMOUNT))
    assert_accessible_and_fitting(operator)

    operator.keyboard.press("Escape")

    expect(operator.locator(".place")).to_have_count(0)


def test_leaving_the_values_removes_the_outline(operator: Page, site: RunningSite) -> None:
    invoice = open_result(operator, site, SAMPLES / "acme-invoice.pdf")
    value(operator, "total_amount").focus()
    assert_outlined(operator, invoice["evidence"]["total_amount"])

    value(operator, "invoice_number").focus()
    assert_outlined(operator, invoice["evidence"]["invoice_number"])
    operator.get_by_role("region", name="Pages").focus()

    expect(operator.locator(".place")).to_have_count(0)


def test_reason_leads_to_its_value(operator: Page, site: RunningSite, tmp_path: Path) -> None:
    document = tmp_path / f"{uuid.uuid4()}.pdf"
    lines = [line.replace("156.00", "165.00") for line in INVOICE]
    document.write_bytes(pdf(lambda canvas: write(canvas, *lines)))
    invoice = open_result(operator, site, document)
    (text,) = (reason["text"] for reason in invoice["reasons"] if reason["path"] == "total_amount")
    link = operator.get_by_role("link", name=text)
    field = value(operator, "total_amount")
    link.focus()

    operator.keyboard.press("Enter")

    expect(field).to_be_focused()
    expect(field).to_contain_text("165.00")
    expect(field).to_have_accessible_description(text)
    assert_outlined(operator, invoice["evidence"]["total_amount"])
    assert_uncovered(operator, field)
    assert_accessible_and_fitting(operator)


def test_pointing_at_a_value_scrolls_the_pages_alone(page: Page, site: RunningSite) -> None:
    page.set_viewport_size(DESK)
    page.emulate_media(reduced_motion="reduce")
    be_logged_in(page, site)
    invoice = open_result(page, site, SAMPLES / "globex-3-pages.pdf")
    value(page, LAST_AMOUNT).scroll_into_view_if_needed()
    before = page.evaluate("scrollY")

    value(page, LAST_AMOUNT).hover()

    # No time to wait for: nothing moves by and by where less motion is asked for.
    panel = page.locator(".page-images")
    assert panel.evaluate("panel => panel.scrollTop") > 0
    assert_outlined(page, invoice["evidence"][LAST_AMOUNT])
    assert page.evaluate("scrollY") == before

    page.get_by_role("heading", name="Checks").hover()

    expect(page.locator(".place")).to_have_count(0)


@pytest.mark.browser_context_args(has_touch=True, is_mobile=True, viewport=PHONE)
def test_tapping_a_value_shows_its_place_above_it(page: Page, site: RunningSite) -> None:
    be_logged_in(page, site)
    invoice = open_result(page, site, SAMPLES / "acme-invoice.pdf")

    value(page, "total_amount").tap()

    assert_outlined(page, invoice["evidence"]["total_amount"])
    assert_uncovered(page, value(page, "total_amount"))

    page.get_by_role("heading", name="Checks").tap()

    expect(page.locator(".place")).to_have_count(0)
