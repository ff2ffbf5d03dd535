"""Words that were clicked on a page become what the field would hold."""

import pytest

from extraction.evidence.printed_days import Order
from extraction.review import values
from extraction.review.printed import NOTHING, value_printed


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("total_amount", "29.789,07", "29789.07"),
        ("total_amount", "29,789.07", "29789.07"),
        ("total_amount", "€1'234.50", "1234.50"),
        ("total_amount", "EUR 1 234,50", "1234.50"),
        ("total_amount", "1,00,000.00/-", "100000.00"),
        ("total_amount", "-5.00", "-5.00"),
        ("total_amount", "(5.00)", "-5.00"),
        ("line_items.2.tax_rate", "19%", "19"),
        ("line_items.2.quantity", "३", "3"),
        ("invoice_date", "27.11.2026", "2026-11-27"),
        ("invoice_date", "2026-11-27,", "2026-11-27"),
        ("due_date", "14 March 2026", "2026-03-14"),
        ("due_date", "13/04/2026", "2026-04-13"),
        ("due_date", "20261127", "2026-11-27"),
        ("currency", "EUR", "EUR"),
        ("currency", "€", "EUR"),
        ("invoice_number", " RE-2026/7, ", "RE-2026/7"),
        ("supplier.name", "Acme & Sons:", "Acme & Sons"),
        ("supplier.address", "Street 1\r\nTown", "Street 1\nTown"),
        ("note", "x", "x"),
    ],
)
def test_words_have_one_meaning(path: str, text: str, value: str) -> None:
    assert value_printed(path, text) == value


@pytest.mark.parametrize(("mark", "number"), [(".", "1.234"), (",", "1234")])
def test_decimal_mark_of_the_page_decides(mark: str, number: str) -> None:
    assert value_printed("total_amount", "1.234", mark=mark) == number


@pytest.mark.parametrize(
    ("order", "day"), [(Order.DAY_FIRST, "2026-04-03"), (Order.MONTH_FIRST, "2026-03-04")]
)
def test_order_of_the_page_decides(order: Order, day: str) -> None:
    assert value_printed("due_date", "03/04/2026", order=order) == day


@pytest.mark.parametrize(
    ("path", "text", "problem"),
    [
        ("total_amount", "Total", values.NOT_A_NUMBER),
        ("total_amount", "RE-1", values.NOT_A_NUMBER),
        ("total_amount", "1.2.3", values.NOT_A_NUMBER),
        ("total_amount", "1.234", "This can be read as 1.234 or as 1234: enter one of them."),
        (
            "due_date",
            "03/04/2026",
            "This can be read as 2026-03-04 or as 2026-04-03: enter one of them.",
        ),
        ("due_date", "2026-02-30", values.NOT_A_DATE),
        ("currency", "Total", values.NOT_A_CURRENCY),
        ("currency", "EUR USD", values.NOT_A_CURRENCY),
        ("supplier.name", " ", NOTHING),
        ("supplier.name", "a\x00", values.CONTROL_CHARACTERS),
    ],
)
def test_words_without_one_meaning_are_told(path: str, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        value_printed(path, text)

    assert str(caught.value) == problem
