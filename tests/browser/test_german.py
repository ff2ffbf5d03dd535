"""What the scripts of the pages tell is in the reader's language, too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_log_in import fill_in_log_in
from tests.browser.test_places import DESK, PHONE
from tests.browser.test_review import doubtful, page_of
from tests.browser.test_upload import PATIENCE, SAMPLES, assert_accessible_and_fitting
from tests.running_site import RunningSite

pytestmark = pytest.mark.browser


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "de-DE"}


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def operator(page: Page, site: RunningSite, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A logged-in page; the test fails when the browser had anything to say."""
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.set_viewport_size(request.param)
    page.goto("/login/")
    credentials = site.credentials["username"], site.credentials["password"]
    fill_in_log_in(page, *credentials, labels=("Benutzername", "Passwort", "Anmelden"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Rechnungen hochladen")
    yield page
    assert messages == []


def test_sent_files_are_followed_in_german(operator: Page, tmp_path: Path) -> None:
    bad = tmp_path / "notes.pdf"
    bad.write_text("These are only notes.")
    operator.get_by_label("Dateien hierher").set_input_files([SAMPLES / "acme-invoice.pdf", bad])

    rows = operator.locator("#batches li")
    expect(rows.filter(has_text="notes.pdf")).to_contain_text("Nicht angenommen")
    expect(rows.filter(has_text="acme")).to_contain_text("Gelesen", timeout=PATIENCE)
    summary = operator.locator("#batches .summary").first
    expect(summary).to_contain_text("1 nicht angenommen")
    operator.get_by_role("button", name="notes.pdf aus der Liste nehmen").click()
    expect(rows).to_have_count(1)
    assert_accessible_and_fitting(operator)


def test_rows_are_named_in_german(operator: Page, site: RunningSite, tmp_path: Path) -> None:
    operator.goto(page_of(doubtful(site, tmp_path)))
    expect(operator.locator("#verdict")).to_contain_text("Zu vergleichen")
    # The script focuses the first doubtful value, and then runs.
    expect(operator.locator("[data-flagged] :focus")).to_have_count(1)
    lines = operator.locator('[id="field-line_items"]')
    count = lines.locator("tbody tr").count()

    lines.get_by_role("button", name="Zeile hinzufügen").click()

    added = lines.get_by_label(f"Beschreibung, Zeile {count + 1}", exact=True)
    expect(added).to_be_focused()
    added.press("Alt+ArrowUp")
    expect(lines.get_by_label(f"Beschreibung, Zeile {count}", exact=True)).to_be_focused()
    expect(lines.get_by_role("button", name="Zeile 1 nach unten")).to_have_count(1)
    expect(lines.get_by_role("button", name=f"Zeile {count + 1} nach oben")).to_have_count(1)
    expect(operator.locator("#progress")).to_have_text("Kontrolliert. Noch nicht gespeichert.")
    assert_accessible_and_fitting(operator)
