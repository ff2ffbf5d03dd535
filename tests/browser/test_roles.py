"""Each page as an auditor and as a bound manager see it; the superuser's are in test_admin."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_admin import DESK, OVERFLOW, PHONE, lists, serious
from tests.browser.test_log_in import log_in
from tests.ocrsite.test_bound_staff import THEIRS
from tests.running_site import ROOT, RunningSite, running_site

pytestmark = pytest.mark.browser

SEED = ROOT / "tests" / "browser" / "role_rows.py"
# Beside the lists of the index.
PAGES = ["/extractions/", "/extractions/deleted/", "/admin/", "/admin/usage-report/"]
WRITES = (
    "input[name=_save], input[name=_addanother], .deletelink, .addlink,"
    " #changelist-form select[name=action]"
)


@pytest.fixture(scope="module")
def own(
    tmp_path_factory: pytest.TempPathFactory, browser_type_launch_args: dict[str, Any]
) -> Iterator[RunningSite]:
    """A site of its own, with rows of two companies and nobody who works."""
    with running_site(tmp_path_factory.mktemp("roles") / "data") as site:
        site.manage("shell", "-v0", "-c", SEED.read_text())
        site.start_web()
        yield site


@pytest.fixture(params=["ina", "mia"], ids=["auditor", "bound-manager"])
def person(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page_of_theirs(browser: Browser, own: RunningSite, person: str) -> Iterator[Page]:
    context = browser.new_context(base_url=own.url, viewport=DESK)
    page = context.new_page()
    log_in(page, person, f"Vesuvius-1944-{person}")
    expect(page.get_by_role("link", name="Administration")).to_be_visible()
    yield page
    context.close()


def test_every_page_of_theirs_fits_and_is_free_of_faults(page_of_theirs: Page, person: str) -> None:
    page, faults = page_of_theirs, []
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    def look(address: str, *, is_of_rights: bool = False) -> None:
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            if (overflow := page.evaluate(OVERFLOW)) > 0:
                faults.append(f"{address} is {overflow} px too wide at {size['width']}")
        if person == "mia" and THEIRS in page.content():
            faults.append(f"{address} names {THEIRS}")
        offered = page.locator(WRITES).filter(visible=True).count()
        if person == "ina" and offered and not is_of_rights:
            faults.append(f"{address} offers to change something")
        faults.extend(f"{address}: {text}" for text in said)
        faults.extend(serious(page))
        said.clear()  # axe asks for style sheets where they are not

    for address in [*lists(page), *PAGES]:
        look(address)
        first = page.locator("#result_list tbody th a").first
        if first.count():
            look(first.get_attribute("href") or "")
    page.goto("/extractions/")
    result = page.get_by_role("link", name="read-of-NT047.pdf").get_attribute("href") or ""
    for address in (result, f"{result}trace/"):
        look(address, is_of_rights=True)
    assert not faults, "\n".join(faults)
