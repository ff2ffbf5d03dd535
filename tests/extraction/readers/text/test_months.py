import pytest

from extraction.readers.text.months import month
from tests.extraction.readers.text.month_names import FILE, text
from tests.running_site import ROOT


def test_the_names_are_those_of_the_cldr() -> None:
    assert (ROOT / FILE).read_text("utf-8") == text()


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("April", 4),
        ("APR.", 4),
        ("sept", 9),
        ("März", 3),
        ("août", 8),
        ("kwietnia", 4),
        ("апреля", 4),
        ("ma", None),
        ("box", None),
    ],
)
def test_a_month_is_known_by_its_name(name: str, number: int | None) -> None:
    assert month(name) == number
