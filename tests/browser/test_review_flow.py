"""From upload to approved export, by counted keys, by two reviewers at once, in every window."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.test_log_in import fill_in_log_in, log_in
from tests.browser.test_places import DESK, PHONE, assert_uncovered, watched
from tests.browser.test_review import answer, doubtful, field, page_of
from tests.browser.test_upload import PATIENCE, SAMPLES, assert_accessible_and_fitting
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser

WIDTHS = (320, 390, 1280, 1920)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PASSWORD = "a-long-password-of-binod"  # of this test's site


@pytest.fixture
def operator(page: Page, site: RunningSite) -> Iterator[Page]:
    """A logged-in page on a desk; the test fails when the browser had anything to say."""
    page.set_viewport_size(DESK)
    page.emulate_media(reduced_motion="reduce")
    yield from watched(page, site)


class Keys:
    """A person's keyboard; counts what is pressed besides the letters of a value."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.pressed = 0

    def press(self, keys: str) -> None:
        self.pressed += 1
        self._page.keyboard.press(keys)

    def type(self, text: str) -> None:
        self._page.keyboard.type(text)


def own_copy(folder: Path, name: str) -> Path:
    """A sample with bytes of its own, since the same ones are not read again."""
    copy = folder / name
    copy.write_bytes((SAMPLES / name).read_bytes() + f"%{folder}".encode())
    return copy


def test_right_document_takes_one_key(operator: Page, site: RunningSite, tmp_path: Path) -> None:
    address: str = site.post(own_copy(tmp_path, "himal-tax-invoice.pdf")).json()["extraction"]
    operator.goto(page_of(address))
    expect(operator.get_by_role("button", name="Approve, next")).to_be_focused()
    keys = Keys(operator)

    keys.press("Enter")

    expect(operator.locator(".messages")).to_contain_text("is approved.")
    assert keys.pressed == 1
    assert answer(site, address)["reviewed"]["decision"] == "approved"


