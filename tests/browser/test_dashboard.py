"""The admin's first page and the list of workers, as staff see them."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.test_log_in import be_logged_in
from tests.running_site import ROOT, RunningSite

pytestmark = pytest.mark.browser

WORKERS = "/admin/extraction/worker/"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_first_page_fits_and_leads_to_what_it_counts(
    page: Page, site: RunningSite, scheme: str
) -> None:
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    site.post(ROOT / "samples" / "acme-invoice.pdf")
    be_logged_in(page, site)
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto("/admin/")
        for summary in page.get_by_text("Numbers", exact=True).all():
            summary.click()
        expect(page.get_by_role("table", name="").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert violations(page) == []

    page.set_viewport_size({"width": 1280, "height": 900})
    chart = page.get_by_role("img", name="Documents by the day on which they were received")
    expect(chart).to_be_visible()
    received = page.locator(".board-large a")
    count = received.inner_text()
    received.click()
    expect(page.get_by_role("heading", name="Documents", exact=True)).to_be_visible()
    assert page.locator("#result_list tbody tr").count() == int(count)
    assert messages == []


def test_staff_pause_reading_and_operators_are_told(page: Page, site: RunningSite) -> None:
    be_logged_in(page, site)
    page.goto(WORKERS)
    assert violations(page) == []
    page.get_by_label("Reason").fill("Upgrade")
    page.get_by_role("button", name="Pause reading").click()
    try:
        expect(page.get_by_text("Reading is paused.")).to_be_visible()
        page.goto("/")
        expect(page.get_by_text("Reading is paused by the administration.")).to_be_visible()
        page.goto("/admin/")
        expect(page.get_by_text("Reading is paused: documents are accepted")).to_be_visible()
        page.get_by_role("link", name="Workers and queue").first.click()
    finally:
        page.goto(WORKERS)
        page.get_by_role("button", name="Resume reading").click()
    expect(page.get_by_text("Reading goes on.")).to_be_visible()
