"""An account: a new password, a second factor, and the log-in with both."""

import os
import time
from base64 import b32decode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django_otp.oath import hotp
from playwright.sync_api import Page, expect

from tests.browser.test_log_in import log_in
from tests.browser.test_upload import assert_accessible_and_fitting
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser

FIRST, OWN = "given-by-an-administrator", "one-of-her-own"
ADD = """
from django.contrib.auth.models import User
from extraction.models import AccountRule
user = User.objects.create_user("{name}", password="{password}")
AccountRule.objects.create(user=user, must_change_password=True)
"""


@pytest.fixture(
    params=[(320, "light"), (390, "dark"), (1280, "light")],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def person(page: Page, site: RunningSite, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a new user; the test fails when the browser had anything to say."""
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    width, scheme = request.param
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    name = f"chandra-{width}"
    site.manage("shell", "-v0", "-c", ADD.format(name=name, password=FIRST))
    yield name
    assert messages == []


@pytest.fixture
def look(page: Page, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Check the page; SCREENSHOTS=folder keeps a picture of it."""

    def check(shown: str) -> None:
        assert_accessible_and_fitting(page)
        if folder := os.environ.get("SCREENSHOTS"):
            name = f"{request.node.name}-{shown}".replace("[", "-").replace("]", "")
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    return check


def code(secret: str, *, steps_ahead: int = 0) -> str:
    """What the app shows; a code is accepted once, and up to one step of 30 seconds early."""
    step = int(time.time()) // 30 + steps_ahead
    return f"{hotp(b32decode(secret.replace(' ', '')), step):06}"


def test_own_password_and_second_factor(
    page: Page, person: str, look: Callable[[str], None]
) -> None:
    log_in(page, person, FIRST)
    expect(page.get_by_role("heading", name="Change password")).to_be_visible()
    expect(page.get_by_role("link", name="Extractions")).to_have_count(0)
    look("change")
    page.get_by_label("Old password").fill(FIRST)
    page.get_by_label("New password", exact=True).fill(OWN)
    page.get_by_label("New password confirmation").fill(OWN)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()

    page.get_by_role("link", name=person).click()
    look("account")
    page.get_by_role("link", name="Set up an authenticator app").click()
    drawn = page.get_by_role("img", name="QR code")
    expect(drawn).to_be_visible()
    assert drawn.evaluate("image => image.naturalWidth") > 100
    look("set-up")
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("Code").fill(code(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator(".codes li")).to_have_count(10)
    look("recovery-codes")

    page.get_by_role("button", name="Log out").click()
    log_in(page, person, OWN)
    expect(page.get_by_label("Code")).to_be_focused()
    look("code")
    page.get_by_label("Code").fill(code(secret, steps_ahead=1))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Upload invoices")).to_be_visible()
    page.goto("/account/second-factor/")
    expect(page.get_by_text("10 recovery codes left")).to_be_visible()
    look("second-factor")
