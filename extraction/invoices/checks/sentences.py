"""What a failed check says to people, in one plain sentence for each value."""

from extraction.invoices.messages import OF_CHECKS, OF_ROWS, OTHER_CHECK
from extraction.invoices.schema import Check


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
    if check.code in OF_CHECKS:
        return [(path, OF_CHECKS[check.code].format(expected=expected, actual=actual))]
    several = len(check.paths) > 1
    values = [
        expected.split("; ") if several else [expected],
        actual.split("; ") if several else [actual],
    ]
    if check.code not in OF_ROWS or any(len(part) != len(check.paths) for part in values):
        told = OTHER_CHECK.format(code=check.code, expected=expected, actual=actual)
        return [(path, told)]
    return [
        (path, OF_ROWS[check.code].format(line=_number(path), expected=wanted, actual=found))
        for path, wanted, found in zip(check.paths, *values, strict=True)
    ]


def _number(path: str) -> str:
    """Return the number of a line, counted from 1, in a path such as line_items.3.amount."""
    number = path.split(".")[1]
    return str(int(number) + 1) if number.isdecimal() else ""
