import re

import pytest

from extraction.evidence import more_labels, page_labels
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


def test_every_label_begins_with_a_letter_as_its_guard_says() -> None:
    every = [
        one
        for module in (labels, more_labels)
        for group in vars(module).values()
        for one in (group if isinstance(group, tuple) else (group,))
        if isinstance(one, re.Pattern) and labels._START in one.pattern
    ]
    before = labels._START.removesuffix(r"(?=\w)")
    marks = re.compile(r"\(\?[^\w]*|[\\\[\](){}?:!|]|\\\w")
    text = "\n".join(f"-{marks.sub(' ', one.pattern)}: #{one.pattern}" for one in every)

    for one in every:
        free = re.compile(one.pattern.replace(labels._START, before), one.flags)
        assert [found.span() for found in one.finditer(text)] == [
            found.span() for found in free.finditer(text)
        ]
    assert len(every) > 40


@pytest.mark.parametrize(
    "name",
    [
        "Himal Trading Suppliers Pvt. Ltd.",
        "Muster Handels GmbH & Co. KG",
        "Acme Office Supplies Ltd",
        "Globex Stores, Inc.",
        "Nord AG",
    ],
)
def test_a_company_s_name_ends_with_all_of_its_forms(name: str) -> None:
    found = labels.COMPANY.search(f"{name}    Invoice 4711")

    assert found is not None
    assert found["name"] == name
