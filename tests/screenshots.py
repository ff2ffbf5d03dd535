"""Take the pictures of README and docs: ``python -m tests.screenshots [FOLDER]``.

A site of its own is started and reads the samples, offline. The names stay the same, so that a
picture is replaced by the next one.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from samples import invoices, make
from tests.browser.conftest import find_chromium
from tests.running_site import ROOT, RunningSite, running_site

FOLDER = ROOT / "docs" / "screenshots"
DESK, PHONE = ViewportSize(width=1280, height=860), ViewportSize(width=390, height=844)
LARGE = ViewportSize(width=1440, height=1170)  # shows all that a review begins with
# Pages of few colours; a picture then has a third of the bytes.
COLOURS = 128
SAMPLES = ("himal-tax-invoice.pdf", "globex-3-pages.pdf", "hooli-scan.pdf")


def main(folder: Path) -> None:
    """Write every picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, running_site(Path(name) / "data") as site:
        site.start_web()
        site.start_worker()
        doubtful = _review_page(site, _doubtful(Path(name)))
        for sample in SAMPLES:
            site.post(ROOT / "samples" / sample)
        with _logged_in(site) as page:
            _take(page, folder, site.url + doubtful)


def _take(page: Page, folder: Path, doubtful: str) -> None:
    page.set_viewport_size(LARGE)
    page.goto(doubtful)
    expect(page.locator('[id="field-total_amount"]')).to_be_focused()
    expect(page.locator(".place")).to_be_in_viewport(ratio=1)
    _save(page, folder / "review.png")

    page.set_viewport_size(DESK)
    page.get_by_role("button", name="200 %").click()
    image = page.locator(".page img")
    expect(image).to_have_js_property("naturalHeight", 2560)
    expect(page.locator(".place")).to_be_in_viewport(ratio=1)
    _save(page, folder / "review-enlarged.png")

    page.set_viewport_size(PHONE)
    page.goto(doubtful)
    expect(page.locator(".place")).to_be_in_viewport(ratio=1)
    _save(page, folder / "review-phone.png")

    page.set_viewport_size(DESK)
    page.goto("/extractions/")
    expect(page.locator("table.list tbody tr")).to_have_count(len(SAMPLES) + 1)
    _save(page, folder / "list.png")


def _doubtful(folder: Path) -> Path:
    """Return an invoice whose total has two of its digits exchanged."""
    printed = invoices.ACME.total_amount
    if printed is None:
        raise ValueError("the sample has no total")
    wrong = invoices.ACME.model_copy(update={"total_amount": printed + Decimal(90)})
    document = folder / "acme-invoice.pdf"
    document.write_bytes(make.text_pdf(wrong))
    return document


def _review_page(site: RunningSite, document: Path) -> str:
    extraction: str = site.post(document).json()["extraction"]
    return extraction.replace("/api/v1", "") + "review/"


@contextmanager
def _logged_in(site: RunningSite) -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("No chromium is installed; make test says how to get it.")
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if is_root else []
        )
        page = browser.new_page(
            base_url=site.url, viewport=DESK, reduced_motion="reduce", color_scheme="light"
        )
        page.goto("/login/")
        page.get_by_label("Username").fill(site.credentials["username"])
        page.get_by_label("Password").fill(site.credentials["password"])
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{site.url}/")
        yield page
        browser.close()


def _save(page: Page, path: Path) -> None:
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    with Image.open(io.BytesIO(page.screenshot(animations="disabled"))) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
