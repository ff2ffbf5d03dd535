"""The pages beside the values: enlarged, turned for everybody, and their words taken by a click."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.test_log_in import be_logged_in
from tests.browser.test_places import DESK, PHONE, assert_outlined, watched
from tests.browser.test_review import answer, field, page_of
from tests.extraction.documents.pages import INVOICE, pdf, write
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser


@pytest.fixture
def operator(page: Page, site: RunningSite) -> Iterator[Page]:
    """A logged-in page on a desk; the test fails when the browser had anything to say."""
    page.set_viewport_size(DESK)
    page.emulate_media(reduced_motion="reduce")
    yield from watched(page, site)


def two_pages(site: RunningSite, folder: Path, more: int = 0) -> str:
    """Have an invoice read whose total, on its second page, is not its sum; return its address.

    ``more``: so many pages follow.
    """
    lines = [line.replace("156.00", "165.00") for line in INVOICE]
    content = pdf(
        lambda canvas: write(canvas, *lines[:-3]),
        lambda canvas: write(canvas, *lines[-3:]),
        *[lambda canvas: write(canvas, "Terms")] * more,
    )
    document = folder / f"{uuid.uuid4()}.pdf"
    # Bytes of its own: the same ones would not be read again.
    document.write_bytes(content + f"%{document.name}".encode())
    address: str = site.post(document).json()["extraction"]
    return address


def words_of(page: Page, number: int) -> dict[str, list[float]]:
    """The boxes of a page's words by their texts."""
    address = page.locator(f'.page[data-page="{number}"]').get_attribute("data-words")
    words = page.request.get(str(address)).json()
    return {text: box for text, *box in words}


def point_of(page: Page, number: int, box: list[float]) -> tuple[float, float]:
    """Where the middle of a place on a page that is not turned lies in the window."""
    for before in range(1, number + 1):  # they have their final heights
        image = page.locator(f'.page[data-page="{before}"] img')
        expect(image).to_have_js_property("complete", True)
    sheet = page.locator(f'.page[data-page="{number}"] .sheet')
    paper = sheet.bounding_box()
    assert paper is not None
    left, top, right, bottom = box
    return (
        paper["x"] + paper["width"] * (left + right) / 2,
        paper["y"] + paper["height"] * (top + bottom) / 2,
    )


def point_at_word(page: Page, text: str, *, number: int = 1) -> None:
    """Move the pointer on a word until the page has fetched its words, and outlines it."""
    x, y = point_of(page, number, words_of(page, number)[text])
    for _ in range(100):
        page.mouse.move(x + 1, y)
        page.mouse.move(x, y)
        if page.locator(".word").count():
            return
        page.wait_for_timeout(50)


def click_word(page: Page, text: str, *, number: int = 1) -> None:
    point_at_word(page, text, number=number)
    with page.expect_response("**/review/printed/**"):
        page.mouse.down()
        page.mouse.up()


def view(page: Page, name: str) -> Locator:
    return page.get_by_role("toolbar").get_by_role("button", name=name)


