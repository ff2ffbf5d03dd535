"""One page makes a company ready, by keyboard, at every width and in both schemes."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.test_log_in import be_logged_in, log_in
from tests.browser.test_upload import assert_accessible_and_fitting
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser

COMPANIES = "/admin/tokens/company/"
# What stands between a person and a ready company: few enough for a minute.
MOST_KEYS = 120


@pytest.fixture(
    params=[(320, "dark"), (1280, "light"), (1920, "dark")],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def width(page: Page, site: RunningSite, request: pytest.FixtureRequest) -> Iterator[int]:
    """A page of this width for staff; the test fails when the browser had anything to say."""
    messages: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.location["url"]:  # what axe says of its own script has none
            messages.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: messages.append(str(error)))
    be_logged_in(page, site)
    width, scheme = request.param
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    yield width
    assert messages == []


@pytest.fixture
def look(page: Page, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Check the page; SCREENSHOTS=folder keeps a picture of it."""

    def check(shown: str) -> None:
        if folder := os.environ.get("SCREENSHOTS"):
            name = f"{request.node.name}-{shown}".replace("[", "-").replace("]", "")
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
        assert_accessible_and_fitting(page)

    return check


def test_company_is_made_ready_by_keyboard(
    page: Page, width: int, look: Callable[[str], None]
) -> None:
    pressed = 0

    def type_(text: str, *, tabs: int) -> None:
        """Go on by so many fields and type."""
        nonlocal pressed
        for _ in range(tabs):
            page.keyboard.press("Tab")
        page.keyboard.type(text)
        pressed += tabs + len(text)

    page.goto(f"{COMPANIES}add/")
    expect(page.get_by_label("Company id")).to_be_focused()
    look("form")

    type_(f"NT{width}", tabs=0)
    type_("HIMAL FOODS", tabs=1)
    type_("Asia/Kath", tabs=1)
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Kathmandu")
    type_("AIza-from-the-clipboard", tabs=1)
    type_(" ", tabs=1)  # this site asks nobody whether the key is good
    type_("ERP", tabs=3)
    type_(f"asha{width}", tabs=1)
    look("filled")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="The company is ready")).to_be_visible()
    assert pressed < MOST_KEYS
    expect(page.get_by_text("Copy this now.")).to_be_visible()
    api_key, password = page.locator(".shown-once code").all_inner_texts()
    assert re.fullmatch(r"\w{8}\.\w{32}", api_key)
    look("done")

    page.get_by_role("link", name=f"HIMAL FOODS (NT{width})").click()
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Kathmandu")
    look("company")
    page.get_by_role("link", name="Keys", exact=True).last.click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)

    page.context.clear_cookies()
    log_in(page, f"asha{width}", password)
    expect(page.get_by_label("New password", exact=True)).to_be_visible()


def test_what_is_wrong_is_told_at_its_field(
    page: Page, width: int, look: Callable[[str], None]
) -> None:
    page.goto(f"{COMPANIES}add/")
    page.get_by_label("Company id").fill(" nt047" if width < 1000 else "NT047")
    page.get_by_label("Threshold").fill("200000")
    page.get_by_label("User name").first.fill("asha b")

    page.get_by_role("button", name="Make it ready").click()

    expect(page.get_by_role("alert")).to_contain_text("Nothing is stored yet.")
    expect(page.get_by_text("Enter a smaller one.")).to_be_visible()
    expect(page.get_by_text("Enter a valid username.")).to_be_visible()
    look("errors")


def test_company_is_closed_and_opened_again(
    page: Page, width: int, site: RunningSite, look: Callable[[str], None]
) -> None:
    page.goto(f"{COMPANIES}add/")
    page.get_by_label("Company id").fill(f"ZC{width}")
    page.get_by_role("button", name="Make it ready").click()

    page.goto(f"{COMPANIES}ZC{width}/change/")
    page.get_by_role("link", name="Close", exact=True).click()
    expect(page.get_by_label("Reason")).to_be_focused()
    look("close")
    page.keyboard.type("Its contract has ended.")
    page.keyboard.press("Enter")
    expect(page.locator(".pill-disabled")).to_have_text("Closed")

    page.goto(COMPANIES)
    look("list")
    page.get_by_role("link", name=f"ZC{width}").click()
    page.get_by_role("link", name="Open again").click()
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("It has a new contract.")
    page.keyboard.press("Enter")
    expect(page.locator(".pill-active")).to_have_text("Active")
    page.goto("/admin/tokens/tokenmaster/add/")
    look("picker")


def test_quotas_of_a_company_are_entered_in_llm_tokens_and_in_money(
    page: Page, width: int, look: Callable[[str], None]
) -> None:
    page.goto(f"{COMPANIES}add/")
    page.get_by_label("Company id").fill(f"QM{width}")
    page.get_by_role("button", name="Make it ready").click()
    expect(page.get_by_role("heading", name="The company is ready")).to_be_visible()

    page.goto(f"{COMPANIES}QM{width}/change/")
    for number, limit in enumerate(["1,250.00 USD", "5,000,000"]):
        page.get_by_text("Add another Quota").click()
        page.locator(f"#id_quotas-{number}-limit").fill(limit)
    page.get_by_label("Reason for the change").fill("New contract.")
    look("entered")
    page.get_by_role("button", name="Save and continue editing").click()

    expect(page.locator("#id_quotas-0-limit")).to_have_value("1250.00 USD")
    expect(page.locator("#id_quotas-1-limit")).to_have_value("5000000")
    expect(page.locator("#quotas-group .fieldBox.field-remaining").first).to_contain_text(
        "1,250.00 USD"
    )
    look("quotas")