def test_one_wrong_value_takes_two_keys_besides_typing_it(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    address = doubtful(site, tmp_path)
    operator.goto(page_of(address))
    expect(field(operator, "total_amount")).to_be_focused()
    keys = Keys(operator)

    keys.type("156.00")
    keys.press("Tab")
    expect(operator.get_by_role("button", name="Approve, next")).to_be_focused()
    keys.press("Enter")

    expect(operator.locator(".messages")).to_contain_text("is approved.")
    assert keys.pressed == 2
    assert answer(site, address)["invoice"]["total_amount"] == "156.00"


def test_second_reviewer_is_told_and_keeps_what_was_typed(
    operator: Page, site: RunningSite, tmp_path: Path, browser: Browser
) -> None:
    address = doubtful(site, tmp_path)
    site.manage(
        *("shell", "-v0", "-c"),
        "from django.contrib.auth.models import User;"
        f"User.objects.create_superuser('binod', password={PASSWORD!r})",
    )
    operator.goto(page_of(address))
    context = browser.new_context(base_url=site.url, viewport=DESK)
    second = context.new_page()
    log_in(second, "binod", PASSWORD)
    second.goto(page_of(address))
    expect(second.locator("main")).to_contain_text("Another person has this invoice open")
    field(second, "total_amount").fill("150.00")
    field(second, "invoice_number").fill("HL-2041-B")

    field(operator, "total_amount").fill("156.00")
    operator.keyboard.press("Control+Enter")
    expect(operator.locator(".messages")).to_contain_text("is approved.")
    field(second, "payment_terms").press("Control+Enter")

    problem = second.get_by_role("alert").filter(has_text="Another person changed this invoice")
    expect(problem).to_be_visible()
    expect(field(second, "total_amount")).to_have_value("150.00")
    expect(second.locator("#error-total_amount")).to_contain_text("changed this to 156.00")
    expect(field(second, "invoice_number")).to_have_value("HL-2041-B")
    assert_accessible_and_fitting(second)
    assert answer(site, address)["invoice"]["total_amount"] == "156.00"

    field(second, "total_amount").fill("156.00")
    field(second, "total_amount").press("Control+Enter")

    expect(second.locator(".messages")).to_contain_text("is approved.")
    assert answer(site, address)["invoice"]["invoice_number"] == "HL-2041-B"
    context.close()


def test_approval_after_the_session_ended_loses_nothing(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    address = doubtful(site, tmp_path)
    operator.goto(page_of(address))
    rows = operator.locator('[id="field-line_items"] tbody tr')
    field(operator, "line_items.1.description").press("Alt+ArrowUp")
    expect(field(operator, "line_items.1.description")).to_be_focused()
    expect(rows.first.locator("th")).to_have_text("1")
    expect(rows.first).to_have_attribute("data-row", "line_items.1")
    field(operator, "total_amount").fill("156.00")
    operator.context.clear_cookies(name="sessionid")

    field(operator, "total_amount").press("Control+Enter")

    fill_in_log_in(operator, site.credentials["username"], site.credentials["password"])
    expect(field(operator, "total_amount")).to_have_value("156.00")
    expect(rows.first).to_have_attribute("data-row", "line_items.1")
    expect(operator.locator("#progress")).to_contain_text("Checked")

    operator.keyboard.press("Control+Enter")

    expect(operator.locator(".messages")).to_contain_text("is approved.")
    invoice = answer(site, address)["invoice"]
    assert invoice["total_amount"] == "156.00"
    assert [line["description"] for line in invoice["line_items"]] == ["Bulb E27", "Desk lamp"]


def test_row_is_moved_by_its_buttons(operator: Page, site: RunningSite, tmp_path: Path) -> None:
    address = doubtful(site, tmp_path)
    operator.goto(page_of(address))
    lines = operator.get_by_role("region", name="Lines")
    lines.get_by_role("button", name="Move row 1 down").press("Enter")
    expect(operator.get_by_label("Description, row 2", exact=True)).to_have_value("Desk lamp")
    expect(lines.get_by_role("button", name="Move row 2 down")).to_be_focused()
    operator.get_by_role("button", name="Add a row to: Lines").press("Enter")
    operator.keyboard.type("Delivery")
    operator.keyboard.press("Alt+ArrowUp")
    operator.keyboard.press("Alt+ArrowUp")
    expect(operator.get_by_label("Description, row 1", exact=True)).to_have_value("Delivery")
    expect(operator.locator("#progress")).to_contain_text("Checked")

    operator.get_by_role("button", name="Save", exact=True).click()

    expect(operator.locator(".messages")).to_contain_text("saved")
    items = answer(site, address)["invoice"]["line_items"]
    assert [item["description"] for item in items] == ["Delivery", "Bulb E27", "Desk lamp"]


def test_review_page_fits_every_window(operator: Page, site: RunningSite, tmp_path: Path) -> None:
    operator.goto(page_of(doubtful(site, tmp_path)))
    expect(field(operator, "total_amount")).to_be_focused()
    operator.get_by_role("toolbar").get_by_role("button", name="100 %").click()
    operator.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    for scheme in SCHEMES:
        operator.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            operator.set_viewport_size(ViewportSize(width=width, height=900))
            assert_accessible_and_fitting(operator)


@pytest.mark.parametrize("width", WIDTHS)
def test_reason_that_is_missing_is_asked_for_in_sight(
    operator: Page, site: RunningSite, tmp_path: Path, width: int
) -> None:
    operator.set_viewport_size({"width": width, "height": 700})
    operator.goto(page_of(doubtful(site, tmp_path)))
    operator.locator("summary", has_text="Reject").click()

    operator.get_by_role("button", name="Reject", exact=True).click()

    reason = operator.locator("#rejection")
    expect(reason).to_be_focused()
    expect(operator.locator("#error-rejection")).to_have_text("Say why it is rejected.")
    assert_uncovered(operator, reason)


def test_phone_from_upload_to_approval(operator: Page, site: RunningSite, tmp_path: Path) -> None:
    operator.set_viewport_size(PHONE)
    document = own_copy(tmp_path, "himal-tax-invoice.pdf")
    operator.goto("/")
    operator.get_by_label("Drop files here").set_input_files([document])
    row = operator.locator("#batches li").filter(has_text=document.name)
    expect(row).to_contain_text("Succeeded", timeout=PATIENCE)
    row.get_by_role("link", name=document.name).click()
    operator.get_by_role("link", name="Review", exact=True).click()
    expect(operator.get_by_role("button", name="Approve, next")).to_be_in_viewport()

    operator.get_by_role("button", name="Approve, next").click()

    expect(operator.locator(".messages")).to_contain_text("is approved.")


def test_three_files_from_upload_to_approved_export(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    names = ["himal-tax-invoice.pdf", "acme-invoice.pdf", "globex-3-pages.pdf"]
    operator.goto("/")
    files = [own_copy(tmp_path, name) for name in names]
    operator.get_by_label("Drop files here").set_input_files(files)
    rows = operator.locator("#batches li")
    expect(rows.filter(has_text="Succeeded")).to_have_count(len(names), timeout=PATIENCE)
    pages = [str(link.get_attribute("href")) for link in rows.locator("a.name").all()]
    for page in pages:
        operator.goto(f"{page}review/")
        operator.keyboard.press("Control+Enter")
        expect(operator.locator(".messages")).to_contain_text("is approved.")

    operator.goto("/extractions/")
    for page in pages:
        operator.locator(f'input[name="chosen"][value="{page.strip("/").split("/")[-1]}"]').check()
    with operator.expect_download() as download:
        operator.get_by_role("button", name="Export as CSV").click()
    exported = Path(download.value.path()).read_text("utf-8-sig")

    table: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(exported)))
    assert len(table) == len(names)
