"""Files of public bug reports, and a recorded invoice with its label."""

import json
from pathlib import Path

import pytest

from extraction.documents.document import Document, PageImage
from extraction.invoices.schema import InvoiceFields
from extraction.readers.base import Reading
from extraction.readers.einvoice.reader import fields_of
from extraction.readers.offline import OfflineReader
from tests.shared_files import SHARED, needs_shared

pytestmark = needs_shared


def read(number: str) -> Reading:
    assert SHARED is not None
    [path] = (SHARED / "reports").glob(f"{number}_*.pdf")
    page = PageImage(1, Path(), blank=False)
    document = Document(path, "application/pdf", (page,))
    return OfflineReader().read(document, api_key="", model="", output_budget=0)


def at(fields: InvoiceFields, path: str) -> object:
    value: object = fields.model_dump(mode="json")
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]  # type: ignore[index]
    return value


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            "22",
            {
                "line_items.0.description": "Pumpe P40",
                "line_items.1.description": "Montage",
                "total_amount": "357.00",
            },
        ),
        ("25", {"line_items.0.unit_price": "0.5", "line_items.0.amount": "300"}),
        (
            "26",
            {
                "due_date": "2026-04-11",
                "payment_discounts.0.percent": "2",
                "payment_discounts.0.until": "2026-03-22",
            },
        ),
        ("28", {"tax_total": "57.00"}),
        ("29", {"due_date": "2026-04-11", "line_items.1.description": "Montage"}),
        (
            "34",
            {
                "customer.name": "Talblick Handel AG",
                "subtotal": "300.00",
                "amount_due": "357.00",
            },
        ),
    ],
)
def test_a_report_is_read_right_and_needs_no_review(
    number: str, expected: dict[str, object]
) -> None:
    reading = read(number)

    assert {path: at(reading.fields, path) for path in expected} == expected
    assert len(reading.fields.line_items) == (1 if number == "25" else 2)
    assert (reading.needs_review, reading.warnings) == (False, ())


def test_a_recorded_invoice_is_as_its_label_says() -> None:
    assert SHARED is not None
    label = json.loads((SHARED / "recorded" / "peppol-ubl.label.json").read_text())

    fields = fields_of((SHARED / "recorded" / "peppol-ubl.xml").read_bytes())

    assert fields is not None
    texts = {
        "invoiceId": fields.invoice_number,
        "issueDate": str(fields.invoice_date),
        "dueDate": str(fields.due_date),
        "documentCurrencyCode": fields.currency,
        "supplierRegistrationName": fields.supplier.name,
        "supplierVatId": fields.supplier.tax_id,
        "customerRegistrationName": fields.customer.name,
        "customerVatId": fields.customer.tax_id,
        "payeeIban": fields.iban,
    }
    assert texts == {name: label[name] for name in texts}
    amounts = {
        "lineExtensionAmount": fields.subtotal,
        "taxExclusiveAmount": fields.taxable_amount,
        "taxInclusiveAmount": fields.total_amount,
        "allowanceTotalAmount": fields.discount_total,
        "chargeTotalAmount": fields.charge_total,
        "prepaidAmount": fields.prepaid_amount,
        "payableAmount": fields.amount_due,
        "taxTotalAmount": fields.tax_total,
    }
    assert amounts == {name: label[name] for name in amounts}
    for line, labelled in zip(fields.line_items, label["invoiceLines"], strict=True):
        values = {
            "lineId": line.serial_number,
            "invoicedQuantity": line.quantity,
            "unitCode": line.unit,
            "lineExtensionAmount": line.amount,
            "itemName": line.description,
            "sellersItemId": line.item_code,
            "priceAmount": line.unit_price,
            "taxCategoryPercent": line.tax_rate,
        }
        assert values == {name: labelled[name] for name in values}
