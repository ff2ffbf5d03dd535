import json
from datetime import date
from decimal import Decimal

from extraction.invoices.legacy import legacy_data
from extraction.invoices.schema import EMPTY, Invoice, LineItem

NO_USAGE = {
    "input_tokens": 0,
    "output_tokens": 0,
    "thinking_tokens": 0,
    "cached_tokens": 0,
    "total_tokens": 0,
}


def invoice(**fields: object) -> Invoice:
    rest = {
        "checks": [],
        "needs_review": False,
        "warnings": [],
        "schema_version": "2",
        "model": "offline",
        "usage": NO_USAGE,
        "duplicate_of": None,
    }
    return Invoice.model_validate(EMPTY.model_dump() | rest | fields)


def test_an_absent_text_is_empty_and_an_absent_number_null() -> None:
    line = dict.fromkeys(LineItem.model_fields)

    assert legacy_data(invoice(line_items=[line])) == {
        "order_no": "",
        "invoice_no": "",
        "delivery_note": "",
        "vehicle_no": "",
        "transporter": "",
        "date": "",
        "dealer_name": "",
        "pws_no": "",
        "company_name": "",
        "transaction_type": "",
        "transaction_date": "",
        "due_date": "",
        "invoice_miti": "",
        "invoice_date": "",
        "sub_total": None,
        "discount_total": None,
        "taxable_value": None,
        "vat_total": None,
        "total_amount": None,
        "products": [
            {
                "sku": "",
                "sku_code": "",
                "quantity": None,
                "shortage": None,
                "breakage": None,
                "leakage": None,
                "batch": "",
                "sno": "",
                "rate": None,
                "discount": None,
                "mrp": None,
                "vat": None,
                "hscode": "",
                "altQty": None,
                "unit": "",
            }
        ],
    }


def test_every_field_appears_under_its_old_name() -> None:
    data = legacy_data(
        invoice(
            document_type="invoice",
            invoice_number="PT-457",
            invoice_date=date(2024, 8, 28),
            invoice_miti="2081/05/12",
            due_date=date(2024, 9, 28),
            order_number="O-1",
            delivery_note_number="DN-2",
            transaction_type="Credit",
            transaction_date=date(2024, 8, 27),
            vehicle_number="BA 2 KHA 1234",
            transporter="Sajha",
            pws_number="P-3",
            supplier={"name": "Pashupati Traders", "tax_id": "301234567", "address": None},
            customer={"name": "Himal Kirana", "tax_id": None, "address": None},
            subtotal=Decimal("125000.00"),
            discount_total=Decimal("5000.50"),
            taxable_amount=Decimal("119999.50"),
            tax_total=Decimal("15599.94"),
            total_amount=Decimal("135599.44"),
            line_items=[
                {
                    "description": "Noodles",
                    "item_code": "WW75",
                    "hs_code": "1902.30",
                    "batch": "B7",
                    "serial_number": "1",
                    "quantity": Decimal("100"),
                    "unit": "Carton",
                    "alternate_quantity": Decimal("3000"),
                    "unit_price": Decimal("550.25"),
                    "discount": Decimal("2.5"),
                    "mrp": Decimal("25"),
                    "tax_rate": Decimal("13"),
                    "amount": Decimal("55025.00"),
                    "shortage": Decimal("1"),
                    "breakage": Decimal("2"),
                    "leakage": Decimal("0"),
                }
            ],
        )
    )

    assert json.loads(json.dumps(data)) == {
        "order_no": "O-1",
        "invoice_no": "PT-457",
        "delivery_note": "DN-2",
        "vehicle_no": "BA 2 KHA 1234",
        "transporter": "Sajha",
        "date": "2024-08-28",
        "dealer_name": "Himal Kirana",
        "pws_no": "P-3",
        "company_name": "Pashupati Traders",
        "transaction_type": "Credit",
        "transaction_date": "2024-08-27",
        "due_date": "2024-09-28",
        "invoice_miti": "2081/05/12",
        "invoice_date": "2024-08-28",
        "sub_total": 125000.0,
        "discount_total": 5000.5,
        "taxable_value": 119999.5,
        "vat_total": 15599.94,
        "total_amount": 135599.44,
        "products": [
            {
                "sku": "Noodles",
                "sku_code": "WW75",
                "quantity": 100.0,
                "shortage": 1.0,
                "breakage": 2.0,
                "leakage": 0.0,
                "batch": "B7",
                "sno": "1",
                "rate": 550.25,
                "discount": 2.5,
                "mrp": 25.0,
                "vat": 13.0,
                "hscode": "1902.30",
                "altQty": 3000.0,
                "unit": "Carton",
            }
        ],
    }
