"""The columns of the list say what the invoice says, as far as they have room for it."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from extraction.invoices.listed import listed_fields
from extraction.invoices.schema import Party
from extraction.models import Extraction
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice


def units(text: object) -> int:
    return len(str(text).encode("utf-16-le")) // 2


def test_every_column_of_an_ordinary_invoice() -> None:
    first = uuid.uuid4()
    invoice = make_invoice(due_date=date(2026, 12, 3), duplicate_of=str(first))

    assert listed_fields(invoice) == {
        "document_type": "invoice",
        "supplier_name": "Supplier <Ltd>",
        "supplier_tax_id": "DE123",
        "invoice_number": "4711",
        "invoice_date": date(2026, 11, 3),
        "due_date": date(2026, 12, 3),
        "currency": "EUR",
        "total_amount": Decimal("119.00"),
        "duplicate_of": first,
    }


def test_what_the_invoice_does_not_say_is_null() -> None:
    invoice = make_invoice(
        document_type="other",
        supplier=Party(name=None),
        **dict.fromkeys(["invoice_number", "invoice_date", "currency", "total_amount"]),
    )

    assert listed_fields(invoice) == {
        **dict.fromkeys(listed_fields(invoice)),
        "document_type": "other",
    }


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("n" * 2000, "n" * 255),
        ("😀" * 1000, "😀" * 127),
        ("n" + "😀" * 1000, "n" + "😀" * 127),
        ("n" * 254 + " b", "n" * 254),
        ("Rubi\n  Traders\u00a0Ltd", "Rubi Traders Ltd"),
        ("\u0634\u0631\u0643\u0629", "\u0634\u0631\u0643\u0629"),
        ("\x1f", None),
    ],
)
def test_name_is_one_line_that_fits_its_column(name: str, kept: str | None) -> None:
    invoice = make_invoice(supplier=Party(name=name))

    listed = listed_fields(invoice)["supplier_name"]

    assert listed == kept
    assert units(listed) <= 255


@pytest.mark.parametrize(
    ("amount", "kept"),
    [
        ("-119", "-119"),
        ("0", "0"),
        ("0.0000005", "0.000001"),
        ("99999999999999999", "99999999999999999"),
        ("99999999999999999.9999999", "100000000000000000"),
        ("100000000000000000", None),
        ("-100000000000000000", None),
        ("999999999999999999999999", None),
    ],
)
def test_total_is_rounded_or_left_out(amount: str, kept: str | None) -> None:
    invoice = make_invoice(total_amount=Decimal(amount))

    assert listed_fields(invoice)["total_amount"] == (None if kept is None else Decimal(kept))


@pytest.mark.django_db
@pytest.mark.vendor
@pytest.mark.parametrize(
    "fields",
    [
        {"supplier": Party(name="😀" * 1000, tax_id="😀" * 1000), "invoice_number": "😀" * 1000},
        {"total_amount": Decimal("99999999999999999.9999999")},
        {"total_amount": Decimal("-99999999999999999.999999")},
        {"invoice_date": date.min, "due_date": date.max},
    ],
)
def test_database_keeps_the_extremes_and_gives_them_back(fields: dict[str, Any]) -> None:
    listed = listed_fields(make_invoice(**fields))

    kept = Extraction.objects.get(pk=make_extraction(**listed).pk)

    for name, value in listed.items():
        found = getattr(kept, name)
        if isinstance(value, Decimal):
            # SQLite keeps 15 digits.
            assert abs(found - value) <= abs(value) / 10**14, name
        else:
            assert found == value, name
