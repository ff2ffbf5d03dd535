import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.running_site import RunningSite

pytestmark = pytest.mark.browser


def log_in(page: Page, username: str, password: str) -> None:
    page.goto("/login/")
    fill_in_log_in(page, username, password)


def fill_in_log_in(
    page: Page,
    username: str,
    password: str,
    labels: tuple[str, str, str] = ("Username", "Password", "Log in"),
) -> None:
    """Log in on the page that asks for it; labels are those of its language."""
    of_username, of_password, of_button = labels
    # The browser says on its console when it finds something else focused before autofocus was.
    expect(page.get_by_label(of_username)).to_be_focused()
    page.get_by_label(of_username).fill(username)
    page.get_by_label(of_password).fill(password)
    page.get_by_role("button", name=of_button).click()


_sessions: dict[str, list[Any]] = {}


def come_back(page: Page, site: RunningSite) -> None:
    """Open the upload page as the site's first account, in the session of an earlier test.

    It logs in where there is none, or no more: hashing a password takes the site half a second.
    """
    page.context.add_cookies(_sessions.get(site.url, []))
    page.goto("/")
    if "/login/" in page.url:
        fill_in_log_in(page, site.credentials["username"], site.credentials["password"])
        page.wait_for_url("/")
        _sessions[site.url] = page.context.cookies()


def test_log_in_with_the_first_credentials_leads_to_the_upload_page(
    page: Page, site: RunningSite
) -> None:
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))

    log_in(page, site.credentials["username"], site.credentials["password"])

    expect(page).to_have_url(f"{site.url}/")
    assert messages == []


def test_log_in_with_a_wrong_password_says_so(page: Page, site: RunningSite) -> None:
    log_in(page, site.credentials["username"], "wrong")

    expect(page.get_by_role("alert")).to_have_text(re.compile("correct username and password"))
    expect(page).to_have_url(f"{site.url}/login/")
