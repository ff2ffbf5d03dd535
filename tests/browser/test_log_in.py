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


def be_logged_in(page: Page, site: RunningSite) -> None:
    """Be the site's first account, in the session of an earlier test, and open no page for it.

    It logs in where there is none, or no more: hashing a password takes the site half a second.
    """
    page.context.add_cookies(_sessions.get(site.url, []))
    if page.request.get("/", max_redirects=0).status == 302:
        log_in(page, site.credentials["username"], site.credentials["password"])
        page.wait_for_url("/")
        _sessions[site.url] = page.context.cookies()


def come_back(page: Page, site: RunningSite) -> None:
    """Open the upload page as the site's first account."""
    be_logged_in(page, site)
    page.goto("/")


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
