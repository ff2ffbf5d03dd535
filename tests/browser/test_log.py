"""The log in the admin, as staff see it."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.test_log_in import be_logged_in
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser

LOGS = "/admin/logs/applicationlog/"


def test_log_is_filtered_and_exported_without_a_word_from_the_browser(
    page: Page, site: RunningSite
) -> None:
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    be_logged_in(page, site)
    for address in (LOGS, f"{LOGS}?text=x&range=7d&since=2026-01-01T00:00"):
        page.goto(address)
        assert violations(page) == []

    page.goto(LOGS)
    page.get_by_label("Text").fill("nowhere to be found")
    page.get_by_role("button", name="Filter").click()

    expect(page.get_by_text("Only the last day is looked at.")).to_be_visible()
    expect(page.get_by_text("No log records.")).to_be_visible()
    page.get_by_label("Text").fill("")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    assert download.value.suggested_filename.startswith("log-")
    page.goto("/admin/logs/errorgroup/")
    assert messages == []