def test_pages_are_enlarged_and_turned_for_everybody(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    address = two_pages(site, tmp_path)
    evidence = answer(site, address)["invoice"]["evidence"]["total_amount"]
    assert evidence["page"] == 2
    operator.goto(page_of(address))
    expect(field(operator, "total_amount")).to_be_focused()
    assert_outlined(operator, evidence)
    expect(operator.get_by_text("Page 2 of 2")).to_be_visible()
    image = operator.locator('.page[data-page="2"] img')
    assert image.evaluate("image => image.naturalHeight") == 1920

    view(operator, "200 %").click()

    expect(view(operator, "200 %")).to_have_attribute("aria-pressed", "true")
    # As sharp as the window shows it.
    expect(image).to_have_js_property("naturalHeight", 2560)
    assert image.evaluate("image => image.clientHeight") == pytest.approx(2246, abs=2)
    assert_outlined(operator, evidence)
    expect(field(operator, "total_amount")).to_be_focused()

    with operator.expect_response("**/turn/"):
        view(operator, "Turn").click()

    left, top, right, bottom = evidence["box"]
    turned = {"page": 2, "box": [1 - bottom, left, 1 - top, right]}
    assert_outlined(operator, turned)
    view(operator, "Fit width").click()
    assert_outlined(operator, turned)
    operator.reload()
    assert_outlined(operator, turned)
    operator.goto(page_of(address).replace("review/", ""))
    operator.locator('[id="value-total_amount"]').focus()
    assert_outlined(operator, turned)


def test_pages_are_moved_by_keys_and_by_dragging(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    operator.goto(page_of(two_pages(site, tmp_path)))
    total = field(operator, "total_amount")
    pages = operator.get_by_role("region", name="Pages")
    expect(total).to_be_focused()
    before = total.input_value()

    operator.keyboard.press("F6")

    expect(pages).to_be_focused()
    expect(operator.locator(".place")).to_have_count(1)
    operator.keyboard.press("p")
    expect(operator.get_by_text("Page 1 of 2")).to_be_visible()
    operator.keyboard.press("n")
    expect(operator.get_by_text("Page 2 of 2")).to_be_visible()
    operator.keyboard.press("+")
    expect(view(operator, "100 %")).to_have_attribute("aria-pressed", "true")
    operator.keyboard.press("2")
    expect(view(operator, "200 %")).to_have_attribute("aria-pressed", "true")
    operator.keyboard.press("-")
    expect(view(operator, "100 %")).to_have_attribute("aria-pressed", "true")
    at = pages.evaluate("pages => [pages.scrollLeft, pages.scrollTop]")
    operator.keyboard.press("ArrowUp")
    assert pages.evaluate("pages => [pages.scrollLeft, pages.scrollTop]") == [at[0], at[1] - 60]
    for _ in range(4):
        with operator.expect_response("**/turn/"):
            operator.keyboard.press("r")
    expect(operator.locator('.page[data-turn="0"]')).to_have_count(2)
    operator.keyboard.press("0")

    operator.keyboard.press("F6")

    expect(total).to_be_focused()
    assert total.input_value() == before
    operator.keyboard.press("Escape")
    view(operator, "200 %").click()
    box = pages.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    at = pages.evaluate("pages => [pages.scrollLeft, pages.scrollTop]")
    operator.mouse.move(x, y)
    operator.mouse.down()
    operator.mouse.move(x - 30, y + 50)
    operator.mouse.up()
    now = pages.evaluate("pages => [pages.scrollLeft, pages.scrollTop]")
    assert now == pytest.approx([at[0] + 30, at[1] - 50], abs=1)


def test_click_on_a_word_fills_the_focused_field(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    fetched: list[str] = []
    operator.on("request", lambda request: fetched.append(request.url.split("/pages/")[-1]))
    operator.goto(page_of(two_pages(site, tmp_path, more=4)))
    total = field(operator, "total_amount")
    expect(total).to_be_focused()
    expect(operator.locator(".place")).to_have_count(1)

    click_word(operator, "26.00", number=2)

    expect(total).to_have_value("26.00")
    expect(total).to_be_focused()
    expect(operator.locator("#progress")).to_contain_text("Checked")
    clicked = words_of(operator, 2)["26.00"]
    assert_outlined(operator, {"page": 2, "box": clicked})
    click_word(operator, "Total", number=2)
    expect(operator.locator("#error-total_amount")).to_contain_text("Total: Enter a number")
    expect(total).to_have_value("26.00")
    # Words and images of the pages that were seen only.
    assert fetched.count("2/words/") == 1
    assert not {"5/words/", "6/words/"} & set(fetched)

    operator.get_by_role("button", name="Page before").click()
    field(operator, "invoice_date").fill("")
    words = words_of(operator, 1)
    expect(operator.get_by_text("Page 1 of 6")).to_be_visible()
    operator.mouse.move(*point_of(operator, 1, words["14"]))
    expect(operator.locator(".word")).to_have_count(1)
    operator.mouse.down()
    operator.mouse.move(*point_of(operator, 1, words["2026"]), steps=3)
    with operator.expect_response("**/review/printed/**"):
        operator.mouse.up()
    expect(field(operator, "invoice_date")).to_have_value("2026-03-14")

    field(operator, "supplier.name").focus()
    click_word(operator, "Harbour")
    operator.keyboard.down("Shift")
    click_word(operator, "Ltd,")
    operator.keyboard.up("Shift")
    expect(field(operator, "supplier.name")).to_have_value("Harbour Lamps Ltd")


def test_place_of_a_click_is_kept_until_the_value_is_typed(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    address = two_pages(site, tmp_path)
    operator.goto(page_of(address))
    total = field(operator, "total_amount")
    expect(total).to_be_focused()
    former = operator.locator('[data-path="total_amount"]').get_attribute("data-box")
    click_word(operator, "26.00", number=2)
    expect(operator.locator('[name="place.total_amount"]')).to_have_count(1)
    operator.reload()  # what was typed stays in the tab
    expect(operator.locator('[name="place.total_amount"]')).to_have_count(1)
    field(operator, "invoice_number").fill("HL-1")
    field(operator, "invoice_number").focus()
    click_word(operator, "26.00", number=2)
    expect(operator.locator('[name="place.invoice_number"]')).to_have_count(1)
    field(operator, "invoice_number").press_sequentially("HL-2")
    expect(operator.locator('[name="place.invoice_number"]')).to_have_count(0)
    total.focus()
    place = words_of(operator, 2)["26.00"]
    assert_outlined(operator, {"page": 2, "box": place})
    assert former != operator.locator('[data-path="total_amount"]').get_attribute("data-box")

    operator.get_by_role("button", name="Save", exact=True).last.click()

    expect(operator.locator(".messages")).to_contain_text("saved")
    evidence = answer(site, address)["invoice"]["evidence"]
    assert evidence["total_amount"] == {"source": "person", "page": 2, "box": place}
    assert evidence["invoice_number"] == {"source": "person", "page": None, "box": None}


def test_answer_to_a_click_leaves_what_was_typed_or_clicked_meanwhile(
    operator: Page, site: RunningSite, tmp_path: Path
) -> None:
    operator.goto(page_of(two_pages(site, tmp_path)))
    total, place = field(operator, "total_amount"), operator.locator('[name="place.total_amount"]')
    expect(total).to_be_focused()
    held: list[Route] = []
    operator.route("**/review/printed/**", lambda route: held.append(route))

    def click(text: str) -> Route:
        point_at_word(operator, text, number=2)
        with operator.expect_request("**/review/printed/**"):
            operator.mouse.down()
            operator.mouse.up()
        while not held:
            operator.wait_for_timeout(20)
        return held.pop()

    def let_through(route: Route) -> None:
        with operator.expect_event("requestfinished"):
            route.continue_()
        # What is asked afterwards is answered after the page has taken the answer before it.
        operator.evaluate("fetch(location.href).then((response) => response.text())")

    expect(operator.locator(".place")).to_have_count(1)
    late = click("26.00")
    total.fill("27.00")
    let_through(late)
    expect(total).to_have_value("27.00")
    expect(place).to_have_count(0)

    earlier, later = click("Total"), click("26.00")
    let_through(later)
    expect(total).to_have_value("26.00")
    sent = place.input_value()
    let_through(earlier)
    expect(operator.locator("#error-total_amount")).not_to_contain_text("Enter a number")
    expect(place).to_have_count(1)

    earlier, later = click("165.00"), click("26.00")
    let_through(earlier)
    expect(place).to_have_value(sent)
    let_through(later)
    expect(total).to_have_value("26.00")


@pytest.mark.browser_context_args(has_touch=True, is_mobile=True, viewport=PHONE)
def test_tap_on_a_word_fills_the_focused_field(
    page: Page, site: RunningSite, tmp_path: Path
) -> None:
    page.emulate_media(reduced_motion="reduce")
    be_logged_in(page, site)
    page.goto(page_of(two_pages(site, tmp_path)))
    total = field(page, "total_amount")
    expect(total).to_be_focused()
    expect(page.locator(".place")).to_be_in_viewport(ratio=1)
    box: Any = words_of(page, 2)["26.00"]

    page.touchscreen.tap(*point_of(page, 2, box))

    expect(total).to_have_value("26.00")
