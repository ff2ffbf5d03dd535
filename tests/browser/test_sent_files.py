"""The list of the files that were sent: kept, summed up, and what can be done with each."""

import itertools
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Dialog, Locator, Page, Route, expect

from tests.browser.test_log_in import come_back
from tests.browser.test_upload import PATIENCE, SAMPLES, assert_accessible_and_fitting
from tests.extraction.sample_documents import heic, locked_pdf, pdf
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser

# The tests share one site: each document has to be new to it.
_numbers = itertools.count(1)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def operator(page: Page, site: RunningSite) -> Page:
    come_back(page, site)
    expect(page.get_by_role("button", name="Upload")).to_be_hidden()  # the script runs
    return page


def new_pdf(folder: Path, name: str = "invoice.pdf") -> Path:
    path = folder / name
    path.write_bytes(pdf(f"INVOICE\n{name[:2]} {next(_numbers)}", size=(500, 200)))
    return path


def send(page: Page, *paths: Path) -> Locator:
    """Choose the files together; return the rows."""
    page.get_by_label("Drop files here").set_input_files(paths)
    return page.locator("#batches li")


def summary(page: Page) -> Locator:
    return page.locator("#batches .summary").first


def test_batch_is_summed_up_and_survives_reload_and_back(
    operator: Page, site: RunningSite, files: Path
) -> None:
    bad = files / "notes.pdf"
    bad.write_text("These are only notes.")
    rows = send(operator, new_pdf(files, "one.pdf"), bad, new_pdf(files, "two.pdf"))
    expect(summary(operator)).to_contain_text("2 of 3 read", timeout=PATIENCE)
    expect(summary(operator)).to_contain_text("2 to review")
    expect(summary(operator)).to_contain_text("1 refused")
    expect(operator.get_by_role("link", name="notes.pdf")).to_have_count(0)
    send(operator, new_pdf(files, "three.pdf"), new_pdf(files, "four.pdf"))
    expect(summary(operator)).to_contain_text("2 of 2 read", timeout=PATIENCE)
    site.execute(
        "UPDATE extraction_extraction SET reviewed_at = created_at, rejection = 'A reminder.'"
        " WHERE file_name = 'one.pdf'"
    )

    operator.reload()

    expect(rows).to_have_count(5)
    expect(rows.filter(has_text="notes.pdf")).to_contain_text("Refused")
    expect(rows.filter(has_text="one.pdf")).to_contain_text("Rejected")
    expect(rows.filter(has_text="one.pdf")).not_to_contain_text("Needs review")
    first = operator.locator("#batches .summary").last
    expect(first).to_contain_text("1 to review")

    first.get_by_role("link", name="1 to review").click()

    expect(operator.locator("tbody th")).to_have_text(["two.pdf"])
    operator.go_back()
    expect(rows).to_have_count(5)
    operator.locator("#batches .summary").last.get_by_role("link", name="2 of 3 read").click()
    expect(operator.locator("tbody th")).to_have_count(2)


def test_document_that_came_already_is_opened_or_read_again_by_keyboard(
    operator: Page, files: Path
) -> None:
    document = new_pdf(files)
    rows = send(operator, document)
    expect(rows).to_contain_text("Succeeded", timeout=PATIENCE)
    send(operator, document)
    again = rows.nth(1)
    expect(again).to_contain_text("This document came already on")
    expect(summary(operator)).to_contain_text("1 came already")
    assert_accessible_and_fitting(operator)

    again.get_by_role("button", name="Read it again").press("Enter")

    expect(summary(operator)).to_contain_text("2 of 2 read", timeout=PATIENCE)
    expect(again).not_to_contain_text("came already")
    send(operator, document)
    rows.nth(2).get_by_role("link", name="Open it").press("Enter")
    expect(operator.get_by_role("heading", level=1)).to_contain_text("invoice.pdf")


def test_locked_file_is_unlocked_beside_its_name(operator: Page, files: Path) -> None:
    locked = files / "bank.pdf"
    locked.write_bytes(locked_pdf(user="geheim77", owner="o", text=f"Bill {next(_numbers)}"))
    rows = send(operator, locked, new_pdf(files))
    password = rows.get_by_label("Password of bank.pdf")
    expect(password).to_be_visible()
    expect(rows.first).to_contain_text("locked with a password")
    assert_accessible_and_fitting(operator)

    password.fill("falsch88")
    password.press("Enter")

    expect(rows.first).to_contain_text("The password does not open the file.")
    expect(password).to_be_focused()
    expect(password).to_have_value("")
    password.fill("geheim77")
    password.press("Enter")
    expect(summary(operator)).to_contain_text("2 of 2 read", timeout=PATIENCE)
    expect(password).to_be_hidden()
    kept = operator.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "bank.pdf" in kept
    assert "geheim77" not in kept
    assert "falsch88" not in kept


