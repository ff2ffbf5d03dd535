from django.db import migrations

from ocrsite.lib.initial_rows import InsertRows

PLAIN = "5f0c6e0e-1d0f-4a55-9b1f-0d6a3c1b7a01"
DATEV = "5f0c6e0e-1d0f-4a55-9b1f-0d6a3c1b7a02"

PLAIN_COLUMNS = [
    ("extraction.id", "id"),
    ("extraction.file_name", "file_name"),
    ("extraction.company_id", "company_id"),
    ("extraction.branch", "branch"),
    ("extraction.created_at", "received"),
    ("extraction.needs_review", "needs_review"),
    *(
        (name, name)
        for name in (
            "document_type",
            "invoice_number",
            "invoice_date",
            "invoice_miti",
            "due_date",
            "order_number",
            "delivery_note_number",
            "transaction_type",
            "transaction_date",
            "vehicle_number",
            "transporter",
            "pws_number",
            "currency",
            "supplier.name",
            "supplier.tax_id",
            "supplier.address",
            "customer.name",
            "customer.tax_id",
            "customer.address",
            "subtotal",
            "discount_total",
            "charge_total",
            "taxable_amount",
            "tax_breakdown.rate",
            "tax_total",
            "total_amount",
            "withholding_total",
            "prepaid_amount",
            "rounding_amount",
            "amount_due",
            "iban",
            "payment_terms",
        )
    ),
]
# The first columns of DATEV's "Buchungsstapel"; accounts are for whoever books.
DATEV_COLUMNS = [
    ("booking.amount", "Umsatz (ohne Soll/Haben-Kz)"),
    ("booking.side", "Soll/Haben-Kennzeichen"),
    ("currency", "WKZ Umsatz"),
    ("", "Konto"),
    ("", "Gegenkonto (ohne BU-Schlüssel)"),
    ("", "BU-Schlüssel"),
    ("invoice_date", "Belegdatum"),
    ("invoice_number", "Belegfeld 1"),
    ("due_date", "Belegfeld 2"),
    ("supplier.name", "Buchungstext"),
]


def columns(profile, named):
    return [
        {"profile_id": profile, "position": position, "path": path, "heading": heading}
        for position, (path, heading) in enumerate(named, start=1)
    ]


class Migration(migrations.Migration):

    dependencies = [
        ("extraction", "0015_export_profiles"),
    ]

    operations = [
        InsertRows(
            "extraction",
            "ExportProfile",
            [
                {
                    "id": PLAIN,
                    "name": "Plain",
                    "format": "csv",
                    "rows_per": "invoice",
                    "separator": ",",
                    "decimal_sign": ".",
                    "date_format": "%Y-%m-%d",
                    "byte_order_mark": True,
                },
                {
                    "id": DATEV,
                    "name": "DATEV-like",
                    "format": "csv",
                    "rows_per": "invoice",
                    "separator": ";",
                    "decimal_sign": ",",
                    "date_format": "%d.%m.%Y",
                    "byte_order_mark": True,
                },
            ],
        ),
        InsertRows(
            "extraction",
            "ExportColumn",
            [*columns(PLAIN, PLAIN_COLUMNS), *columns(DATEV, DATEV_COLUMNS)],
        ),
    ]
