"""What the offline reader gets right on the shared invoices, field by field.

✓ right, ✗ wrong, – not found; blank where the truth is unknown. "Wrong and unflagged" has to be
none. The invoices are no part of the repository: ``$OCRSITE_SHARED``, else ``../shared``.
"""

import csv
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path

import django

MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".tif": "image/tiff",
}
FIELDS = (
    *("invoice_no", "invoice_date", "seller", "buyer", "currency"),
    *("net_amount", "tax_amount", "total_amount", "line_items"),
)


def answers(path: Path, page_count: int) -> tuple[list[object], bool]:
    """Return what the reader reads, in the order of ``FIELDS``, and whether it is flagged."""
    from extraction.documents.document import Document
    from extraction.documents.rendering import render
    from extraction.documents.temp_dirs import temp_dir
    from extraction.readers.offline import OfflineReader

    media_type = MEDIA_TYPES[path.suffix]
    with temp_dir() as folder:
        pages = render(path, media_type, page_count, folder)
        document = Document(path, media_type, pages)
        reading = OfflineReader().read(document, api_key="", model="", output_budget=0)
    read = reading.fields
    found: list[object] = [
        *(read.invoice_number, read.invoice_date, read.supplier.name, read.customer.name),
        *(read.currency, read.taxable_amount, read.tax_total, read.total_amount),
        len(read.line_items) or None,
    ]
    return found, reading.needs_review


def mark(value: object, true: str) -> str:
    """Return ✓, ✗, – or, where the truth is unknown, nothing."""
    if true in ("", "0"):
        return ""
    if value is None:
        return "–"
    right = value == Decimal(true) if isinstance(value, Decimal) else str(value) == true
    return "✓" if right else "✗"


def main() -> None:
    """Print the table, the sums, and the files that are wrong without a flag."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")
    django.setup()
    shared = Path(os.environ.get("OCRSITE_SHARED") or "../shared")
    manifest = shared / "invoices" / "manifest.csv"
    if not manifest.exists():
        print("Offline accuracy: the shared invoices are not here; set OCRSITE_SHARED.")
        return
    print(f"| file | {' | '.join(FIELDS)} | flagged |")
    print("|---" * (len(FIELDS) + 2) + "|")
    counts: Counter[str] = Counter()
    unflagged = []
    with manifest.open(encoding="utf-8", newline="") as rows:
        for truth in csv.DictReader(rows):
            found, flagged = answers(manifest.parent / truth["file"], int(truth["pages"]))
            marks = [mark(value, truth[name]) for value, name in zip(found, FIELDS, strict=True)]
            print(f"| {truth['file']} | {' | '.join(marks)} | {'yes' if flagged else 'no'} |")
            counts.update(marks)
            if "✗" in marks and not flagged:
                unflagged.append(truth["file"])
    print(f"\nRight {counts['✓']}, wrong {counts['✗']}, not found {counts['–']}.")
    print(f"Wrong and unflagged: {', '.join(unflagged) or 'none'}.")


if __name__ == "__main__":
    main()
