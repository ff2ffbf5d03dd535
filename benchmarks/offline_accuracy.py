"""What the offline reader gets right on the shared invoices, as a markdown table.

Run: ``python -m benchmarks.offline_accuracy [folder of invoices]``. ✓ right, ✗ wrong, – not
found; blank where the truth is unknown. "wrong and unflagged" has to be none.
"""

import csv
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import django

from extraction.readers.base import Document, PageImage, Reading, ReadingError

Truth = dict[str, str]
MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".tif": "image/tiff",
}


def answers(reading: Reading) -> dict[str, object]:
    """Return what was read, under the manifest's column names."""
    fields = reading.fields
    return {
        "invoice_no": fields.invoice_number,
        "invoice_date": fields.invoice_date,
        "seller": fields.supplier.name,
        "buyer": fields.customer.name,
        "currency": fields.currency,
        "net_amount": fields.taxable_amount,
        "tax_amount": fields.tax_total,
        "total_amount": fields.total_amount,
        "line_items": len(fields.line_items) or None,
    }


def marks(answer: dict[str, object], truth: Truth) -> dict[str, str]:
    """Return ✓, ✗, – or nothing for each field."""
    return {name: _mark(value, truth[name]) for name, value in answer.items()}


def _mark(value: object, true: str) -> str:
    if true in ("", "0"):
        return ""
    if value is None:
        return "–"
    if isinstance(value, Decimal):
        return "✓" if value == Decimal(true) else "✗"
    return "✓" if " ".join(str(value).split()) == true else "✗"


def documents(folder: Path, work: Path) -> Iterator[tuple[Truth, Document]]:
    """Yield every invoice of the folder with its truth and its page images."""
    from extraction.pages import render

    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        for truth in csv.DictReader(manifest):
            path = folder / truth["file"]
            media_type = MEDIA_TYPES[path.suffix]
            pages: tuple[PageImage, ...] = render(
                path, media_type, int(truth["pages"]), work / path.stem
            )
            yield truth, Document(path, media_type, pages)


def main(folder: Path) -> None:
    """Print the table and the two sums under it."""
    django.setup()
    from extraction.readers.offline import OfflineReader

    unflagged: list[str] = []
    counts = dict.fromkeys("✓✗–", 0)
    with tempfile.TemporaryDirectory() as work:
        for row, (truth, document) in enumerate(documents(folder, Path(work))):
            try:
                reading = OfflineReader().read(document, api_key="", model="", output_budget=0)
            except ReadingError as error:
                print(f"| {truth['file']} | {error.code} |")
                continue
            found = marks(answers(reading), truth)
            if row == 0:
                print(f"| file | {' | '.join(found)} | flagged |")
                print("|---" * (len(found) + 2) + "|")
            flag = "yes" if reading.needs_review else "no"
            print(f"| {truth['file']} | {' | '.join(found.values())} | {flag} |")
            for mark in filter(None, found.values()):
                counts[mark] += 1
            if "✗" in found.values() and not reading.needs_review:
                unflagged.append(truth["file"])
    print(f"\nright {counts['✓']}, wrong {counts['✗']}, not found {counts['–']}")
    print(f"wrong and unflagged: {', '.join(unflagged) or 'none'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/invoices"))
