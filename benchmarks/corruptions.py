"""How many single wrong digits the checks catch in true e-invoices, and their false alarms.

Every digit of every amount, rate and date is replaced by each other digit, one at a time; it is
caught when a check fails that passes for the true value. Read are the e-invoices (PDF and XML) of
the folder ``EINVOICES`` and those of the shared invoices: ``$OCRSITE_SHARED``, else ``../shared``.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from extraction.invoices.schema import InvoiceFields

# Amounts, rates, dates and what else has check digits or follows from other values.
NAMES = frozenset(
    {
        *("subtotal", "discount_total", "charge_total", "taxable_amount", "tax_total"),
        *("total_amount", "withholding_total", "prepaid_amount", "rounding_amount", "amount_due"),
        *("quantity", "unit_price", "discount", "tax_rate", "amount"),
        *("rate", "tax_amount", "invoice_date", "due_date", "until", "iban"),
    }
)
DIGITS = "0123456789"


def einvoices(folder: Path) -> Iterator[tuple[str, "InvoiceFields"]]:
    """Yield the name and fields of each e-invoice in a folder."""
    from extraction.readers.einvoice.reader import einvoices_in, fields_of

    for path in sorted(folder.iterdir()):
        found: list[InvoiceFields | None] = []
        if path.suffix == ".pdf":
            found = [*einvoices_in(path)]
        elif path.suffix == ".xml":
            found = [fields_of(path.read_bytes())]
        yield from ((path.name, fields) for fields in found if fields is not None)


def corruptions(value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the path, the true text and a wrong text for each wrong digit of dumped fields."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from corruptions(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from corruptions(member, f"{path}.{number}")
    elif isinstance(value, str) and path.rpartition(".")[2] in NAMES:
        for at, digit in enumerate(value):
            if digit in DIGITS:
                others = (other for other in DIGITS if other != digit)
                yield from ((path, value, value[:at] + other + value[at + 1 :]) for other in others)


def corrupted(dumped: dict[str, Any], path: str, wrong: str) -> "InvoiceFields | None":
    """Return the fields with one wrong text, or None where it is no date."""
    from pydantic import ValidationError

    from extraction.invoices.schema import InvoiceFields

    *parents, name = path.split(".")
    place: Any = dumped
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]
    true = place[name]
    place[name] = wrong
    try:
        return InvoiceFields.model_validate(dumped)
    except ValidationError:
        return None
    finally:
        place[name] = true


def main() -> None:
    """Print the share caught by field, and the false alarms by check."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")
    django.setup()
    from extraction.invoices.validation import run_checks

    shared = Path(os.environ.get("OCRSITE_SHARED") or "../shared") / "invoices"
    folders = [Path(os.environ["EINVOICES"])] if "EINVOICES" in os.environ else []
    tried: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    alarms: list[str] = []
    documents = 0

    def failed(fields: "InvoiceFields") -> set[tuple[str, str]]:
        checks = run_checks(fields, date.today())
        return {(c.code, f"{c.expected}, {c.actual}") for c in checks if not c.passed}

    for folder in [*folders, shared]:
        if not folder.is_dir():
            print(f"Corruptions: there are no e-invoices in {folder}.")
            continue
        for name, fields in einvoices(folder):
            documents += 1
            before = failed(fields)
            alarms += [f"{name}: {code} ({values})" for code, values in sorted(before)]
            codes = {code for code, _ in before}
            dumped = fields.model_dump(mode="json")
            for path, _, wrong in corruptions(dumped):
                if (bent := corrupted(dumped, path, wrong)) is None or bent == fields:
                    continue
                field = re.sub(r"\.\d+\.", "[].", path)
                tried[field] += 1
                caught[field] += any(code not in codes for code, _ in failed(bent))
    print("| field | wrong digits | caught |\n|---|---|---|")
    for field in tried:
        print(f"| {field} | {tried[field]} | {caught[field] / tried[field]:.1%} |")
    alarmed = len({alarm.split(": ")[0] for alarm in alarms})
    print(f"\nFalse alarms: {alarmed} of {documents} e-invoices.")
    print("\n".join(alarms))


if __name__ == "__main__":
    main()
