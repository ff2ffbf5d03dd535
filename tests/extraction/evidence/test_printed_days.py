from datetime import date

import pytest

from extraction.evidence.printed_days import Order, days_in, order_of
from tests.extraction.evidence.pages import line_of

DAY = date(2026, 4, 17)


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-17",
        "2026-04-17T08:30:00",
        "2026/4/17",
        "20260417",
        "17042026",
        "17.04.2026",
        "17. 4. 2026",
        "17.4.26",
        "17/04/2026",
        "04/17/2026",
        "17-Apr-26",
        "17 April 2026",
        "17th of April 2026",
        "April 17, 2026",
        "Apr. 17 '26",
        "17. April 2026",
        "17 avril 2026",
        "17 de abril de 2026",
        "17 kwietnia 2026",
        "17. dubna 2026",
        "17 Απριλίου 2026",
        "17 апреля 2026 г.",
        "2026年4月17日",
        "2026. április 17.",
        "2026. 04. 17.",
        "Date:17.04.2026,",
    ],
)
def test_a_day_is_found_in_its_form(text: str) -> None:
    assert DAY in {day.day for day in days_in(line_of(text))}


@pytest.mark.parametrize(
    "text", ["24 box 18", "99.99.2026", "1.2.3", "4 5", "12345678", "31/02/26"]
)
def test_what_is_no_day_is_left_out(text: str) -> None:
    assert list(days_in(line_of(text))) == []


def test_a_day_of_two_readings_is_ambiguous() -> None:
    days = {day.day: (day.order, day.ambiguous) for day in days_in(line_of("03/04/2026"))}

    assert days == {
        date(2026, 4, 3): (Order.DAY_FIRST, True),
        date(2026, 3, 4): (Order.MONTH_FIRST, True),
    }


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("03/04/2026 04/17/2026", Order.MONTH_FIRST),
        ("03/04/2026 17/04/2026", Order.DAY_FIRST),
        ("03/04/2026", None),
        ("17.04.2026 2026-04-17", None),
        ("17/04/2026 04/17/2026", None),
    ],
)
def test_the_order_is_that_of_the_days_with_one_reading(text: str, order: Order | None) -> None:
    assert order_of(days_in(line_of(text))) == order
