"""What a failed check says to people, in one plain sentence for each value."""

from extraction.invoices.schema import Check

# {line} is the number of a line or row as people count.
_SENTENCES = {
    "lines_add_up": "The lines add up to {expected}, but the subtotal says {actual}.",
    "lines_not_doubled": "Each of {expected} lines was read twice.",
    "lines_match_total": "The lines add up to {expected}, but the total says {actual}.",
    "lines_and_tax_match_total": (
        "The lines and the tax add up to {expected}, but the total says {actual}."
    ),
    "taxable_amount_adds_up": (
        "The amounts before tax add up to {expected}, but the net total says {actual}."
    ),
    "tax_adds_up": "The taxes add up to {expected}, but the tax total says {actual}.",
    "breakdown_adds_up": (
        "The net amounts of the tax breakdown add up to {expected}, but the net total says"
        " {actual}."
    ),
    "tax_matches_lines": (
        "The tax rates of the lines give a tax of {expected}, but the tax total says {actual}."
    ),
    "total_adds_up": "Net total and tax add up to {expected}, but the total says {actual}.",
    "amount_due_adds_up": (
        "The total less what was paid or withheld is {expected}, but the amount due says {actual}."
    ),
    "sign_matches_type": "The document is an invoice, but its total is {actual}.",
    "invoice_date_plausible": "The invoice date {actual} is not within {expected}.",
    "due_date_not_before_invoice_date": "The due date {actual} is before the invoice date.",
    "due_date_plausible": "The due date {actual} is more than a year after the invoice date.",
    "due_date_matches_terms": (
        "The due date is {actual} after the invoice date, but the terms of payment say {expected}."
    ),
    "iban_check_digits": "The IBAN {actual} has not its country's length or check digits.",
}
# Checks of each value of a list, whose paths, expected and actual name the same values.
_EACH = {
    "line_amounts": (
        "Quantity and price of line {line} give {expected}, but its amount says {actual}."
    ),
    "tax_matches_rate": (
        "Row {line} of the tax breakdown gives a tax of {expected}, but says {actual}."
    ),
    "lines_match_breakdown": (
        "The lines of one tax rate add up to {expected}, but row {line} of the tax breakdown says"
        " {actual}."
    ),
    "line_rates": (
        "The tax rate of line {line} is {actual} %, but the tax breakdown has {expected} %."
    ),
    "discounts_end_in_time": (
        "A discount for early payment ends on {actual}, after the invoice is due."
    ),
    "tax_id_check_digits": (
        "The tax id {actual} lacks the form or the check digits that its country gives them."
    ),
}


def explain(check: Check) -> str:
    """Return what a failed check found, as a sentence for each value that it names."""
    return " ".join(sentence for _, sentence in explanations(check))


def explanations(check: Check) -> list[tuple[str, str]]:
    """Return the path of each wrong value of a failed check with its sentence.

    A check of a sum names the sum's path: which of the added values is wrong, nothing says. The
    path is "" for a check of an older version, which names no values.
    """
    expected, actual = check.expected or "", check.actual or ""
    path = check.paths[0] if check.paths else ""
    if check.code in _SENTENCES:
        return [(path, _SENTENCES[check.code].format(expected=expected, actual=actual))]
    several = len(check.paths) > 1
    values = [
        expected.split("; ") if several else [expected],
        actual.split("; ") if several else [actual],
    ]
    if check.code not in _EACH or any(len(part) != len(check.paths) for part in values):
        return [(path, f"The check {check.code} failed: {expected} expected, {actual} read.")]
    return [
        (path, _EACH[check.code].format(line=_number(path), expected=wanted, actual=found))
        for path, wanted, found in zip(check.paths, *values, strict=True)
    ]


def _number(path: str) -> str:
    """Return the number of a line, counted from 1, in a path such as line_items.3.amount."""
    number = path.split(".")[1]
    return str(int(number) + 1) if number.isdecimal() else ""
