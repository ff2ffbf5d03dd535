"""Of lines with lines below them each amount is counted once."""

from decimal import Decimal

import pytest

from extraction.invoices.schema import LineItem
from extraction.readers.einvoice.lines import Line, counted, tree
from extraction.readers.einvoice.reader import fields_of
from tests.extraction.readers.einvoice.einvoices import cii, ubl

Row = tuple[str, str | None, str | None, str | None]  # id, id above, code, amount


def line(name: str, code: str | None, amount: str | None) -> Line:
    return Line(
        LineItem(description=name, amount=None if amount is None else Decimal(amount)), code
    )


def left(*rows: Row) -> list[str | None]:
    """The ids of the lines that are counted."""
    lines = [(line(name, code, amount), name, above) for name, above, code, amount in rows]
    return [item.description for item in counted(tree(lines))]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # A heading without an amount, and a line that only informs
        (
            [
                ("1", None, "GROUP", None),
                ("1.1", "1", "DETAIL", "200"),
                ("1.2", "1", "DETAIL", "100"),
                ("1.2.1", "1.2", "INFORMATION", None),
            ],
            ["1.1", "1.2"],
        ),
        # The sums of groups inside groups
        (
            [
                ("1", None, "GROUP", "60"),
                ("11", "1", "GROUP", "60"),
                ("111", "11", "DETAIL", "60"),
                ("2", None, "DETAIL", "5"),
            ],
            ["111", "2"],
        ),
        # A group that is priced as a whole
        (
            [
                ("1", None, "GROUP", "60"),
                ("11", "1", "INFORMATION", "40"),
                ("12", "1", "INFORMATION", "20"),
            ],
            ["1"],
        ),
        ([("1", None, "GROUP", "60"), ("11", "1", "DETAIL", "0")], ["1"]),
        ([("1", None, "GROUP", None), ("2", None, "DETAIL", "1")], ["2"]),
        # Without codes the amounts show it
        ([("1", None, None, "60"), ("11", "1", None, "20"), ("12", "1", None, "40")], ["11", "12"]),
        ([("1", None, None, "60"), ("11", "1", None, None)], ["1"]),
        ([("1", None, None, "60"), ("11", "1", None, "20")], ["1"]),
        ([("1", None, None, None), ("11", "1", None, "20")], ["11"]),
        # A line with an accessory, each of which is paid
        ([("1", None, "DETAIL", "60"), ("11", "1", "DETAIL", "20")], ["1", "11"]),
        # Information at any place is none of the goods
        ([("1", None, "INFORMATION", "60"), ("2", None, "DETAIL", "20")], ["2"]),
        # Free lines and a credit stay
        (
            [("1", None, "DETAIL", "0"), ("2", None, "DETAIL", "-5"), ("3", None, None, None)],
            ["1", "2", "3"],
        ),
        # Ids that lead nowhere, to the line itself, in a ring, or to two lines
        ([("1", "9", "DETAIL", "60"), ("2", "2", "DETAIL", "20")], ["1", "2"]),
        ([("1", "2", "DETAIL", "60"), ("2", "1", "DETAIL", "20")], ["2", "1"]),
        (
            [("1", None, "DETAIL", "1"), ("1", None, "DETAIL", "2"), ("x", "1", "DETAIL", "1")],
            ["x", "1"],
        ),
    ],
)
def test_lines_are_counted_once(rows: list[Row], expected: list[str]) -> None:
    assert left(*rows) == expected


@pytest.mark.parametrize(
    ("rows", "net", "expected"),
    [
        # Neither a heading with the sum of the lines after it nor a sum after them is goods
        (
            [("1", None, "GROUP", "60"), ("2", None, "DETAIL", "20"), ("3", None, "DETAIL", "40")],
            "60",
            ["2", "3"],
        ),
        ([("1", None, "DETAIL", "60"), ("2", None, "GROUP", "60")], "60", ["1"]),
        # A group of its own, priced as a whole
        ([("1", None, "GROUP", "60"), ("2", None, "DETAIL", "20")], "80", ["1", "2"]),
        ([("1", None, "GROUP", "60")], "60", ["1"]),
        ([("1", None, "GROUP", "60")], "0", ["1"]),
    ],
)
def test_a_group_that_names_no_lines_below_it_counts_where_the_sum_needs_it(
    rows: list[Row], net: str, expected: list[str]
) -> None:
    lines = [(line(name, code, amount), name, above) for name, above, code, amount in rows]

    assert [item.description for item in counted(tree(lines), Decimal(net))] == expected


def test_a_group_in_a_cii_invoice_is_known_without_the_ids_of_its_lines() -> None:
    xml = cii().decode()
    start, end = xml.index("  <ram:IncludedSupply"), xml.index("  <ram:IncludedSupply", 999)
    group = xml[start:end].replace(
        "<ram:LineID>1</ram:LineID>",
        "<ram:LineID>0</ram:LineID><ram:LineStatusReasonCode>Group</ram:LineStatusReasonCode>",
    )

    fields = fields_of((xml[:start] + group + xml[start:]).encode())

    assert fields is not None
    assert [item.serial_number for item in fields.line_items] == ["1"]


def test_a_chain_of_thousands_of_lines_is_cut_into_short_ones() -> None:
    rows: list[Row] = [(str(n), str(n - 1), "DETAIL", "1") for n in range(5_000)]

    assert len(left(*rows)) == 50


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [(("100.00", "15.00"), ["Part", "Part"]), (("1.00", "2.00"), ["Beeswax XL"])],
)
@pytest.mark.parametrize("root", ["Invoice", "CreditNote"])
def test_lines_below_a_ubl_line_take_its_place_when_they_add_up_to_it(
    root: str, amounts: tuple[str, str], expected: list[str]
) -> None:
    name = f"cac:Sub{root}Line"
    parts = "".join(
        f"<{name}><cbc:LineExtensionAmount>{amount}</cbc:LineExtensionAmount>"
        f"<cac:Item><cbc:Name>Part</cbc:Name></cac:Item></{name}>"
        for amount in amounts
    )
    xml = ubl(root).decode().replace(f"</cac:{root}Line>", f"{parts}</cac:{root}Line>")

    fields = fields_of(xml.encode())

    assert fields is not None
    assert [item.description for item in fields.line_items] == expected
