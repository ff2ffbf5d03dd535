"""The list of extractions: each filter, orders, search, totals, pages, and what is bad input."""

import re
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from extraction.models import CompanyGrant, Extraction, State
from tests.extraction.factories import make_extraction
from tests.extraction.listing.rows import NOON, html, listed, names, page

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]


@pytest.fixture
def several() -> None:
    """Three documents of NT047, read at noon and in the minutes after, and one of another."""
    listed("a", "Zeta GmbH", created_at=NOON, invoice_number="RE-1", branch="North")
    listed(
        "b",
        "Ärzte & Söhne",
        created_at=NOON + timedelta(minutes=1),
        invoice_number="RE-2",
        invoice_date=date(2026, 12, 1),
        due_date=date(2026, 12, 31),
        total_amount=Decimal("29789.07"),
        needs_review=True,
        requested_by="ben@example.com",
    )
    make_extraction(file_name="c.pdf", state=State.FAILED, created_at=NOON + timedelta(minutes=2))
    listed("theirs", "Theirs", company_id="NT048", created_at=NOON, invoice_number="RE-9")


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["c", "b", "a"]),
        ({"company": "NT047"}, ["c", "b", "a"]),
        ({"branch": "north"}, ["a"]),
        ({"branch": "nor"}, []),
        ({"state": "failed"}, ["c"]),
        ({"state": "succeeded"}, ["b", "a"]),
        ({"review": "needed"}, ["b"]),
        ({"review": "none"}, ["c", "a"]),
        ({"review": "done"}, []),
        ({"since": "2026-11-03"}, ["b", "a"]),
        ({"since": "2026-11-04"}, ["b"]),
        ({"until": "2026-11-03"}, ["a"]),
        ({"until": "2026-11-02"}, []),
        ({"since": "2026-12-01", "until": "2026-12-01"}, ["b"]),
        ({"requester": "BEN"}, ["b"]),
        ({"duplicates": "only"}, []),
        ({"duplicates": "none"}, ["c", "b", "a"]),
        ({"state": "succeeded", "review": "needed", "since": "2026-11-04"}, ["b"]),
        ({"state": "failed", "review": "needed"}, []),
        ({"text": "re-2"}, ["b"]),
        ({"text": "RE-"}, ["b", "a"]),
        ({"text": "zeta re-1"}, ["a"]),
        ({"text": "zeta re-2"}, []),
        ({"text": "äRZTE"}, ["b"]),
        ({"text": "söhne"}, ["b"]),
        ({"text": "SÖHNE"}, ["b"]),
        ({"text": "c.pdf"}, ["c"]),
        ({"text": "DE123"}, ["b", "a"]),
        ({"text": "29.789,07"}, ["b"]),
        ({"text": "EUR 29,789.07"}, ["b"]),
        ({"text": "-119"}, ["a"]),
        ({"text": "119.01"}, []),
        ({"text": "%"}, []),
        ({"text": "_"}, []),
        ({"text": "RE-9"}, []),
        ({"text": "x" * 200}, []),
        ({"text": " \u202f "}, ["c", "b", "a"]),
        ({"text": "'; DROP TABLE x; --"}, []),
        ({"text": "9" * 30}, []),
        (
            {"text": "", "company": "", "state": "", "since": "", "page": "", "sort": ""},
            list("cba"),
        ),
        ({"sort": "file"}, ["a", "b", "c"]),
        ({"sort": "-file"}, ["c", "b", "a"]),
        ({"sort": "supplier"}, ["a", "b", "c"]),
        ({"sort": "-total"}, ["b", "a", "c"]),
        ({"sort": "total"}, ["a", "b", "c"]),
        ({"sort": "-date"}, ["b", "a", "c"]),
        ({"sort": "due"}, ["b"]),
        ({"sort": "received"}, ["a", "b", "c"]),
        ({"sort": "-received"}, ["c", "b", "a"]),
        ({"sort": "number", "state": "succeeded"}, ["a", "b"]),
        ({"page": "7"}, ["c", "b", "a"]),
    ],
)
def test_filters_and_orders(signed_in: Client, query: dict[str, str], found: list[str]) -> None:
    shown = names(signed_in, **query)

    assert shown[: len(found)] == found
    if "sort" not in query:
        assert shown == found


