"""A key through a monthly period as staff see it: limited, used up, renewed by the calendar."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_log_in import fill_in_log_in
from tests.browser.test_upload import assert_accessible_and_fitting
from tests.running_site import RunningSite, kill_tree, running_site

pytestmark = pytest.mark.browser

EVENING = datetime(2026, 11, 30, 22, tzinfo=UTC)
NEXT_PERIOD = datetime(2026, 12, 1, 0, 5, tzinfo=UTC)
SPEND = """
import uuid
from tokens import ledger
from tokens.models import TokenMaster
from tokens.usage import Usage
key = TokenMaster.objects.get()
ledger.settle(uuid.uuid4(), key.pk, Usage({}), company_id="DEMO", branch="", requested_by="asha")
"""
KEYS = "/admin/tokens/tokenmaster/"


@pytest.fixture(scope="module")
def own(
    tmp_path_factory: pytest.TempPathFactory, browser_type_launch_args: dict[str, Any]
) -> Iterator[RunningSite]:
    """A site of its own, whose clock the test sets; nothing of it is started yet."""
    with running_site(tmp_path_factory.mktemp("own") / "data") as site:
        yield site


def test_a_key_is_exceeded_until_its_month_ends(page: Page, own: RunningSite) -> None:
    def look(shown: str) -> None:
        for width, scheme in ((320, "dark"), (1280, "light")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
            page.reload()  # or axe measures colours that are still changing
            if folder := os.environ.get("SCREENSHOTS"):
                page.screenshot(path=Path(folder) / f"quota-{shown}-{width}.png", full_page=True)
            assert_accessible_and_fitting(page)

    row = page.locator("#result_list tbody tr")
    web = own.start_web(EVENING)
    page.goto(f"{own.url}/login/")
    fill_in_log_in(page, own.credentials["username"], own.credentials["password"])
    expect(page.get_by_role("link", name="Administration")).to_be_visible()

    page.goto(own.url + KEYS)
    expect(row.locator(".pill")).to_have_text("Active")
    row.get_by_role("link", name="DEMO").click()
    page.get_by_text("Add another Quota").click()
    page.locator("#id_quotas-0-limit").fill("5,000")
    page.get_by_label("Reason for the change").fill("New contract.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(row).to_contain_text("Monthly: 100 %")
    expect(row).to_contain_text("5,000 of 5,000")

    own.manage("shell", "-v0", "-c", SPEND.format(5000), at=EVENING)
    page.reload()
    expect(row.locator(".pill")).to_have_text("Exceeded")
    expect(row).to_contain_text("until 1 Dec 2026, 00:00 UTC")
    expect(row).to_contain_text("0 of 5,000")
    look("used-up")
    page.goto(f"{own.url}/admin/tokens/quota/")
    expect(row).to_contain_text("0 of 5,000")
    expect(row).to_contain_text("1 Dec 2026, 00:00 UTC")
    look("quotas")

    # Nothing else happens: no job runs, and nobody is told to do anything.
    kill_tree(web)
    own.start_web(NEXT_PERIOD)
    page.reload()
    expect(row).to_contain_text("5,000 of 5,000")
    expect(row).to_contain_text("1 Jan 2027, 00:00 UTC")
    page.goto(own.url + KEYS)
    expect(row.locator(".pill")).to_have_text("Active")
    expect(row).to_contain_text("95,000 of 100,000")  # what it has used in its life stays used
    expect(row).to_contain_text("Monthly: 100 %")
    expect(row).to_contain_text("5,000 of 5,000")
    look("renewed")
