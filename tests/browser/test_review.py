"""An operator reviews by keyboard alone: corrects what is doubtful, approves, and gets the next."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_log_in import fill_in_log_in
from tests.browser.test_places import DESK, PHONE, assert_outlined, watched
from tests.browser.test_upload import assert_accessible_and_fitting
from tests.extraction.documents.pages import INVOICE, pdf, write
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser


@pytest.fixture(
    params=[(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")],
    ids=["desk-light", "desk-dark", "phone-light", "phone-dark"],
)
def operator(page: Page, site: RunningSite, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A logged-in page; the test fails when the browser had anything to say."""
    size, scheme = request.param
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    yield from watched(page, site)


def doubtful(site: RunningSite, folder: Path) -> str:
    """Have an invoice read whose total is not its sum; return its address in the API."""
    document = folder / f"{uuid.uuid4()}.pdf"
    lines = [line.replace("156.00", "165.00") for line in INVOICE]
    # Bytes of its own: the same ones would not be read again.
    document.write_bytes(pdf(lambda canvas: write(canvas, *lines)) + f"%{document.name}".encode())
    address: str = site.post(document).json()["extraction"]
    return address


def page_of(address: str) -> str:
    return address.replace("/api/v1", "") + "review/"


def field(page: Page, path: str) -> Locator:
    return page.locator(f'[id="field-{path}"]')


def answer(site: RunningSite, address: str) -> dict[str, Any]:
    body: dict[str, Any] = site.client.get(address).json()
    return body


def test_wrong_total_is_corrected_and_approved_by_three_keys(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    address = doubtful(site, tmp_path)
    evidence = answer(site, address)["invoice"]["evidence"]
    operator.goto(page_of(address))
    total = field(operator, "total_amount")
    # The first doubtful value.
    expect(total).to_be_focused()
    assert_outlined(operator, evidence["total_amount"])
    assert_accessible_and_fitting(operator)
    operator.keyboard.press("F8")
    expect(operator.get_by_role("button", name="Approve, next")).to_be_focused()
    operator.keyboard.press("Shift+F8")
    expect(total).to_be_focused()

    operator.keyboard.type("156.00")
    operator.keyboard.press("Enter")

    expect(operator.locator("#progress")).to_contain_text("Checked")
    expect(operator.locator("#doubt-total_amount")).to_be_empty()
    assert_accessible_and_fitting(operator)

    operator.keyboard.press("Control+Enter")

    expect(operator.locator(".messages")).to_contain_text("is approved.")
    body = answer(site, address)
    assert body["invoice"]["total_amount"] == "156.00"
    assert body["invoice"]["evidence"]["total_amount"]["source"] == "person"
    assert (body["reviewed"]["decision"], body["needs_review"]) == ("approved", False)


def test_wrong_text_is_told_at_its_field_before_it_is_sent(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    operator.goto(page_of(doubtful(site, tmp_path)))
    total = field(operator, "total_amount")
    total.fill("about 5")

    total.press("Tab")

    expect(operator.locator("#error-total_amount")).to_contain_text("Enter a number")
    expect(total).to_have_attribute("aria-invalid", "true")
    expect(total).to_have_value("about 5")
    assert_accessible_and_fitting(operator)


def test_row_is_added_and_removed(operator: Page, site: RunningSite, tmp_path: Path) -> None:
    address = doubtful(site, tmp_path)
    lines = answer(site, address)["invoice"]["line_items"]
    operator.goto(page_of(address))

    operator.get_by_role("button", name="Add a row to: Lines").press("Enter")

    added = f"line_items.{len(lines)}"
    expect(field(operator, f"{added}.description")).to_be_focused()
    operator.keyboard.type("Delivery")
    field(operator, f"{added}.amount").fill("9.00")
    # By key: the page moves when the checks of what was typed arrive.
    remove = operator.get_by_label("Remove row 1", exact=True).first
    remove.press("Space")
    expect(remove).to_be_checked()
    expect(operator.locator("#progress")).to_contain_text("Checked")
    assert_accessible_and_fitting(operator)
    operator.get_by_role("button", name="Save", exact=True).click()

    expect(operator.locator(".messages")).to_contain_text("saved")
    now = answer(site, address)["invoice"]["line_items"]
    assert [line["amount"] for line in now] == [
        *(line["amount"] for line in lines[1:]),
        "9.00",
    ]


def test_what_was_typed_outlives_the_session(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    operator.goto(page_of(doubtful(site, tmp_path)))
    field(operator, "invoice_number").fill("RE-2026")
    operator.context.clear_cookies(name="sessionid")

    field(operator, "invoice_number").press("Tab")

    notice = operator.locator("#script-notice")
    expect(notice).to_contain_text("You were logged out.")
    notice.get_by_role("link", name="Log in").click()
    fill_in_log_in(operator, site.credentials["username"], site.credentials["password"])

    expect(field(operator, "invoice_number")).to_have_value("RE-2026")


def test_contradiction_is_approved_by_asking_once(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    address = doubtful(site, tmp_path)
    operator.goto(page_of(address))

    operator.keyboard.press("Control+Enter")

    expect(operator.get_by_role("button", name="Approve anyway")).to_be_focused()
    assert_accessible_and_fitting(operator)

    operator.keyboard.press("Enter")

    expect(operator.locator(".messages")).to_contain_text("is approved.")
    assert answer(site, address)["reviewed"]["decision"] == "approved"
