"""An operator's way: log in, upload, watch, open a result. On a desk and on a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.axe import violations
from tests.browser.test_log_in import come_back, log_in
from tests.running_site import ROOT, RunningSite

pytestmark = pytest.mark.browser

SAMPLES = ROOT / "samples"
PATIENCE = 30_000  # milliseconds until an extraction must have ended


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desk", "phone"])
def operator(page: Page, site: RunningSite, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A logged-in page; the test fails when the browser had anything to say."""
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    width, height = request.param
    page.set_viewport_size({"width": width, "height": height})
    come_back(page, site)
    yield page
    assert messages == []


def assert_accessible_and_fitting(page: Page) -> None:
    page.wait_for_load_state()
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in violations(page)] == []
    assert_fitting(page)


def assert_fitting(page: Page) -> None:
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0


def test_three_files_one_bad_are_followed_to_their_end(operator: Page, tmp_path: Path) -> None:
    bad = tmp_path / "notes.pdf"
    bad.write_text("These are only notes.")
    files = [SAMPLES / "acme-invoice.pdf", bad, SAMPLES / "globex-3-pages.pdf"]
    operator.get_by_label("Drop files here").set_input_files(files)

    rows = operator.locator("#batches li")
    expect(rows.filter(has_text="Succeeded")).to_have_count(2, timeout=PATIENCE)
    rejected = rows.filter(has_text="notes.pdf")
    expect(rejected).to_contain_text("Refused")
    expect(rejected).to_contain_text("PDF")
    assert_accessible_and_fitting(operator)

    operator.get_by_role("link", name="globex-3-pages.pdf").click()

    expect(operator.get_by_role("heading", level=1)).to_contain_text("globex-3-pages.pdf")
    expect(operator.get_by_role("img")).to_have_count(3)
    for image in operator.get_by_role("img").all():
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") > 1000
    expect(operator.get_by_text("Needs review").first).to_be_visible()
    assert_accessible_and_fitting(operator)


def test_outage_is_told_beside_the_file(page: Page, site: RunningSite) -> None:
    come_back(page, site)
    detail = "The service cannot reach its database. Try again in a moment."
    problem = {"code": "database_unavailable", "message": "Service Unavailable", "detail": detail}
    page.route(f"{site.url}/", lambda route: route.fulfill(status=503, json=problem))
    page.get_by_label("Drop files here").set_input_files([SAMPLES / "acme-invoice.pdf"])

    row = page.locator("#batches li")
    expect(row).to_contain_text("Not sent")
    expect(row).to_contain_text(detail)


def test_file_chosen_before_the_script_arrives_is_sent(page: Page, site: RunningSite) -> None:
    held: list[Route] = []
    page.route("**/upload*.js", lambda route: held.append(route))
    with page.expect_request("**/upload*.js"):
        log_in(page, site.credentials["username"], site.credentials["password"])
    page.get_by_label("Drop files here").set_input_files([SAMPLES / "acme-invoice.pdf"])
    for route in held:
        route.continue_()

    expect(page.locator("#batches li")).to_contain_text("Succeeded", timeout=PATIENCE)


def test_outage_does_not_end_the_following_of_a_file(page: Page, site: RunningSite) -> None:
    come_back(page, site)
    problem = {"code": "database_unavailable", "detail": "The service cannot reach its database."}
    page.route(
        "**/extractions/states/*", lambda route: route.fulfill(status=503, json=problem), times=1
    )
    with page.expect_response("**/extractions/states/*") as refused:
        page.get_by_label("Drop files here").set_input_files([SAMPLES / "himal-tax-invoice.pdf"])

    assert refused.value.status == 503
    expect(page.locator("#batches li")).to_contain_text("Succeeded", timeout=PATIENCE)
    expect(page.get_by_text("cannot reach")).to_be_hidden()


def test_every_page_is_accessible_and_fits(operator: Page) -> None:
    for address in ("/", "/extractions/", "/extractions/?state=failed"):
        operator.goto(address)
        assert_accessible_and_fitting(operator)


def test_upload_without_a_mouse(operator: Page) -> None:
    # Playwright takes the browser's dialog over only while somebody listens, and does not wait
    # until it has: so well before the key is pressed.
    operator.on("filechooser", lambda _chooser: None)
    field = operator.get_by_label("Drop files here")
    expect(operator.get_by_role("button", name="Upload")).to_be_hidden()  # the script runs
    for _ in range(20):
        operator.keyboard.press("Tab")
        if field.evaluate("element => element === document.activeElement"):
            break
    else:
        pytest.fail("Tab does not reach the file field")

    with operator.expect_file_chooser() as chooser:
        operator.keyboard.press("Space")
    chooser.value.set_files([SAMPLES / "himal-tax-invoice.pdf"])

    row = operator.locator("#batches li")
    expect(row).to_contain_text("Succeeded", timeout=PATIENCE)


def test_admin_prints_no_console_message(operator: Page) -> None:
    for address in (
        "/admin/",
        "/admin/tokens/tokenmaster/",
        "/admin/tokens/tokenmaster/add/",
        "/admin/tokens/tokenusagelog/",
        "/admin/logs/applicationlog/",
        "/admin/extraction/extraction/",
        "/admin/extraction/apiclient/add/",
    ):
        response = operator.goto(address)
        assert response is not None
        assert response.status == 200, address
