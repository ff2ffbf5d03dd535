"""What is exported, read page by page."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from extraction.exports.source import exported
from extraction.models import Extraction, State
from tests.extraction.exports.made_up import make_succeeded
from tests.extraction.factories import make_extraction

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

START = datetime(2026, 11, 1, tzinfo=UTC)


def made_at(*minutes: int) -> list[Extraction]:
    made = [make_succeeded(invoice_number=str(minute)) for minute in minutes]
    for extraction, minute in zip(made, minutes, strict=True):
        created_at = START + timedelta(minutes=minute)
        Extraction.objects.filter(pk=extraction.pk).update(created_at=created_at)
    return made


def test_only_what_succeeded_is_exported_the_oldest_first() -> None:
    made_at(3, 1, 2)
    for state in State:
        if state != State.SUCCEEDED:
            make_extraction(state=state)

    found = list(exported(Extraction.objects.all()))

    assert [each.invoice.invoice_number for each in found] == ["1", "2", "3"]
    assert {each.extraction.state for each in found} == {"succeeded"}


@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 5, 7, 8])
def test_each_comes_once_at_any_page_size_though_many_arrived_at_once(page_size: int) -> None:
    made = made_at(1, 2, 2, 2, 2, 3, 3)

    found = [each.extraction for each in exported(Extraction.objects.all(), page_size)]

    assert len(found) == len(made)
    assert {each.pk for each in found} == {each.pk for each in made}
    assert [each.created_at for each in found] == sorted(each.created_at for each in found)


@pytest.mark.parametrize(("rows", "queries"), [(0, 1), (1, 4), (2, 4), (5, 6)])
def test_a_page_costs_one_query_the_choice_two_and_the_zones_of_companies_one(
    rows: int, queries: int, django_assert_num_queries: Any
) -> None:
    made_at(*range(rows))

    with django_assert_num_queries(queries):
        for each in exported(Extraction.objects.all(), page_size=2):
            # Nothing that a writer asks of it is fetched later.
            assert each.extraction.file_name
            assert each.extraction.files_removed_at is None
            assert each.extraction.file
            assert each.labels == {}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
@pytest.mark.parametrize(
    "filters", [{}, {"company_id": "NT047"}, {"company_id__in": ["NT047", "NT048"]}]
)
def test_rows_of_a_page_are_found_by_their_ids(filters: dict[str, Any]) -> None:
    made_at(1, 2)
    with CaptureQueriesContext(connection) as queries:
        assert len(list(exported(Extraction.objects.filter(**filters)))) == 2

    [page] = [query["sql"] for query in queries if '."result"' in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {page}")
        steps = [detail for *_, detail in cursor.fetchall()]
    # Of the table and of what is chosen, both by the index of the primary key.
    searches = [step for step in steps if step.startswith(("SEARCH", "SCAN"))]
    assert len(searches) == 2
    assert all("autoindex" in step and "(id=?)" in step for step in searches)


def test_what_is_no_longer_chosen_meanwhile_is_left_out() -> None:
    first, second, third = made_at(1, 2, 3)
    chosen = exported(Extraction.objects.filter(branch="Default"), page_size=1)

    found = [next(chosen).extraction]
    second.delete()
    Extraction.objects.filter(pk=third.pk).update(branch="North")
    found += [each.extraction for each in chosen]

    assert [each.pk for each in found] == [first.pk]


@pytest.mark.no_cover  # with its memory measured it is slow
def test_keeping_which_are_chosen_takes_bytes_of_each() -> None:
    """Of 2,000 more than of 200, 30 KB: neither rows nor results are kept."""
    extraction = make_succeeded()

    def peak(number: int) -> int:
        Extraction.objects.exclude(pk=extraction.pk).delete()
        Extraction.objects.bulk_create(make_copy(extraction, at) for at in range(number - 1))
        tracemalloc.start()
        try:
            assert sum(1 for _ in exported(Extraction.objects.all(), page_size=50)) == number
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(60)  # what is cached with the first use

    assert peak(2_000) < peak(200) + 100_000


def make_copy(extraction: Extraction, at: int) -> Extraction:
    return Extraction(
        company_id="NT047",
        requested_by="asha",
        client="user:1",
        file="x",
        file_name=f"{at}.pdf",
        sha256="0" * 64,
        media_type="application/pdf",
        size=1,
        page_count=1,
        state=State.SUCCEEDED,
        result=extraction.result,
    )
