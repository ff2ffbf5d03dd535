"""The lists of the admin as staff see them: everything in sight, and nothing for axe to say."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.axe import violations
from tests.browser.test_log_in import be_logged_in
from tests.running_site import ROOT, RunningSite

pytestmark = pytest.mark.browser

DESK, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=320, height=700)
TOKENS = "/admin/tokens/tokenmaster/"
# How far a list, or the page, is wider than what shows it.
OVERFLOW = """() => {
  const list = document.getElementById("result_list");
  const page = document.documentElement;
  const inside = list ? list.scrollWidth - list.parentElement.clientWidth : 0;
  return Math.max(inside, page.scrollWidth - page.clientWidth);
}"""
SEED = ROOT / "tests" / "browser" / "admin_rows.py"


@pytest.fixture(scope="module")
def rows(site: RunningSite) -> None:
    """A row in every list, with long texts."""
    site.manage("shell", "-c", SEED.read_text())


@pytest.fixture
def staff(browser: Browser, site: RunningSite, rows: None) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url, viewport=DESK)
    page = context.new_page()
    be_logged_in(page, site)
    yield page
    context.close()


def lists(page: Page) -> list[str]:
    """The addresses of all lists, as the index has them."""
    page.goto("/admin/")
    links = page.locator("#content-main th a")
    found = [link.get_attribute("href") or "" for link in links.all()]
    assert len(found) > 15
    return found


def serious(page: Page) -> list[str]:
    """What axe finds that keeps people from using the page, once its scripts are done."""
    page.wait_for_load_state()
    expect(page.locator("span.help-tooltip[aria-label]:not([role])")).to_have_count(0)
    return [
        f"{page.url}: {each['id']}, {each['nodes'][0]['html']}"
        for each in violations(page)
        if each["impact"] in {"serious", "critical"}
    ]


def test_every_list_and_form_is_in_sight_and_free_of_faults(staff: Page) -> None:
    addresses = lists(staff)
    forms = [
        f"{address}add/"
        for address in addresses
        if staff.locator(f'a[href="{address}add/"]').count()
    ]
    faults = []
    for address in [*addresses, "/admin/tokens/usagesummaryrow/", "/admin/", *forms]:
        for size in (DESK, PHONE):
            staff.set_viewport_size(size)
            staff.goto(address)
            overflow = staff.evaluate(OVERFLOW)
            if overflow > 0:
                faults.append(f"{address} is {overflow} px too wide at {size['width']}")
        faults += serious(staff)
        staff.set_viewport_size(DESK)
        first = staff.locator("#result_list tbody th a").first
        if first.count():
            first.click()
            faults += serious(staff)
    assert not faults, "\n".join(faults)


def test_lists_fit_with_german_headings(staff: Page) -> None:
    staff.set_extra_http_headers({"Accept-Language": "de"})
    too_wide = {}
    for address in [*lists(staff), "/admin/tokens/usagesummaryrow/"]:
        staff.goto(address)
        expect(staff.locator("html")).to_have_attribute("lang", "de")
        too_wide[address] = staff.evaluate(OVERFLOW)

    assert {address for address, overflow in too_wide.items() if overflow > 0} == set()


def test_the_sidebar_is_folded_until_it_is_opened(staff: Page) -> None:
    staff.goto(TOKENS)
    sidebar, group = staff.locator("#nav-sidebar"), staff.locator("#nav-sidebar a").first
    expect(sidebar).to_have_attribute("aria-expanded", "false")
    expect(group).to_be_hidden()

    staff.get_by_label("Toggle navigation").click()
    expect(group).to_be_in_viewport()
    staff.reload()

    expect(sidebar).to_have_attribute("aria-expanded", "true")
    expect(group).to_be_in_viewport()


def test_filters_are_unfolded_by_key_and_stay_so(staff: Page) -> None:
    staff.goto(TOKENS)
    filters = staff.get_by_role("navigation", name="Filters")
    expect(filters).to_be_hidden()

    staff.locator(".list-filters > summary").press("Enter")
    filters.get_by_role("link", name="5 % or less").click()

    expect(staff).to_have_url(re.compile(r"\?left=nearly-used-up$"))
    expect(filters).to_be_visible()
    expect(staff.locator("#result_list tbody tr")).to_have_count(1)
    expect(staff.locator("meter")).to_have_accessible_name("0.4 % left")
    staff.get_by_role("link", name="Clear all filters").click()
    expect(staff).to_have_url(re.compile(r"tokenmaster/\?$"))


def test_a_row_is_a_card_on_a_phone_with_its_headings(staff: Page) -> None:
    staff.set_viewport_size(PHONE)
    staff.goto(f"{TOKENS}?left=nearly-used-up")

    row = staff.locator("#result_list tbody tr")
    cells = {"company": "Company", "state": "Status", "left": "Left"}
    for name, heading in cells.items():
        cell = row.locator(f".field-{name}")
        expect(cell).to_have_attribute("data-heading", heading)
        expect(cell).to_be_in_viewport(ratio=1)
