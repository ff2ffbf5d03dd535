"""IBANs that a document prints at their label."""

import re
from collections.abc import Iterable, Iterator

_LABELLED = re.compile(
    r"\bIBAN\b[^\w\n]{0,10}(?P<number>[A-Z]{2}\d{2}(?:[ ]{0,2}[A-Z0-9]{1,30}){1,9})", re.IGNORECASE
)
# Letters and digits of an IBAN, those of Norway to those of Malta and more (ISO 13616).
_LENGTHS = range(15, 35)


def ibans_in(lines: Iterable[str]) -> Iterator[str]:
    """Yield the IBANs at a label whose check digits are right (ISO 7064, MOD 97-10)."""
    for line in lines:
        for found in _LABELLED.finditer(line):
            number = ""
            for group in found["number"].upper().split(" "):  # the last ones may be other words
                number += group
                if len(number) in _LENGTHS and _is_valid(number):
                    yield number
                    break


def _is_valid(number: str) -> bool:
    return int("".join(str(int(letter, 36)) for letter in number[4:] + number[:4])) % 97 == 1
