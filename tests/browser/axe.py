"""axe-core's rules on a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# It parses the colours of all that surrounds each text again and again; a page has a few dozen, and
# our largest of 7,500 elements took 20 s of CPU.
_COLOURS = """
(Color => {
  const parse = Color.prototype.parseString, parsed = new Map();
  Color.prototype.parseString = function (text) {
    if (parsed.has(text)) {
      const { r, g, b, alpha } = parsed.get(text);
      return Object.assign(this, { r, g, b, alpha });
    }
    parse.call(this, text);
    parsed.set(text, new Color(this));
    return this;
  };
})(axe.commons.color.Color);
"""
_SCRIPT = Axe().axe_script + _COLOURS
# The rest of its results takes longer on the way here than the run on a small page.
_RUN = "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)"


def violations(page: Page) -> list[dict[str, Any]]:
    """The rules that a page breaks, each with its ``id``, ``impact`` and ``nodes``."""
    page.evaluate(_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return found
