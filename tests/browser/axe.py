"""axe-core's rules on a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_SCRIPT = Axe().axe_script
# The rest of its results takes longer on the way here than the run on a small page.
_RUN = "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)"


def violations(page: Page) -> list[dict[str, Any]]:
    """The rules that a page breaks, each with its ``id``, ``impact`` and ``nodes``."""
    page.evaluate(_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return found
