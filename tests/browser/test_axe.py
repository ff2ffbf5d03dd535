"""What makes axe faster does not change what it finds."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.axe import violations

pytestmark = pytest.mark.browser

# A fault of contrast in each way to write a colour and to mix it with what is below, each of them
# twice, a few texts that are well, and other faults.
PAGE = """
<!doctype html><html lang="en"><title>Colours</title><main><h1>Colours</h1>
<p style="color: #999">Grey</p><p style="color: #99999a">Grey</p>
<p style="color: #999">Grey again</p><p style="color: #333">Dark</p>
<div style="background: rgb(20 20 20 / 50%)"><p style="color: #333">On a half</p></div>
<div style="background: rgb(20 20 20 / 50%); opacity: .5"><p style="color: #333">Less</p></div>
<div style="background: rgb(20 20 20 / 50%); opacity: .1"><p style="color: #333">Well</p></div>
<p style="color: hsl(0.5turn 40% 60%)">Turned</p><p style="color: hsl(0.5turn 40% 60%)">Twice</p>
<p style="color: color(display-p3 0.5 0.9 0.5)">Wide</p><p style="color: oklch(80% .1 90)">Light</p>
<img src="data:,"><input><a href="#nowhere"></a></main></html>
"""


def test_faults_are_those_that_axe_finds_by_itself(page: Page) -> None:
    page.set_content(PAGE)
    by_itself = Axe().run(page).response["violations"]

    found = violations(page)

    assert found == by_itself
    assert {rule["id"]: len(rule["nodes"]) for rule in found} == {
        "color-contrast": 10,
        "image-alt": 1,
        "label": 1,
        "link-name": 1,
    }


def test_colour_that_was_changed_is_parsed_again_as_it_is_written(page: Page) -> None:
    violations(page)

    alphas = page.evaluate(
        """() => [0.5, 0.25].map(opacity => {
          const colour = new axe.commons.color.Color().parseString("rgb(9, 8, 7)");
          const { alpha } = colour;
          colour.alpha *= opacity;
          return alpha;
        })"""
    )

    assert alphas == [1, 1]
