"""The month's report against the ledger, and calls that get their cost late, as staff see them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.test_log_in import be_logged_in
from tests.browser.test_upload import assert_accessible_and_fitting
from tests.running_site import RunningSite, eventually

pytestmark = pytest.mark.browser

SEED = Path(__file__).with_name("usage_rows.py")
REPORT = "/admin/usage-report/?company=REPORT"
OF_MONTH = (
    "FROM TokenUsageLogs AS calls LEFT JOIN extraction_attempt AS tried ON tried.id = AttemptID"
    " LEFT JOIN extraction_label AS label ON label.extraction_id = tried.extraction_id"
    " AND label.key = 'project'"
    " WHERE calls.CompanyID = 'REPORT' AND LoggedAt >= date('now', 'start of month')"
)
SUMS = "COUNT(*), SUM(InputTokens), SUM(OutputTokens), SUM(ThinkingTokens), SUM(TotalTokensUsed)"


@pytest.fixture(scope="module")
def ledger(site: RunningSite) -> RunningSite:
    """The site with calls of a company of its own."""
    site.manage("shell", "-v0", "-c", SEED.read_text())
    return site


@pytest.fixture(params=[(320, "dark"), (1280, "light")], ids=lambda param: str(param[0]))
def staff(page: Page, ledger: RunningSite, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of staff in which the browser has nothing to say."""
    messages: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.location["url"]:  # what axe says of its own script has none
            messages.append(message.text)

    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("console", hear)
    be_logged_in(page, ledger)
    width, scheme = request.param
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    yield page
    assert messages == []


def numbers(page: Page, part: str) -> list[list[int]]:
    """Requests, input, output, thinking and LLM tokens of each row of a part of the table."""
    found = []
    for row in page.locator(f".usage-report {part} tr").all():
        cells = row.locator("td.number").all_inner_texts()
        counts = [int(cell.replace(",", "")) for cell in cells[:6]]
        found.append([counts[0], counts[1], *counts[3:]])
    return found


def test_month_s_report_is_that_of_the_ledger(staff: Page, ledger: RunningSite) -> None:
    for by, column in (
        ("Company", "calls.CompanyID"),
        ("Day", "date(LoggedAt)"),
        ("Requester", "RequestedBy"),
        ("Label project", "label.value"),
    ):
        staff.goto(REPORT)
        staff.get_by_label("Group by").select_option(label=by)
        staff.get_by_role("button", name="Show").click()
        heading = staff.locator(".usage-report thead th").first
        expect(heading).to_have_text(by)

        groups = ledger.query(f"SELECT {SUMS} {OF_MONTH} GROUP BY {column} ORDER BY {column}")
        [total] = ledger.query(f"SELECT {SUMS} {OF_MONTH}")
        assert numbers(staff, "tbody") == [list(row) for row in groups]
        assert numbers(staff, "tfoot") == [list(total)]
        assert_accessible_and_fitting(staff)
        calls = groups[0][0]
        staff.locator(".usage-report tbody a").first.click()
        expect(staff.locator("#result_list tbody tr")).to_have_count(calls)


def test_calls_of_a_late_price_get_their_cost(staff: Page, ledger: RunningSite) -> None:
    unknown = "SELECT COUNT(*) FROM TokenUsageLogs WHERE Model = 'unheard-of' AND Cost IS NULL"
    ledger.execute("DELETE FROM ModelPrices WHERE Model = 'unheard-of'")
    ledger.execute(
        "UPDATE TokenUsageLogs SET Cost = NULL, Currency = NULL WHERE Model = 'unheard-of'"
    )
    staff.goto("/admin/tokens/modelprice/")
    staff.get_by_role("link", name="Calls without a cost").click()
    row = staff.get_by_role("row", name="unheard-of")
    expect(row).to_contain_text("Enter a price")
    assert_accessible_and_fitting(staff)

    row.get_by_role("link").click()
    expect(staff.get_by_label("Model:")).to_have_value("unheard-of")
    staff.locator("#id_valid_from_0").fill("2026-01-01")
    staff.locator("#id_valid_from_1").fill("00:00:00")
    for name in ("input", "cached_input", "output"):
        staff.locator(f"#id_{name}").fill("2")
    staff.get_by_role("button", name="Save", exact=True).click()
    staff.get_by_role("link", name="Calls without a cost").click()
    assert_accessible_and_fitting(staff)
    staff.get_by_label("Reason").fill("The contract came late.")
    staff.get_by_role("button", name="Price these calls").click()

    expect(staff.get_by_text("are being priced")).to_be_visible()
    for _ in eventually(60):
        if ledger.query(unknown) == [(0,)]:
            break
    staff.reload()
    expect(staff.get_by_role("row", name="unheard-of")).to_have_count(0)
    [(cost,)] = ledger.query("SELECT Cost FROM TokenUsageLogs WHERE Model = 'unheard-of'")
    assert round(float(cost), 9) == (1008 + 100 + 80) * 2 / 1e6
