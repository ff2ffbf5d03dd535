"""A page looks at so many rows and no more, says what it left out, and how that is reached."""

import re
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q, Sum
from django.test import Client

from extraction.listing import page as list_page_module
from extraction.listing import window
from extraction.listing.conditions import matching
from extraction.listing.filters import Filters
from extraction.listing.window import Window
from extraction.models import CompanyGrant, Extraction, State
from tests.extraction.factories import make_extraction
from tests.extraction.listing.rows import NOON, listed, names, page

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examine three rows of a company."""
    monkeypatch.setattr(window, "EXAMINED", 3)


@pytest.fixture
def six() -> None:
    """n0 to n5, each received a minute and invoiced a day after the one before."""
    for number in range(6):
        listed(
            f"n{number}",
            f"Supplier {5 - number}" if number else None,
            created_at=NOON + timedelta(minutes=number),
            invoice_date=date(2026, 11, 1 + number),
            invoice_number=f"RE-{number}",
            total_amount=Decimal(10 * number + 1),
        )


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_as_many_as_are_examined_are_not_cut_off(signed_in: Client) -> None:
    for number in range(3):
        listed(f"n{number}", created_at=NOON + timedelta(minutes=number))

    shown = page(signed_in)

    assert "more than" not in shown
    assert "<span>3 documents</span>" in shown


@pytest.mark.usefixtures("six")
def test_more_are_told_and_the_newest_are_listed(signed_in: Client) -> None:
    shown = page(signed_in)

    assert names(signed_in)[:3] == ["n5", "n4", "n3"]
    assert "There are more than 3 documents." in shown
    since = '<time datetime="2026-11-24T12:02:00+00:00" title="24 Nov 2026, 12:02 UTC">'
    assert f"those received since {since}24 Nov 2026, 12:02</time>." in " ".join(shown.split())
    assert "Totals of the newest documents" in shown
    assert "More than 3 documents</span>" in shown


@pytest.mark.usefixtures("six")
def test_other_conditions_are_looked_for_among_the_newest(signed_in: Client) -> None:
    assert names(signed_in, text="supplier") == ["n5", "n4", "n3", "n2"]
    assert names(signed_in, requester="ash", text="RE-0") == []
    shown = page(signed_in, text="nowhere")
    assert "There are more than 3 documents." in shown
    assert "No document matches these filters." in shown


@pytest.mark.usefixtures("six")
@pytest.mark.parametrize("text", ["RE-1", "re-1", "Supplier 4", "n1.pdf", "EUR 11,00"])
def test_older_ones_are_found_by_what_they_say_in_full(signed_in: Client, text: str) -> None:
    shown = page(signed_in, text=text)

    assert "n1" not in names(signed_in, text=text)
    older = re.findall(r"<bdi>(n\d)\.pdf</bdi>", shown[shown.index("Older documents") :])
    assert older == ["n1"]
    assert "Older documents" not in page(signed_in, text=text, state="failed")
    assert "Older documents" not in page(signed_in, text=text, requester="ben")


@pytest.mark.usefixtures("six")
def test_dates_reach_back(signed_in: Client) -> None:
    assert names(signed_in, until="2026-11-02") == ["n1", "n0"]
    assert names(signed_in, until="2026-11-02", text="re-0", sort="supplier") == ["n0"]
    shown = page(signed_in, since="2026-11-01", text="RE-4")
    assert 'an invoice date from <time datetime="2026-11-03">3 Nov 2026</time>.' in shown


def test_states_and_reviews_reach_back(signed_in: Client) -> None:
    make_extraction(file_name="failed.pdf", state=State.FAILED, created_at=NOON, due_at=NOON)
    listed("doubtful", needs_review=True, created_at=NOON)
    for number in range(5):
        minutes = timedelta(minutes=number + 1)
        listed(f"n{number}", created_at=NOON + minutes)
        listed(f"done{number}", needs_review=True, reviewed_at=NOON, created_at=NOON + minutes)

    assert names(signed_in, state="failed") == ["failed"]
    assert names(signed_in, state="failed", sort="file", text="failed") == ["failed"]
    assert names(signed_in, review="needed") == ["doubtful"]
    assert names(signed_in, review="needed", state="succeeded") == ["doubtful"]


@pytest.mark.usefixtures("six")
def test_order_with_an_index_begins_at_the_very_first(signed_in: Client) -> None:
    assert names(signed_in, sort="total")[:3] == ["n0", "n1", "n2"]
    assert names(signed_in, sort="-total")[:3] == ["n5", "n4", "n3"]
    assert names(signed_in, sort="date")[:3] == ["n0", "n1", "n2"]
    assert names(signed_in, sort="-number")[:3] == ["n5", "n4", "n3"]
    assert names(signed_in, sort="file")[:3] == ["n0", "n1", "n2"]
    # Without a supplier there is nothing to sort by.
    assert names(signed_in, sort="supplier")[:3] == ["n5", "n4", "n3"]
    shown = page(signed_in, sort="total")
    assert "The list shows the first 3 in this order; totals are those of the newest." in shown


@pytest.mark.usefixtures("six")
def test_order_without_an_index_is_that_of_the_newest(signed_in: Client) -> None:
    assert set(names(signed_in, sort="state")) == {"n2", "n3", "n4", "n5"}
    assert "Only the newest are searched, sorted and summed up" in page(signed_in, sort="type")


@pytest.mark.usefixtures("six")
def test_pages_end_where_the_order_was_cut_off(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_page_module, "PAGE_SIZE", 2)

    assert names(signed_in, sort="total", page=2) == ["n2", "n3"]
    assert names(signed_in, sort="total", page=9) == ["n2", "n3"]


@pytest.mark.usefixtures("six")
def test_each_company_has_its_share(signed_in: Client, operator: User) -> None:
    CompanyGrant.objects.create(user=operator, company_id="NT048")
    listed("rare", company_id="NT048", created_at=NOON - timedelta(days=9))

    # The newest are those since the newest that was cut off of a company.
    assert names(signed_in) == ["n5", "n4", "n3", "n2"]
    assert names(signed_in, company="NT048") == ["rare"]
    assert names(signed_in, sort="supplier")[0] == "n5"
    assert "Older documents" in page(signed_in, text="rare.pdf")


@pytest.mark.usefixtures("six")
def test_superuser_sees_the_newest_of_all(root: Client) -> None:
    for number in range(3):
        listed(f"m{number}", company_id="NT048", created_at=NOON + timedelta(minutes=9 + number))

    assert names(root) == ["m2", "m1", "m0", "n5"]
    assert names(root, text="n5.pdf") == ["n5"]
    assert names(root, text="n4.pdf") == []
    assert "choose a company" in page(root, text="n4.pdf")


def plan_of(rows: Any) -> list[str]:
    sql, parameters = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        return [detail for *_, detail in cursor.fetchall()]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
@pytest.mark.usefixtures("six")
@pytest.mark.parametrize(
    ("filters", "search"),
    [
        (Filters(), "extraction_company (company_id=? AND created_at>?)"),
        (Filters(sort="-type"), "extraction_company (company_id=? AND created_at>?)"),
        (
            Filters(text="x", branch="y", requester="z", duplicates="only"),
            "extraction_company (company_id=? AND created_at>?)",
        ),
        (
            Filters(state="succeeded", sort="-total"),
            "extraction_state (company_id=? AND state=? AND created_at>?)",
        ),
        (
            Filters(since=date(2026, 1, 1), state="succeeded", review="needed", sort="file"),
            "extraction_invoiced (company_id=? AND invoice_date>?)",
        ),
    ],
)
def test_rows_are_found_by_the_index_of_one_condition(filters: Filters, search: str) -> None:
    found = Window(filters, ["NT047"])

    for rows in (found.rows, found.ordered()):
        steps = [step for step in plan_of(rows) if "extraction_extraction" in step]
        assert steps == [f"SEARCH extraction_extraction USING INDEX {search}"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
@pytest.mark.parametrize("companies", [["NT047"], ["NT047", "NT048"], None])
def test_files_sent_together_are_found_by_their_index(companies: list[str] | None) -> None:
    batch = uuid.uuid4()
    make_extraction(batch=batch)

    for filters in (Filters(batch=batch), Filters(batch=batch, state="failed", sort="-total")):
        [step, *_] = plan_of(Window(filters, companies).rows)
        assert step.startswith("SEARCH extraction_extraction USING INDEX extraction_batch (batch=?")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
def test_reviews_are_found_by_their_index() -> None:
    [step, *_] = plan_of(Window(Filters(review="needed", sort="file"), ["NT047"]).rows)

    assert step == (
        "SEARCH extraction_extraction USING INDEX extraction_to_review"
        " (company_id=? AND needs_review=? AND reviewed_at=?)"
    )


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
@pytest.mark.usefixtures("six")
@pytest.mark.parametrize("sort", ["file", "-supplier", "number", "-date", "due", "-total"])
def test_whole_order_is_that_of_an_index(sort: str) -> None:
    found = Window(Filters(sort=sort), ["NT047"])

    assert found.has_whole_order
    assert not any("TEMP B-TREE" in step for step in plan_of(found.ordered()))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
@pytest.mark.usefixtures("six")
@pytest.mark.parametrize("companies", [["NT047", "NT048"], None])
def test_rows_of_several_companies_are_found_from_the_edge(companies: list[str] | None) -> None:
    steps = plan_of(Window(Filters(sort="-total"), companies).rows)

    assert any("created_at>?" in step for step in steps)
    assert not any("SCAN" in step for step in steps)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
def test_indexes_of_the_list_do_not_draw_other_queries_to_them() -> None:
    """The first reading of the same bytes, as ``outcomes.finish`` looks for it."""
    earlier = Extraction.objects.filter(
        company_id="NT047", sha256="0" * 64, state=State.SUCCEEDED
    ).order_by("created_at")

    assert plan_of(earlier.values("pk")[:1]) == [
        "SEARCH extraction_extraction USING INDEX extraction_bytes"
        " (company_id=? AND sha256=? AND state=?)"
    ]


@pytest.mark.usefixtures("six")
def test_deleted_ones_take_no_place_among_those_examined(signed_in: Client) -> None:
    Extraction.objects.filter(file_name__in=["n5.pdf", "n3.pdf"]).update(
        deleted_at=NOON, deleted_by="bela"
    )

    assert names(signed_in)[:3] == ["n4", "n2", "n1"]
    assert names(signed_in, sort="supplier")[:3] == ["n4", "n2", "n1"]
    assert names(signed_in, text="n5.pdf") == []
    assert "<span>4 documents</span>" not in page(signed_in)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
@pytest.mark.usefixtures("six")
@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(), "extraction_company"),
        (Filters(review="needed"), "extraction_to_review"),
        (Filters(since=date(2026, 1, 1)), "extraction_invoiced"),
    ],
)
def test_totals_and_the_edge_are_found_in_the_index_alone(filters: Filters, index: str) -> None:
    found = Window(filters, ["NT047"])
    sums = found.rows.values("currency", "document_type").annotate(total=Sum("total_amount"))
    edge = Extraction.with_deleted.order_by().values_list(found._edge_of(Q(company_id="NT047")))

    for rows in (sums.order_by(), edge[:1]):
        assert any(f"COVERING INDEX {index} " in step for step in plan_of(rows))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
@pytest.mark.usefixtures("six")
def test_superusers_are_served_by_indexes_of_all_companies() -> None:
    to_review = Window(Filters(review="needed"), None).rows
    sums = to_review.values("currency", "document_type").annotate(total=Sum("total_amount"))
    failed = matching(Filters(state="failed"), None).values("pk")

    assert any("COVERING INDEX extraction_all_to_review " in step for step in plan_of(sums))
    steps = plan_of(failed[:50])
    assert any("INDEX extraction_all_state " in step for step in steps)
    assert not any("ORDER BY" in step for step in steps), "they are sorted"
