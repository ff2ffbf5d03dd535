"""Tables as an Excel workbook, read back."""

import errno
import gc
import io
import os
import uuid
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from extraction.exports import workbook as workbook_module
from extraction.exports.layout import Column, Layout
from extraction.exports.values import Exported
from extraction.exports.workbook import workbook, workbook_table
from extraction.invoices.schema import Party, TaxLine
from extraction.models import RowsPer
from tests.extraction.exports.made_up import columns, make_exported, many
from tests.extraction.sample_invoices import LINE

pytestmark = pytest.mark.usefixtures("data_dir")


def written(layout: Layout | None, *exported: Exported) -> bytes:
    return b"".join(workbook(exported, layout))


def sheets(layout: Layout | None, *exported: Exported) -> Any:
    return load_workbook(BytesIO(written(layout, *exported)))


def row_of(layout: Layout | None, *exported: Exported) -> dict[str, Any]:
    """The cells of the first invoice by heading."""
    headings, row = list(sheets(layout, *exported)["Invoices"].iter_rows())[:2]
    return {heading.value: cell for heading, cell in zip(headings, row, strict=True)}


def test_numbers_and_dates_are_real() -> None:
    row = row_of(None, make_exported(due_date=date(2026, 12, 1), total_amount=Decimal("-119.05")))

    assert (row["total_amount"].value, row["total_amount"].data_type) == (-119.05, "n")
    assert (row["due_date"].value, row["due_date"].data_type) == (datetime(2026, 12, 1), "d")
    assert row["due_date"].number_format == "yyyy-mm-dd"
    assert row["extraction.created_at"].value == datetime(2026, 11, 4, 9, 30, 15)
    assert row["extraction.needs_review"].value is False
    assert row["iban"].value is None


def test_amounts_are_stored_with_every_digit() -> None:
    content = written(
        columns("total_amount"), make_exported(total_amount=Decimal("1234567890123.45"))
    )

    sheet = zipfile.ZipFile(BytesIO(content)).read("xl/worksheets/sheet1.xml")
    assert b"<v>1234567890123.45</v>" in sheet


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "{="])
def test_text_is_a_string_and_never_a_formula(beginning: str) -> None:
    exported = make_exported(
        file_name=f"{beginning}1+1", supplier=Party(name='=HYPERLINK("http://x")')
    )

    content = written(columns("extraction.file_name", "supplier.name"), exported)

    _, row = load_workbook(BytesIO(content))["Invoices"].iter_rows()
    assert [(cell.value, cell.data_type) for cell in row] == [
        (f"{beginning}1+1", "s"),
        ('=HYPERLINK("http://x")', "s"),
    ]
    assert b"<f>" not in zipfile.ZipFile(BytesIO(content)).read("xl/worksheets/sheet1.xml")


def test_headings_are_strings_too() -> None:
    book = sheets(Layout([Column("iban", "=1+1")]))

    assert book["Invoices"]["A1"].data_type == "s"


@pytest.mark.parametrize(
    "value", ["<b>&amp;</b>", "a\nb", "שלום \u202eabc", "日本語 🧾", " padded "]
)
def test_text_stays_as_it_is(value: str) -> None:
    row = row_of(columns("extraction.file_name"), make_exported(file_name=value))

    assert row["extraction.file_name"].value == value


def test_characters_that_xml_forbids_are_left_out() -> None:
    row = row_of(columns("extraction.file_name"), make_exported(file_name="a\x00\x0b\ud800\uffffb"))

    assert row["extraction.file_name"].value == "ab"


def test_lines_have_a_sheet_that_names_their_invoice() -> None:
    lines = [LINE, LINE.model_copy(update={"description": "Water"})]

    headings, *rows = sheets(None, make_exported(line_items=lines))["Lines"].iter_rows(
        values_only=True
    )

    told = [dict(zip(headings, row, strict=True)) for row in rows]
    assert [each["line_items.description"] for each in told] == ["Soap", "Water"]
    assert [each["line_items.position"] for each in told] == [1, 2]
    assert told[1]["invoice_number"] == "4711"
    assert told[1]["line_items.amount"] == 100


def test_profile_names_the_columns_of_both_sheets() -> None:
    layout = Layout(
        [Column("invoice_number", "Nr"), Column("line_items.amount", "Betrag")],
        rows_per=RowsPer.LINE,
        date_format="%d.%m.%Y",
    )

    book = sheets(layout, make_exported())

    assert list(book["Invoices"].values) == [("Nr",), ("4711",)]
    assert list(book["Lines"].values) == [("Nr", "Betrag"), ("4711", 100)]


