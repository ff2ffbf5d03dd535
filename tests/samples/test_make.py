from decimal import Decimal
from pathlib import Path

import pytest
from pypdf import PdfReader

import samples
from extraction.invoices.schema import InvoiceFields
from samples.make import main

FOLDER = Path(samples.__file__).parent
NAMES = [
    "acme-invoice.pdf",
    "globex-3-pages.pdf",
    "himal-tax-invoice.pdf",
    "hooli-scan.pdf",
    "stark-photo.jpg",
]


def answer_to(name: str) -> InvoiceFields:
    return InvoiceFields.model_validate_json((FOLDER / "answers" / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def made_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    main(folder)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_the_same_when_made_again(name: str, made_again: Path) -> None:
    answer = Path("answers") / f"{name}.json"

    assert (made_again / answer).read_bytes() == (FOLDER / answer).read_bytes()
    # Pictures depend on the version of the JPEG library.
    if name not in ("hooli-scan.pdf", "stark-photo.jpg"):
        assert (made_again / name).read_bytes() == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_amounts_of_a_sample_add_up(name: str) -> None:
    fields = answer_to(name)
    [tax] = fields.tax_breakdown
    assert fields.subtotal is not None
    assert fields.taxable_amount is not None
    assert fields.tax_total is not None
    assert tax.rate is not None

    assert [line.amount for line in fields.line_items] == [
        (line.quantity or 0) * (line.unit_price or 0) for line in fields.line_items
    ]
    assert sum(line.amount or 0 for line in fields.line_items) == fields.subtotal
    assert fields.subtotal - (fields.discount_total or 0) == fields.taxable_amount
    assert tax.tax_amount == fields.tax_total
    assert fields.tax_total == round(fields.taxable_amount * tax.rate / Decimal(100), 2)
    assert fields.taxable_amount + fields.tax_total == fields.total_amount


@pytest.mark.parametrize(("name", "pages"), [("acme-invoice.pdf", 1), ("globex-3-pages.pdf", 3)])
def test_the_total_of_a_text_sample_stands_on_its_last_page(name: str, pages: int) -> None:
    reader = PdfReader(FOLDER / name)
    total = f"{answer_to(name).total_amount:,}"

    assert len(reader.pages) == pages
    assert [total in page.extract_text() for page in reader.pages] == [False] * (pages - 1) + [True]


def test_the_scan_has_no_text() -> None:
    assert PdfReader(FOLDER / "hooli-scan.pdf").pages[0].extract_text() == ""


def test_the_samples_stay_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name in NAMES) < 1_000_000
