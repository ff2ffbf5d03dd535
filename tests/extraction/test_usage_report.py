"""The usage report of a month: equal to the ledger, as a page and as files, for who may see it."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db.models import Sum
from django.test import Client
from openpyxl import load_workbook

from extraction.models import Attempt, StaffCompany, State
from extraction.review.accepted import accepted
from tests.extraction.factories import make_extraction
from tests.tokens.rows import make_company, make_token
from tokens import usage_days
from tokens.company_days import today
from tokens.models import Company, TokenMaster, TokenUsageLog

PAGE = "/admin/usage-report/"
CALL = ["1000", "0", "97", "300", "1397"]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("_november"),
]


@pytest.fixture
def _november() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def key() -> TokenMaster:
    return make_token(company_id="NT047")


@pytest.fixture
def ledger(key: TokenMaster) -> None:
    make_company(company_id="NT047", name="RUBI TRADERS", other_spellings=["nt047"])
    make_company(company_id="ACME")
    for company_id, fields in (
        ("NT047", {"cost": "0.1", "currency": "USD"}),
        ("nt047", {"cost": "0.2", "currency": "USD", "branch": "=1+1"}),
        ("NT047", {"model": None}),
        ("ACME", {"cost": "0.25", "currency": "EUR", "token": None, "requested_by": "sita"}),
        ("ACME", {"cost": "9", "currency": "EUR", "logged_at": datetime(2026, 10, 31, tzinfo=UTC)}),
    ):
        given: dict[str, Any] = {"token": key, "model": "gemini-3.5-flash", **fields}
        TokenUsageLog.objects.create(
            company_id=company_id,
            input_tokens=1_000,
            output_tokens=97,
            thinking_tokens=300,
            total_tokens_used=1_397,
            **given,
        )


def table_of(page: str) -> str:
    return page.split('id="usage-caption"')[1].split("</table>")[0].replace("&amp;", "&")


def text_of(page: str, start: str, end: str) -> list[str]:
    """What stands in a part of a page, cell by cell."""
    part = table_of(page).split(start)[1].split(end)[0]
    cells = [cell.split(">", 1)[1] for cell in part.replace("<th", "<td").split("<td")[1:]]
    return [" ".join(StringIO(cell).read().split("</")[0].split(">")[-1].split()) for cell in cells]


def rows_of(client: Client, **asked: str) -> list[list[str]]:
    """The report as CSV."""
    response = client.get(f"{PAGE}csv/", asked)
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(StringIO(text)))


@pytest.mark.usefixtures("ledger")
def test_page_tells_the_month_by_company_with_its_sums(admin_client: Client) -> None:
    response = admin_client.get(PAGE)

    page = response.content.decode()
    assert response.status_code == 200
    assert text_of(page, "<tbody>", "</tbody>") == [
        *("ACME", "1", "1,000", "0", "97", "300", "1,397", "0", "0.25", "not known"),
        *("NT047", "3", "3,000", "0", "291", "900", "4,191", "1", "not known", "0.30"),
    ]
    assert text_of(page, "<tfoot>", "</tfoot>") == [
        *("Total", "4", "4,000", "0", "388", "1,200", "5,588", "1", "0.25", "0.30")
    ]
    assert "EUR 0.25, USD 0.30; that of 1 requests is not known" in page


@pytest.mark.usefixtures("ledger")
def test_sums_of_the_file_are_those_of_the_ledger_and_of_the_api(admin_client: Client) -> None:
    november = TokenUsageLog.objects.filter(logged_at__gte=datetime(2026, 11, 1, tzinfo=UTC))
    right = november.aggregate(total=Sum("total_tokens_used"), calls=Sum("request_count"))

    for by in ("day", "token_id", "company_id", "branch", "requested_by", "model"):
        *rows, foot = rows_of(admin_client, month="2026-11", by=by)[1:]
        assert [int(foot[1]), int(foot[6])] == [right["calls"], right["total"]]
        for column in (1, 2, 3, 4, 5, 6, 7):
            assert sum(int(row[column]) for row in rows) == int(foot[column])
        for column in (8, 9):
            assert sum(Decimal(row[column] or 0) for row in rows) == Decimal(foot[column])
        api = admin_client.get(
            "/api/v1/usage/", {"since": "2026-11-01", "until": "2026-11-30", "group_by": by}
        ).json()["results"]
        assert [int(row[6]) for row in rows] == [row["total_tokens"] for row in api]


@pytest.mark.usefixtures("ledger")
def test_file_holds_no_formula_and_every_digit_of_the_costs(admin_client: Client) -> None:
    rows = rows_of(admin_client, month="2026-11", by="branch", then_by="model")

    assert rows == [
        [
            *("Branch", "Model", "Requests", "Input", "From cache", "Output", "Thinking"),
            *("LLM tokens", "Requests of unknown cost", "Cost (EUR)", "Cost (USD)"),
        ],
        ["'=1+1", "gemini-3.5-flash", "1", *CALL, "0", "", "0.2000000000"],
        ["Default", "not known", "1", *CALL, "1", "", ""],
        [
            *("Default", "gemini-3.5-flash", *["2", "2000", "0", "194", "600", "2794", "0"]),
            *("0.2500000000", "0.1000000000"),
        ],
        [
            *("Total", "", *["4", "4000", "0", "388", "1200", "5588", "1"]),
            *("0.2500000000", "0.3000000000"),
        ],
    ]


@pytest.mark.usefixtures("ledger")
def test_workbook_holds_numbers_and_text_that_is_no_formula(admin_client: Client) -> None:
    response = admin_client.get(f"{PAGE}xlsx/", {"month": "2026-11", "by": "branch"})

    assert response["Content-Disposition"] == 'attachment; filename="usage-2026-11.xlsx"'
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    sheet: Any = load_workbook(BytesIO(content)).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[1] == ["=1+1", 1, 1000, 0, 97, 300, 1397, 0, None, 0.2]
    assert rows[1][0] == "=1+1"
    assert sheet["A2"].data_type == "s"
    assert rows[-1] == ["Total", 4, 4000, 0, 388, 1200, 5588, 1, 0.25, 0.3]


@pytest.mark.usefixtures("ledger")
def test_key_is_shown_masked(admin_client: Client, key: TokenMaster) -> None:
    page = admin_client.get(PAGE, {"month": "2026-11", "by": "token_id"}).content.decode()

    assert f"NT047 {key.masked_key} (#{key.pk})" in page
    assert "no stored key" in page
    assert key.reveal_key() not in page


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("by", ["company_id", "day", "branch", "requested_by", "model", "token_id"])
def test_row_leads_to_the_calls_that_it_adds_up(admin_client: Client, by: str) -> None:
    page = admin_client.get(PAGE, {"month": "2026-11", "by": by}).content.decode()
    addresses = [part.split('"')[0] for part in table_of(page).split('<a href="')[1:]]
    calls = [int(row[1]) for row in rows_of(admin_client, month="2026-11", by=by)[1:-1]]

    listed = [admin_client.get(address).context["cl"].result_count for address in addresses]

    assert listed == calls
    assert sum(calls) == 4


@pytest.mark.usefixtures("ledger")
def test_row_of_days_of_several_time_zones_leads_nowhere(admin_client: Client) -> None:
    make_company(company_id="US1", time_zone="America/New_York")

    by_model = admin_client.get(PAGE, {"by": "model"}).content.decode()
    by_company = admin_client.get(PAGE, {"by": "company_id"}).content.decode()

    assert "<a href" not in table_of(by_model)
    address = table_of(by_company).split('<a href="')[1].split('"')[0]
    asked = parse_qs(urlsplit(address).query)
    assert asked["logged_at__gte"] == ["2026-11-01T00:00:00+00:00"]


@pytest.mark.usefixtures("ledger")
def test_row_of_days_of_one_company_leads_to_its_calls_whatever_zones_others_have(
    admin_client: Client,
) -> None:
    make_company(company_id="US1", time_zone="America/New_York")
    Company.objects.filter(pk="NT047").update(time_zone="Asia/Kathmandu")
    chosen = {"month": "2026-11", "by": "day", "company": "NT047"}

    page = admin_client.get(PAGE, chosen).content.decode()

    addresses = [part.split('"')[0] for part in table_of(page).split('<a href="')[1:]]
    calls = [int(row[1]) for row in rows_of(admin_client, **chosen)[1:-1]]
    listed = [admin_client.get(address).context["cl"].result_count for address in addresses]
    assert listed == calls != []
    begins = parse_qs(urlsplit(addresses[0]).query)["logged_at__gte"][0]
    assert begins.endswith("T18:15:00+00:00")


@pytest.fixture
def by_sql(key: TokenMaster) -> None:
    """Rows that name no company, an empty one, or one that has no row; with a key and without."""
    for number, (company_id, token) in enumerate(
        [(None, key), ("", key), (None, None), ("", None), ("GONE", None), ("GONE", key)]
    ):
        TokenUsageLog.objects.create(
            company_id=company_id, token=token, total_tokens_used=10**number, model="m"
        )


@pytest.mark.usefixtures("ledger", "by_sql")
@pytest.mark.parametrize("with_daily_sums", [False, True])
@pytest.mark.parametrize("zone", ["", "Asia/Kathmandu"])
def test_calls_without_a_company_are_in_the_list_to_which_their_row_leads(
    admin_client: Client, zone: str, with_daily_sums: bool
) -> None:
    Company.objects.filter(pk="NT047").update(time_zone=zone)
    if with_daily_sums:
        usage_days.correct()
    page = admin_client.get(PAGE, {"month": "2026-11", "then_by": "model"}).content.decode()
    addresses = [part.split('"')[0] for part in table_of(page).split('<a href="')[1:]]
    rows = rows_of(admin_client, month="2026-11", by="company_id", then_by="model")[1:-1]

    lists = [admin_client.get(address).context["cl"] for address in addresses]

    assert [(row[0], int(row[7])) for row in rows] == [
        ("no company", 1_100),
        ("ACME", 1_397),
        ("GONE", 110_000),
        ("NT047", 1_397),
        ("NT047", 2_794),
        ("NT047", 11),
    ]
    assert [sum(row.total_tokens_used for row in each.queryset) for each in lists] == [
        int(row[7]) for row in rows
    ]


@pytest.mark.usefixtures("ledger", "by_sql")
def test_list_of_calls_names_the_company_of_the_key_and_filters_by_it(admin_client: Client) -> None:
    address = "/admin/tokens/tokenusagelog/"

    page = admin_client.get(address, {"company": "NT047"})

    assert page.context["cl"].result_count == 5
    assert page.content.decode().count('class="field-company">NT047<') == 4


@pytest.mark.usefixtures("ledger", "by_sql")
def test_staff_bound_to_a_company_are_led_to_the_calls_of_its_keys() -> None:
    client = staff("view_tokenusagelog")
    StaffCompany.objects.create(user=User.objects.get(), company_id="NT047")

    page = client.get(PAGE, {"by": "model"}).content.decode()
    addresses = [part.split('"')[0] for part in table_of(page).split('<a href="')[1:]]
    lists = [client.get(address).context["cl"] for address in addresses]

    calls = [int(row[1]) for row in rows_of(client, by="model")[1:-1]]
    assert [each.result_count for each in lists] == calls


@pytest.mark.usefixtures("ledger")
def test_company_is_chosen_with_every_way_to_write_it(admin_client: Client) -> None:
    rows = rows_of(admin_client, month="2026-11", company="NT047", by="company_id")

    assert [row[:2] for row in rows[1:]] == [["NT047", "3"], ["Total", "3"]]


@pytest.mark.usefixtures("ledger")
def test_earlier_month_is_offered_as_far_back_as_anything_was_charged(admin_client: Client) -> None:
    page = admin_client.get(PAGE, {"month": "2026-10"}).content.decode()

    options = page.split('name="month"')[1].split("</select>")[0]
    assert [part.split('"')[0] for part in options.split('value="')[1:]] == ["2026-11", "2026-10"]
    assert "EUR 9.00" in page


def test_month_without_a_call_says_so(admin_client: Client) -> None:
    page = admin_client.get(PAGE).content.decode()

    assert "No call was charged in this month." in page


@pytest.mark.parametrize(
    "asked", [{"month": "2026-13"}, {"month": "x"}, {"by": "colour"}, {"company": "NOBODY"}]
)
def test_choice_that_is_none_is_told(admin_client: Client, asked: dict[str, str]) -> None:
    page = admin_client.get(PAGE, asked)
    file = admin_client.get(f"{PAGE}csv/", asked)

    assert "Select a valid choice" in page.content.decode()
    assert (file.status_code, file["Location"].split("?")[0]) == (302, PAGE)
    assert admin_client.get(f"{PAGE}pdf/").status_code == 404


@pytest.mark.usefixtures("ledger")
def test_cost_of_an_accepted_invoice_is_all_cost_by_those_approved(admin_client: Client) -> None:
    for reviewed_at, rejection, deleted_at in (
        (NOON, "", None),
        (NOON, "", NOON),
        (NOON, "It is none of ours.", None),
        (datetime(2026, 10, 31, 23, 59, tzinfo=UTC), "", None),
        (None, "", None),
    ):
        make_extraction(
            company_id="NT047",
            state=State.SUCCEEDED,
            reviewed_at=reviewed_at,
            rejection=rejection,
            deleted_at=deleted_at,
        )

    page = admin_client.get(PAGE).content.decode()

    assert accepted(None, today().replace(day=1), today()) == 2
    assert accepted(["ACME"], today().replace(day=1), today()) == 0
    assert "<dd>EUR 0.125, USD 0.15</dd>" in page


def test_model_without_a_price_is_named_with_the_way_to_enter_one(admin_client: Client) -> None:
    TokenUsageLog.objects.create(model="gemini-99", total_tokens_used=5)

    page = admin_client.get(PAGE).content.decode()

    assert "The model gemini-99 has no price" in page
    assert "/admin/tokens/modelprice/add/?model=gemini-99" in page


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("gita", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.usefixtures("ledger")
def test_report_is_for_staff_who_may_see_usage() -> None:
    client = staff("view_tokenmaster")

    assert client.get(PAGE).status_code == 403
    assert client.get(f"{PAGE}csv/").status_code == 403
    assert Client().get(PAGE).status_code == 302
    assert Client().get(f"{PAGE}csv/").status_code == 302


@pytest.mark.usefixtures("ledger")
def test_staff_bound_to_a_company_see_that_one_alone() -> None:
    client = staff("view_tokenusagelog")
    StaffCompany.objects.create(user=User.objects.get(), company_id="ACME")

    page = client.get(PAGE).content.decode()

    assert "NT047" not in page
    assert [row[0] for row in rows_of(client)[1:]] == ["ACME", "Total"]
    assert "Select a valid choice" in client.get(PAGE, {"company": "NT047"}).content.decode()


def test_call_leads_to_its_document(admin_client: Client, key: TokenMaster) -> None:
    extraction = make_extraction()
    attempt = Attempt.objects.create(
        extraction=extraction, number=1, token=key, model="gemini", reserved=9
    )

    response = admin_client.get(f"{PAGE}call/{attempt.pk}/")

    assert response["Location"] == f"/admin/extraction/extraction/{extraction.pk}/change/"
    assert admin_client.get(f"{PAGE}call/{extraction.pk}/").status_code == 404