def test_duplicates_and_reviewed_ones(signed_in: Client) -> None:
    first = listed("first", needs_review=True, reviewed_at=NOON, reviewed_by="asha")
    listed("again", duplicate_of=str(first.pk))

    assert names(signed_in, duplicates="only") == ["again"]
    assert names(signed_in, duplicates="none") == ["first"]
    assert names(signed_in, review="done") == ["first"]
    assert names(signed_in, review="needed") == []
    shown = page(signed_in, review="done")
    assert '<span class="pill pill-warning">Needs review</span>' not in shown
    assert '<span class="pill">Duplicate</span>' in page(signed_in, duplicates="only")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("page=abc", "A page is a number from 1."),
        ("page=0", "A page is a number from 1."),
        ("page=-1", "A page is a number from 1."),
        ("page=" + "9" * 5000, "A page is a number from 1."),
        ("sort=__class__", "The list has no order “__class__”."),
        ("sort=-id", "The list has no order “-id”."),
        ("sort=result", "The list has no order “result”."),
        ("since=nonsense", "Invoice date from: Write the date as 2026-11-24."),
        ("until=2026-02-30", "Invoice date to: Write the date as 2026-11-24."),
        ("since=2026-02-01&until=2026-01-01", "The end is before the beginning."),
        ("company=NT048", "Company: Select a valid choice."),
        ("state=nonsense", "State: Select a valid choice."),
        ("review=perhaps", "Review: Select a valid choice."),
        ("duplicates=1", "Duplicates: Select a valid choice."),
        ("branch=" + "b" * 51, "at most 50 characters"),
        ("text=" + "x" * 201, "at most 200 characters"),
        ("text=%00", "Null characters are not allowed."),
        ("text=" + "a+" * 11, "Search for at most 10 words."),
        ("status=failed", "The list has no filter “status”."),
        ("state=failed&state=queued", "“state” is given more than once."),
        ("%3Cscript%3E=1", "The list has no filter “&lt;script&gt;”."),
    ],
)
def test_what_is_not_valid_finds_nothing_and_says_so(
    signed_in: Client, query: str, problem: str
) -> None:
    listed("a", company_id="NT047")

    shown = html(signed_in.get(f"/extractions/?{query}"))

    assert "Nothing is listed" in shown
    assert problem in shown
    assert "a.pdf" not in shown
    assert 'href="/extractions/">Clear' in shown


def test_two_companies_are_listed_together_and_others_never(
    signed_in: Client, operator: User
) -> None:
    CompanyGrant.objects.create(user=operator, company_id="NT048")
    for company in ("NT047", "NT048", "NT049"):
        listed(company, company_id=company)

    assert sorted(names(signed_in)) == ["NT047", "NT048"]
    assert names(signed_in, company="NT048") == ["NT048"]
    assert names(signed_in, company="NT049") == []
    assert names(signed_in, text="NT049") == []


def test_user_without_a_company_finds_nothing(db: None) -> None:
    listed("a")
    client = Client()
    client.force_login(User.objects.create_user("new"))

    assert names(client) == []
    assert names(client, text="a") == []


def test_superuser_lists_every_company() -> None:
    listed("a", company_id="NT047", invoice_date=date(2026, 1, 1))
    listed("b", company_id="NT048", needs_review=True)
    client = Client()
    client.force_login(User.objects.create_superuser("root"))

    assert sorted(names(client)) == ["a", "b"]
    assert names(client, until="2026-01-31") == ["a"]
    assert names(client, review="needed") == ["b"]
    assert sorted(names(client, state="succeeded", sort="supplier")) == ["a", "b"]


def test_row_shows_what_was_read(signed_in: Client) -> None:
    listed(
        "a",
        "<b>Bold & Söhne</b>",
        invoice_number="RE-1",
        due_date=date(2026, 12, 31),
        total_amount=Decimal("29789.07"),
        document_type="credit_note",
        created_at=NOON,
    )

    shown = page(signed_in)

    assert "<bdi>&lt;b&gt;Bold &amp; Söhne&lt;/b&gt;</bdi>" in shown
    assert (
        '<td data-label="Date" class="time"><time datetime="2026-11-03">3 Nov 2026</time></td>'
        in shown
    )
    assert '<td data-label="Due" class="time"><time datetime="2026-12-31">' in shown
    assert "<span>29,789.07 <abbr>EUR</abbr></span>" in shown
    assert '<td data-label="Type">credit note</td>' in shown
    assert '<time datetime="2026-11-24T12:00:00+00:00" title="24 Nov 2026, 12:00 UTC">' in shown


def test_headings_sort_and_keep_the_filters(signed_in: Client) -> None:
    listed("a")

    shown = page(signed_in, state="succeeded", sort="total", page="1")

    assert 'aria-sort="ascending"><a href="?state=succeeded&amp;sort=-total">Total</a>' in shown
    assert '<a href="?state=succeeded&amp;sort=supplier">Supplier</a>' in shown
    assert '<a href="?state=succeeded&amp;sort=-received">Received</a>' in shown
    assert shown.count("aria-sort") == 1
    assert '<input type="hidden" name="sort" value="total"' in shown
    assert 'aria-sort="descending"><a href="?sort=received">' in page(signed_in)


def test_rows_alike_are_on_one_page_each(signed_in: Client) -> None:
    made = {listed(f"n{number}", created_at=NOON).pk.hex for number in range(60)}
    assert len(made) == 60

    for sort in ("", "supplier", "-total", "due", "-received", "state"):
        shown = [
            name for number in (1, 2, 3) for name in names(signed_in, sort=sort, page=str(number))
        ]
        assert len(shown) == len(set(shown)) == 60, sort