def test_who_was_logged_out_is_told_and_goes_on_after_logging_in(
    operator: Page, site: RunningSite, files: Path
) -> None:
    operator.context.clear_cookies()

    row = send(operator, new_pdf(files))

    expect(row).to_contain_text("Not sent")
    expect(row).to_contain_text("You were logged out.")
    expect(operator.get_by_role("alert")).to_contain_text("You were logged out. Log in again")
    other = operator.context.new_page()
    come_back(other, site)
    other.wait_for_url("**/")
    other.close()
    row.get_by_role("button", name="Send it again").click()
    expect(row).to_contain_text("Succeeded", timeout=PATIENCE)
    expect(operator.get_by_role("alert")).to_be_hidden()


def test_leaving_while_a_file_is_sent_asks_and_says_what_was_not_sent(
    operator: Page, site: RunningSite, files: Path
) -> None:
    held: list[Route] = []
    operator.route(f"{site.url}/", lambda route: held.append(route), times=1)
    operator.get_by_role("heading", level=1).click()  # browsers ask only who has done something
    with operator.expect_request(f"{site.url}/"):
        row = send(operator, new_pdf(files))
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    operator.once("dialog", leave)
    operator.goto("/extractions/")

    assert asked == ["beforeunload"]
    operator.goto("/")
    expect(row).to_contain_text("The page was left before this file was sent.")
    expect(summary(operator)).to_have_text(re.compile("1 not sent"))


def test_files_are_removed_from_the_list_by_keyboard(operator: Page, files: Path) -> None:
    bad = files / "notes.pdf"
    bad.write_text("These are only notes.")
    rows = send(operator, bad, new_pdf(files))
    expect(summary(operator)).to_contain_text("1 of 2 read", timeout=PATIENCE)

    rows.filter(has_text="notes.pdf").get_by_role("button", name="Remove").press("Enter")

    expect(rows).to_have_count(1)
    expect(summary(operator)).to_contain_text("1 of 1 read")
    expect(operator.get_by_role("button", name="Remove invoice.pdf from the list")).to_be_focused()
    operator.keyboard.press("Enter")
    expect(rows).to_have_count(0)
    expect(operator.get_by_label("Drop files here")).to_be_focused()
    expect(operator.get_by_role("heading", name="Files")).to_be_hidden()


def test_file_that_was_deleted_meanwhile_is_said_to_be_gone(
    operator: Page, site: RunningSite, files: Path
) -> None:
    row = send(operator, new_pdf(files, "deleted.pdf"))
    expect(row).to_contain_text("Succeeded", timeout=PATIENCE)
    site.execute(
        "UPDATE extraction_extraction SET deleted_at = created_at WHERE file_name = 'deleted.pdf'"
    )

    operator.reload()

    expect(row).to_contain_text("Gone")
    expect(row).to_contain_text("It was deleted")
    expect(row).not_to_contain_text("Needs review")


def test_phone_takes_a_photo(browser: Browser, site: RunningSite, files: Path) -> None:
    context = browser.new_context(
        base_url=site.url, viewport={"width": 390, "height": 844}, has_touch=True
    )
    page = context.new_page()
    come_back(page, site)
    expect(page.get_by_role("button", name="Upload")).to_be_hidden()
    camera = page.get_by_label("Take a photo")
    expect(page.get_by_text("Take a photo")).to_be_visible()
    expect(camera).to_have_attribute("capture", "environment")
    assert_accessible_and_fitting(page)
    photo = files / "IMG_0001.HEIC"
    with Image.open(SAMPLES / "stark-photo.jpg") as image:
        photo.write_bytes(heic(image.resize((800, 575))))

    camera.set_input_files(photo)

    expect(page.locator("#batches li")).to_contain_text("Succeeded", timeout=PATIENCE)
    context.close()


def test_branches_change_with_the_company(operator: Page) -> None:
    operator.evaluate(
        "document.getElementById('id_company_id').append(new Option('Other', 'OTHER'))"
    )

    # Other modules leave companies behind.
    there = operator.get_by_label("Company").locator("option").count()

    operator.get_by_label("Company").select_option("OTHER")

    expect(operator.get_by_label("Branch")).to_have_attribute("list", f"branches-{there - 1}")
