"""Companies take turns, however many documents one of them has queued."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from extraction import fairness, pipeline
from extraction.fairness import claim_fairest
from extraction.models import Extraction, State
from extraction.models.extraction_queryset import ROWS_AT_ONCE, ExtractionQuerySet
from tests import processes
from tests.extraction.claimer import claim_all
from tests.extraction.factories import make_extraction

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]

AN_HOUR_AGO = timezone.now() - timedelta(hours=1)
PROCESSES = 8


@pytest.fixture(autouse=True)
def no_preferences(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.COMPANY_WEIGHTS = {}
    monkeypatch.setattr(fairness, "_put_off_until", {})


def queue(company_id: str, number: int) -> list[Extraction]:
    """Queued extractions of a company, the first being the oldest."""
    return [
        make_extraction(company_id=company_id, due_at=AN_HOUR_AGO + timedelta(seconds=n))
        for n in range(number)
    ]


def claim() -> Extraction:
    extraction = claim_fairest(worker="host:1")
    assert extraction is not None
    return extraction


def claimed_companies(number: int) -> list[str]:
    return [claim().company_id for _ in range(number)]


def finish(extraction: Extraction) -> None:
    assert Extraction.objects.end(extraction, State.SUCCEEDED, http_status=200)


def test_one_invoice_is_the_second_claim_behind_fifty() -> None:
    queue("A", 50)
    queue("B", 1)

    assert sorted(claimed_companies(2)) == ["A", "B"]


def test_one_invoice_is_the_next_claim_while_many_of_another_company_run() -> None:
    queue("A", 50)
    claimed_companies(4)
    queue("B", 1)

    assert claim().company_id == "B"


def test_a_company_has_one_turn_however_its_id_is_written() -> None:
    """SQL Server finds the rows of all ways to write it by any of them."""
    queue("nt047", 3)
    queue("NT047 ", 3)
    queue("B", 3)

    companies = [company_id.strip().lower() for company_id in claimed_companies(6)]

    assert Counter(companies) == {"nt047": 3, "b": 3}
    assert Counter(companies[:4]) == {"nt047": 2, "b": 2}


def test_of_a_company_the_oldest_comes_first_however_its_id_is_written() -> None:
    for number, company_id in enumerate(["nt047", "NT047", "nt047", "NT047"]):
        make_extraction(company_id=company_id, due_at=AN_HOUR_AGO + timedelta(seconds=number))

    assert claimed_companies(4) == ["nt047", "NT047", "nt047", "NT047"]


def test_a_company_is_put_off_however_its_id_is_written() -> None:
    queue("nt047", 2)
    queue("B", 2)

    fairness.put_off("NT047")

    assert claimed_companies(2) == ["B", "B"]


def test_companies_alternate_when_each_claim_ends_before_the_next() -> None:
    queue("A", 10)
    queue("B", 3)
    queue("C", 3)
    order = []

    for _ in range(9):
        extraction = claim()
        order.append(extraction.company_id)
        finish(extraction)

    assert {tuple(sorted(order[n : n + 3])) for n in (0, 3, 6)} == {("A", "B", "C")}


def test_company_not_served_lately_precedes_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extraction.models.extraction_queryset.CLAIMS_REMEMBERED", 2)
    for company_id in ("C", "A", "B"):
        queue(company_id, 1)
        finish(claim())
    for company_id in ("A", "B", "C"):
        queue(company_id, 1)

    assert claim().company_id == "C"


def test_postponed_extraction_counts_as_served_when_it_was_claimed_last() -> None:
    [a], [b] = queue("A", 1), queue("B", 1)
    for company_id in ("A", "B", "A"):
        extraction = Extraction.objects.claim((a if company_id == "A" else b).pk, worker=None)
        assert extraction is not None
        Extraction.objects.postpone(extraction, timedelta(0))
    Extraction.objects.update(state=State.QUEUED)

    assert claim().company_id == "B"


def test_oldest_extraction_of_a_company_is_first() -> None:
    extractions = queue("A", 5)

    assert [claim().pk for _ in range(5)] == [extraction.pk for extraction in extractions]


def test_nothing_queued_is_nothing_claimed() -> None:
    make_extraction(state=State.WAITING, due_at=AN_HOUR_AGO)

    assert claim_fairest(worker=None) is None


def test_weights_share_the_running_extractions(settings: Settings) -> None:
    settings.COMPANY_WEIGHTS = {"a": 3.0, "c": 0.5}
    for company_id in ("A", "B", "C"):
        queue(company_id, 20)

    assert Counter(claimed_companies(18)) == {"A": 12, "B": 4, "C": 2}


def test_companies_whose_turn_is_put_off_come_after_the_others() -> None:
    queue("A", 2)
    queue("B", 3)
    claimed_companies(2)

    fairness.put_off("A")

    assert claimed_companies(3) == ["B", "B", "A"]


def test_company_is_put_off_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "PUT_OFF_SECONDS", 0.0)
    queue("A", 2)
    queue("B", 3)
    claimed_companies(2)
    claim_of_b = Extraction.objects.claim(
        Extraction.objects.queued().filter(company_id="B")[0].pk, worker=None
    )
    assert claim_of_b is not None

    fairness.put_off("A")

    assert claim().company_id == "A"


def test_company_is_found_behind_more_rows_than_are_read_at_once() -> None:
    queue("A", 2 * ROWS_AT_ONCE + 1)
    queue("B", ROWS_AT_ONCE)
    queue("C", 1)

    found = Extraction.objects.queued().oldest_by_company()

    assert {company_id: len(rows) for company_id, rows in found.items()} == {
        "A": ROWS_AT_ONCE,
        "B": ROWS_AT_ONCE,
        "C": 1,
    }


def test_claim_costs_no_more_queries_with_a_long_queue(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    queue("A", 2 * ROWS_AT_ONCE)
    queue("B", 1)

    # Rows of A, rows after it, running, served lately, claim, read
    with django_assert_num_queries(6):
        claim()


def test_process_that_loses_every_try_leaves_the_rows_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue("A", 3)
    tried = []

    def lose(_: object, pk: object, *, worker: str | None, lease_id: object) -> None:
        tried.append(pk)

    monkeypatch.setattr(ExtractionQuerySet, "claim", lose)

    assert claim_fairest(worker=None) is None
    assert len(tried) == fairness.TRIES
    assert len(set(tried)) > 1


def test_message_runs_whose_turn_it_is_and_its_own_row_when_nothing_is_queued(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = []
    monkeypatch.setattr(pipeline, "_attempt", lambda extraction: ran.append(extraction.company_id))
    [*_, last] = queue("A", 5)
    queue("B", 1)
    waiting = make_extraction(company_id="C", state=State.WAITING, due_at=AN_HOUR_AGO)

    pipeline.process(last.pk)
    pipeline.process(last.pk)
    Extraction.objects.filter(state=State.QUEUED).update(state=State.CANCELLED)
    pipeline.process(waiting.pk)

    assert sorted(ran[:2]) == ["A", "B"]
    assert ran[2:] == ["C"]


def test_eight_processes_take_each_row_once_and_every_company_in_turn() -> None:
    for company_id, number in {"A": 150, "B": 30, "C": 30}.items():
        queue(company_id, number)

    with processes.together(claim_all, [()] * PROCESSES) as claimers:
        claimed = [pk for claimer in claimers for pk in claimer.result()]

    assert sorted(claimed) == sorted(Extraction.objects.values_list("pk", flat=True))
    order = Extraction.objects.order_by("claimed_at").values_list("company_id", flat=True)
    # Each of the others is through long before half of A is.
    shares = Counter(order[:120])
    assert min(shares["B"], shares["C"]) >= 25
