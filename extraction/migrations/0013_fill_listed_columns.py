from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from uuid import UUID

from django.db import migrations, transaction

BATCH = 500


def fill(apps, schema_editor):
    """Copy what the stored invoices say into the columns of the list.

    Each batch is committed by itself; interrupted, it goes on with the rows that are left. Any
    stored invoice will do: what is missing in it or no value of its column stays null.
    """
    alias = schema_editor.connection.alias
    extractions = apps.get_model("extraction", "Extraction").objects.using(alias)
    left = extractions.filter(state="succeeded", document_type=None).order_by("pk")
    batch = list(left.values_list("pk", "result")[:BATCH])
    while batch:
        with transaction.atomic(using=alias):
            for pk, result in batch:
                if isinstance(result, dict):
                    extractions.filter(pk=pk).update(**columns(result))
        batch = list(left.filter(pk__gt=batch[-1][0]).values_list("pk", "result")[:BATCH])


def columns(result):
    """As extraction.invoices.listed does it, for the JSON of any schema version."""
    supplier = result.get("supplier")
    if not isinstance(supplier, dict):
        supplier = {}
    return {
        "document_type": text(result.get("document_type"), 20),
        "supplier_name": text(supplier.get("name"), 255),
        "supplier_tax_id": text(supplier.get("tax_id"), 50),
        "invoice_number": text(result.get("invoice_number"), 100),
        "invoice_date": parsed(date.fromisoformat, result.get("invoice_date")),
        "due_date": parsed(date.fromisoformat, result.get("due_date")),
        "currency": text(result.get("currency"), 3),
        "total_amount": parsed(amount, result.get("total_amount")),
        "duplicate_of": parsed(UUID, result.get("duplicate_of")),
    }


def text(value, width):
    if not isinstance(value, str):
        return None
    # SQL Server counts UTF-16 units.
    units = " ".join(value.split()).encode("utf-16-le", "replace")
    return units[: 2 * width].decode("utf-16-le", "ignore").rstrip() or None


def parsed(read, value):
    try:
        return read(value) if isinstance(value, str) else None
    except (ValueError, InvalidOperation):
        return None


def amount(value):
    found = Decimal(value)
    if not abs(found) < Decimal(10) ** 17:
        raise ValueError
    return found.quantize(Decimal("0.000001"), ROUND_HALF_UP)


class Migration(migrations.Migration):

    # A transaction for each batch.
    atomic = False

    dependencies = [
        ("extraction", "0012_listed_columns"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