def test_pages_have_numbers_and_keep_the_filters(signed_in: Client) -> None:
    for number in range(26):
        listed(f"n{number}", created_at=NOON + timedelta(minutes=number))

    first = page(signed_in, state="succeeded")
    second = page(signed_in, state="succeeded", page="2")

    assert '<a aria-label="Page 2" href="?state=succeeded&amp;page=2">2</a>' in first
    assert '<a aria-label="Page 1" href="?state=succeeded&amp;page=1">1</a>' in second
    assert 'aria-label="Page 2 of 2"' in second
    assert "<span>26 documents</span>" in first
    assert names(signed_in, page="2") == names(signed_in, page="99") == ["n0"]


def test_totals_are_those_of_everything_filtered_by_currency(signed_in: Client) -> None:
    for number in range(30):
        listed(f"n{number}", total_amount=Decimal("1000.10"))
    listed("usd", currency="USD", total_amount=Decimal("0.005"))
    listed("note", document_type="credit_note", total_amount=Decimal("50"))
    listed("none", currency=None, total_amount=Decimal("7"))
    listed("nothing", total_amount=None)
    make_extraction()

    def totals(**query: str) -> list[tuple[str, ...]]:
        return re.findall(
            r'<th scope="row">([^<]+)</th> <td>([^<]+)</td> <td class="number">([^<]+)</td>',
            page(signed_in, **query),
        )

    assert set(totals()) == {
        ("EUR", "30 documents", "30,003.00"),
        ("EUR, credit notes", "1 document", "50.00"),
        ("USD", "1 document", "0.01"),
        ("without currency", "1 document", "7.00"),
    }
    assert totals(text="usd.pdf") == [("USD", "1 document", "0.01")]
    assert totals(text="nothing") == []


def test_empty_list_says_why(signed_in: Client) -> None:
    assert "Nothing here yet." in page(signed_in)
    filtered = page(signed_in, text="nowhere")
    assert "No document matches these filters." in filtered
    assert 'href="/extractions/">Clear the filters</a>' in filtered


def test_one_document_is_one_document(signed_in: Client) -> None:
    listed("a")

    shown = page(signed_in)

    assert "<span>1 document</span>" in shown
    assert "Clear" not in shown
    assert ">Clear</a>" in page(signed_in, text="a")


def test_tax_id_and_decision_stand_below_and_are_sorted_by(signed_in: Client) -> None:
    listed("a", created_at=NOON)
    listed("b", created_at=NOON + timedelta(1), reviewed_at=NOON, reviewed_by="bela <b>")
    listed("c", created_at=NOON, reviewed_at=NOON + timedelta(2), reviewed_by="asha")
    Extraction.objects.filter(file_name="b.pdf").update(supplier_tax_id="AT1")
    Extraction.objects.filter(file_name="c.pdf").update(supplier_tax_id=None)

    shown = page(signed_in, sort="-reviewed")

    assert '<bdi>Acme</bdi> <span class="hint below"><bdi>AT1</bdi></span>' in shown
    assert '<span class="hint below"><bdi>bela &lt;b&gt;</bdi> <time' in shown
    assert names(signed_in, sort="-reviewed") == ["c", "b", "a"]
    assert names(signed_in, sort="tax-id") == ["b", "a", "c"]
    assert re.findall(r'aria-sort="(\w+)" data-below>', shown) == ["descending"]
    assert '<a class="below" href="?sort=reviewed">Reviewed</a>' in shown
    assert '<a class="below" href="?sort=tax-id">Tax ID</a>' in shown
    assert shown.count("aria-sort") == 1


@pytest.mark.parametrize("rows", [1, 60])
@pytest.mark.parametrize("query", ["", "?text=acme&sort=-total&state=succeeded&since=2026-01-01"])
def test_list_costs_the_same_queries_for_any_number_of_rows(
    signed_in: Client, rows: int, query: str, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        listed(f"n{number}")

    # Session, user, grants, permissions (user's and role's), names of companies, edge, totals,
    # rows, labels, time zones, navigation, profiles of exports.
    with django_assert_num_queries(13):
        signed_in.get(f"/extractions/{query}")


def test_files_sent_together_are_listed_by_their_batch(signed_in: Client) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    listed("a", batch=first, created_at=NOON)
    listed("b", batch=first, created_at=NOON, needs_review=True)
    listed("c", batch=second, created_at=NOON)
    listed("d", batch=first, created_at=NOON, company_id="NT048")
    listed("e", created_at=NOON)

    assert sorted(names(signed_in, batch=str(first))) == ["a", "b"]
    assert names(signed_in, batch=str(first), review="needed") == ["b"]
    assert names(signed_in, batch=str(uuid.uuid4())) == []
    shown = page(signed_in, batch=str(first))
    assert f'<input type="hidden" name="batch" value="{first}"' in shown
    assert "Only files that were sent together." in shown
    assert ">Clear</a>" in shown
    assert f"batch={first}&amp;sort=file" in shown


def test_what_is_no_batch_lists_nothing_and_is_said(signed_in: Client) -> None:
    listed("a")

    assert names(signed_in, batch="yesterday") == []
    assert "There is no such batch of files." in page(signed_in, batch="yesterday")
