from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Subquery
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ocrsite.lib.compiled import Compiled
from tests.tokens.rows import make_company, make_token
from tokens.models import Company, TokenMaster

pytestmark = pytest.mark.django_db


def keys_of(company_id: str, at: datetime) -> "models.QuerySet[TokenMaster]":
    """Whatever a query may have."""
    closed = Company.objects.filter(company_id=company_id, closed_at__isnull=False)
    names = Company.objects.filter(company_id=OuterRef("company_id")).values("name")[:1]
    found = TokenMaster.objects.filter(company_id=company_id, created_at__lt=at)
    found = found.exclude(Exists(closed)).select_related("summary")
    return found.annotate(seen=F("created_at"), named=Subquery(names)).order_by("-pk")


def asked_for(ask: Callable[..., Iterable[Any]], *values: Any) -> tuple[list[Any], list[str]]:
    """The rows, and the statements that brought them."""
    with CaptureQueriesContext(connection) as captured:
        rows = list(ask(*values))
    return rows, [query["sql"] for query in captured]


def test_the_statement_and_its_rows_are_those_of_the_queryset() -> None:
    compiled = Compiled(keys_of)
    now = timezone.now() + timedelta(seconds=1)
    make_company("NT047", name="Harbour")
    keys = [make_token(company_id=each) for each in ("NT047", "NT047", "NT074")]

    for company_id in ("NT047", "NT074", "NONE", "compiled-0"):
        rows, asked = asked_for(compiled, company_id, now)
        expected, plainly = asked_for(keys_of, company_id, now)
        assert rows == expected
        assert asked == plainly
    [first, _] = compiled("NT047", now)
    annotated = vars(first)
    assert first == keys[1]
    assert (annotated["named"], annotated["seen"]) == ("Harbour", keys[1].created_at)
    with CaptureQueriesContext(connection) as captured:
        assert first.summary.token_id == keys[1].pk
    assert len(captured) == 0
    assert compiled("NT047", now - timedelta(days=1)) == []


def test_rows_may_be_single_values_of_any_number_of_values() -> None:
    compiled = Compiled(
        lambda *ids: TokenMaster.objects.filter(company_id__in=ids).values_list(
            "company_id", flat=True
        )
    )
    for each in ("B", "A", "C"):
        make_token(company_id=each)

    assert compiled("A") == ["A"]
    assert sorted(compiled("C", "A")) == ["A", "C"]
    assert sorted(compiled("A", "B", "D")) == ["A", "B"]


def test_a_query_is_built_once() -> None:
    built = []

    def build(company_id: str) -> "models.QuerySet[TokenMaster]":
        built.append(company_id)
        return TokenMaster.objects.filter(company_id=company_id)

    compiled = Compiled(build)
    for each in ("A", "B", "A"):
        compiled(each)

    assert built == ["compiled-0"]


@pytest.mark.parametrize(
    "build",
    [
        lambda company_id: TokenMaster.objects.all(),
        lambda company_id: TokenMaster.objects.filter(company_id__startswith=company_id),
        lambda company_id: TokenMaster.objects.filter(company_id=company_id.upper()),
    ],
)
def test_a_value_that_is_not_compared_as_it_is_is_refused(build: Any) -> None:
    with pytest.raises(ValueError, match="compared"):
        Compiled(build)("A")


@pytest.mark.django_db(transaction=True)
def test_each_thread_asks_on_its_own_connection() -> None:
    compiled = Compiled(lambda company_id: TokenMaster.objects.filter(company_id=company_id))
    key = make_token(company_id="A")

    def ask(_: int) -> list[TokenMaster]:
        try:
            return compiled("A")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, range(8))) == [[key]] * 8
    assert compiled("A") == [key]
