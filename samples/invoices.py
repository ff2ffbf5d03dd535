"""What the sample invoices say. Amounts are computed from the lines, so they add up."""

from datetime import date
from decimal import Decimal

from extraction.invoices.schema import InvoiceFields, LineItem, Party, TaxLine

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)


def _line(
    position: int,
    description: str,
    code: str,
    quantity: str,
    unit: str,
    price: str,
    *,
    hs_code: str | None = None,
    batch: str | None = None,
) -> LineItem:
    return LineItem(
        description=description,
        item_code=code,
        hs_code=hs_code,
        batch=batch,
        serial_number=str(position),
        quantity=Decimal(quantity),
        unit=unit,
        alternate_quantity=None,
        unit_price=Decimal(price),
        discount=None,
        mrp=None,
        tax_rate=None,  # printed once, under the lines
        amount=(Decimal(quantity) * Decimal(price)).quantize(_CENT),
        shortage=None,
        breakage=None,
        leakage=None,
    )


def _invoice(
    *,
    number: str,
    day: date,
    currency: str,
    supplier: Party,
    customer: Party,
    lines: list[LineItem],
    tax_rate: str,
    due: date | None = None,
    order_number: str | None = None,
    miti: str | None = None,
    transaction_type: str | None = None,
    vehicle_number: str | None = None,
    transporter: str | None = None,
    discount: Decimal | None = None,
) -> InvoiceFields:
    """Return an invoice whose lines all bear one rate of tax, in percent."""
    rate = Decimal(tax_rate)
    subtotal = sum((line.amount or Decimal(0) for line in lines), Decimal(0))
    taxable = subtotal - (discount or Decimal(0))
    tax = (taxable * rate / _HUNDRED).quantize(_CENT)
    return InvoiceFields(
        document_type="invoice",
        invoice_number=number,
        invoice_date=day,
        invoice_miti=miti,
        due_date=due,
        order_number=order_number,
        delivery_note_number=None,
        transaction_type=transaction_type,
        transaction_date=None,
        vehicle_number=vehicle_number,
        transporter=transporter,
        pws_number=None,
        currency=currency,
        supplier=supplier,
        customer=customer,
        line_items=lines,
        tax_breakdown=[TaxLine(rate=rate, taxable_amount=taxable, tax_amount=tax)],
        subtotal=subtotal,
        discount_total=discount,
        charge_total=None,
        taxable_amount=taxable,
        tax_total=tax,
        total_amount=taxable + tax,
        amount_due=None,
    )


ACME = _invoice(
    number="INV-2026-0417",
    day=date(2026, 4, 17),
    due=date(2026, 5, 17),
    order_number="PO-88213",
    currency="GBP",
    tax_rate="20",
    supplier=Party(
        name="Acme Office Supplies Ltd",
        tax_id="GB123456789",
        address="12 Foundry Lane, Leeds LS1 4AB, United Kingdom",
    ),
    customer=Party(
        name="Northwind Trading Ltd",
        tax_id="GB987654321",
        address="4 Harbour Street, Bristol BS1 5TY, United Kingdom",
    ),
    lines=[
        _line(1, "Copy paper A4, 80 g, box of 5", "PAP-A4-80", "24", "box", "18.50"),
        _line(2, "Ballpoint pen, blue", "PEN-BL", "200", "pcs", "0.45"),
        _line(3, "Desk lamp, LED", "LMP-LED-2", "6", "pcs", "39.90"),
    ],
)

_PARTS = ("Hex bolt M8", "Lock nut M8", "Flat washer M8", "Spring clip", "Cable tie", "Rivet 4 mm")

GLOBEX = _invoice(
    number="GX-100245",
    day=date(2026, 6, 30),
    due=date(2026, 7, 30),
    order_number="4500017733",
    currency="EUR",
    tax_rate="19",
    supplier=Party(
        name="Globex Industrial Parts GmbH",
        tax_id="DE811907980",
        address="Werkstrasse 8, 70469 Stuttgart, Germany",
    ),
    customer=Party(
        name="Initech Assembly B.V.",
        tax_id="NL810433941B01",
        address="Havenweg 21, 3089 JH Rotterdam, Netherlands",
    ),
    lines=[
        _line(
            position,
            f"{_PARTS[position % len(_PARTS)]}, lot {position:02}",
            f"GX-{1000 + position}",
            str(10 * (position % 9 + 1)),
            "pcs",
            f"{position % 7}.{position:02}",
        )
        for position in range(1, 91)
    ],
)

HIMAL = _invoice(
    number="HTS-082/083-00412",
    day=date(2026, 2, 10),
    miti="2082-10-27",
    currency="NPR",
    tax_rate="13",
    transaction_type="Credit",
    vehicle_number="BA 2 KHA 4821",
    transporter="Everest Cargo Service",
    discount=Decimal("1250.00"),
    supplier=Party(
        name="Himal Trading Suppliers Pvt. Ltd.",
        tax_id="301234567",
        address="Teku Road, Kathmandu, Nepal",
    ),
    customer=Party(
        name="Rubi Traders",
        tax_id="609876543",
        address="Main Road, Biratnagar, Nepal",
    ),
    lines=[
        _line(
            1,
            "Basmati rice 25 kg",
            "RIC-25",
            "40",
            "bag",
            "2850.00",
            hs_code="10063000",
            batch="B2610",
        ),
        _line(
            2,
            "Mustard oil 1 l",
            "OIL-01",
            "240",
            "btl",
            "312.50",
            hs_code="15149900",
            batch="M0932",
        ),
        _line(
            3,
            "Refined sugar 50 kg",
            "SUG-50",
            "15",
            "bag",
            "4620.00",
            hs_code="17019900",
            batch="S1127",
        ),
    ],
)

HOOLI = _invoice(
    number="2026/1188",
    day=date(2026, 3, 9),
    due=date(2026, 3, 23),
    currency="EUR",
    tax_rate="23",
    supplier=Party(
        name="Hooli Print Studio",
        tax_id="IE3456789KH",
        address="9 Quay Road, Dublin D02 X285, Ireland",
    ),
    customer=Party(
        name="Vandelay Imports",
        tax_id=None,
        address="77 Main Street, Cork T12 R5C6, Ireland",
    ),
    lines=[
        _line(1, "Poster A2, full colour", "PST-A2", "50", "pcs", "3.20"),
        _line(2, "Business cards, 500", "CRD-500", "2", "box", "48.00"),
    ],
)

STARK = _invoice(
    number="R-55190",
    day=date(2026, 8, 21),
    currency="USD",
    tax_rate="8",
    supplier=Party(
        name="Stark Hardware Store",
        tax_id="36-4417720",
        address="310 Lake Avenue, Duluth, MN 55802, USA",
    ),
    customer=Party(
        name="Wayne Building Co.",
        tax_id=None,
        address="18 Hill Road, Superior, WI 54880, USA",
    ),
    lines=[
        _line(1, "Cordless drill 18 V", "DRL-18", "1", "pcs", "129.00"),
        _line(2, "Drill bit set, 19 pieces", "BIT-19", "2", "set", "24.50"),
        _line(3, "Wood screws 4 x 50, 200", "SCR-450", "5", "box", "9.80"),
    ],
)
