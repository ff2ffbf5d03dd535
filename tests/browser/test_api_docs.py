"""The reference of the API, as it is read in a browser."""

from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.browser.test_log_in import be_logged_in
from tests.browser.test_upload import assert_accessible_and_fitting, assert_fitting
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_reference_is_accessible_and_fits_every_window(
    page: Page, site: RunningSite, scheme: Literal["light", "dark"]
) -> None:
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.emulate_media(color_scheme=scheme)
    be_logged_in(page, site)
    for width in (1920, 1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto("/api/docs/")
        assert_fitting(page)
        if width in (1280, 320):  # axe takes 10 s, and others look like one of these
            assert_accessible_and_fitting(page)
    assert messages == []