def test_profile_decides_how_days_look() -> None:
    layout = columns("invoice_date", "extraction.created_at", date_format="%d.%m.%Y")

    row = row_of(layout, make_exported())

    assert row["invoice_date"].number_format == "dd.mm.yyyy"
    assert row["extraction.created_at"].number_format == "dd.mm.yyyy hh:mm"


def test_days_before_excels_calendar_are_text() -> None:
    row = row_of(columns("invoice_date"), make_exported(invoice_date=date(1899, 12, 31)))

    assert row["invoice_date"].value == "1899-12-31"


def test_values_of_several_parts_are_one_text() -> None:
    taxes = [
        TaxLine(rate=Decimal("19.0"), tax_amount=Decimal(1)),
        TaxLine(rate=None, tax_amount=Decimal(2)),
    ]

    row = row_of(columns("tax_breakdown.rate"), make_exported(tax_breakdown=taxes))

    assert row["tax_breakdown.rate"].value == "19.0 | "


def test_nothing_exported_is_a_workbook_of_headings() -> None:
    book = sheets(None)

    assert book.sheetnames == ["Invoices", "Lines"]
    assert len(list(book["Invoices"].values)) == 1


def test_full_sheet_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_module, "MAX_ROWS", 3)
    exported = [make_exported(invoice_number=str(number)) for number in range(5)]

    book = sheets(columns("invoice_number"), *exported)

    assert [name for name in book.sheetnames if "Invoices" in name] == [
        "Invoices",
        "Invoices 2",
        "Invoices 3",
    ]
    assert list(book["Invoices 2"].values) == [("invoice_number",), ("2",), ("3",)]


def test_sheet_of_lines_goes_on_in_another_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_module, "MAX_ROWS", 3)
    exported = [make_exported(line_items=[LINE] * 5)]

    book = sheets(columns("extraction.file_name"), *exported)

    assert book.sheetnames == ["Invoices", "Lines", "Lines 2", "Lines 3"]
    assert [len(list(book[name].values)) for name in book.sheetnames] == [2, 3, 3, 2]


def test_sheet_goes_on_in_another_before_it_is_too_large_for_an_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workbook_module, "MAX_BYTES", 50_000)
    layout = columns("extraction.file_name")

    content = written(layout, *many(1_000))

    book = load_workbook(BytesIO(content))
    names = [name for name in book.sheetnames if name.startswith("Invoices")]
    assert len(names) == 3
    assert sum(len(list(book[name].values)) - 1 for name in names) == 1_000
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert max(entry.file_size for entry in archive.infolist()) < 60_000


def test_no_entry_announces_zip64_which_excel_does_not_open() -> None:
    content = written(None, make_exported())

    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert {entry.extract_version for entry in archive.infolist()} == {20}
        assert archive.testzip() is None
        headers = [content[entry.header_offset :][4:6] for entry in archive.infolist()]
    assert set(headers) == {b"\x14\x00"}


def test_file_begins_with_the_first_rows(data_dir: Path) -> None:
    read = []

    def recorded() -> Iterator[Exported]:
        for each in many(10_000):
            read.append(each.extraction.pk)
            yield each

    next(workbook(recorded(), None))

    assert 0 < len(read) < 3_000


def test_table_begins_with_the_first_rows(data_dir: Path) -> None:
    rows = iter([[str(uuid.uuid4())] for _ in range(10_000)])

    next(workbook_table("Ids", ["Id"], rows))

    assert 7_000 < sum(1 for _ in rows) < 10_000
    assert not (data_dir / "tmp").exists()


def test_nothing_is_left_behind(data_dir: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Neither in our folder nor in the machine's, where openpyxl would put what it has written."""
    machines = tmp_path / "machine"
    machines.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(machines))
    chunks = workbook(many(5_000), None)

    next(chunks)
    assert list(machines.iterdir()) == []
    assert len(list((data_dir / "tmp").iterdir())) == 1
    chunks.close()  # type: ignore[attr-defined]  # a generator, as a client that goes away ends it

    assert list((data_dir / "tmp").iterdir()) == []
    gc.collect()  # what was not closed would be told


@pytest.mark.parametrize("room", [0, 500_000], ids=["at once", "in the middle"])
def test_full_disk_ends_the_file_and_leaves_nothing(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            if self.tell() + len(data) > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    monkeypatch.setattr(Path, "open", lambda path, mode: io.BufferedWriter(Full(path, mode)))

    with pytest.raises(OSError, match="No space left"):
        for _ in workbook(many(5_000), None):
            pass

    assert list((data_dir / "tmp").iterdir()) == []
    gc.collect()
