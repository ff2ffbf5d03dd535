import re

import pytest

from extraction.evidence import page_labels
from extraction.readers.text import labels

GROUPS = {
    **{f"evidence {name}": group for name, group in page_labels._AMOUNTS.items()},
    **{name: group for name, group in vars(labels).items() if name.isupper()},
}
LINES = (
    *("Total 12.00", "subtotal 12.00", "SubTotal", "Total HT 5,00", "TOTAL TTC 6,00", "totals"),
    *("Gesamtbetrag der Rabatte", "Gesamtbetrag 1,00", "_total", "net_total", "MwSt. 19 %", ""),
    *("USt-IdNr.", "Grand  Total", "amount due", "कुल जम्मा 5", "totale fattura", "Umsatzsteuer"),
)


@pytest.mark.parametrize("group", [g for g in GROUPS.values() if isinstance(g, tuple)])
def test_any_of_matches_where_one_of_the_labels_does(group: tuple[re.Pattern[str], ...]) -> None:
    whole = labels.any_of(group)

    assert [bool(whole.search(line)) for line in LINES] == [
        any(label.search(line) for label in group) for line in LINES
    ]
