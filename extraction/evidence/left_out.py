"""Key values that were not read although the pages print them, beyond what one label tells."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

from extraction.evidence.findings import Doubt
from extraction.evidence.page_index import PageIndex
from extraction.evidence.printed_texts import folded
from extraction.evidence.sums import printed_for_rate
from extraction.invoices.checks.dates import names_term

# VAT ids of the EU in its states' structures (VIES, "VAT identification number structure"), where
# they have nine letters and digits or more: shorter ones may be any code. And those of Britain.
_VAT_ID = re.compile(
    r"(?<![^\W_])(?:ATU\d{8}|BE[01]\d{9}|BG\d{9,10}|CY\d{8}[A-Z]|CZ\d{9,10}|DE\d{9}|EE\d{9}|EL\d{9}"
    r"|ES[A-Z0-9]\d{7}[A-Z0-9]|FR[A-Z0-9]{2}\d{9}|GB\d{9}|HR\d{11}|IE\d[A-Z0-9]\d{5}[A-Z]{1,2}"
    r"|IT\d{11}|LT(?:\d{12}|\d{9})|LV\d{11}|NL\d{9}B\d\d|PL\d{10}|PT\d{9}|RO\d{9,10}|SE\d{12}"
    r"|SK\d{10})(?![^\W_])"
)
# A line that is about payment, in which days are a term: not "14 days to send goods back".
_PAYMENT = re.compile(
    r"(?<![^\W_])(?:payable|payment|paid|net|netto|zahlbar|zahlung|ohne abzug|paiement|payer|pago"
    r"|pagamento|betaling|betalbar|betalen|płatności|betalningsvillkor|maksuehto)",
    re.IGNORECASE,
)
_PARTIES = ("supplier", "customer")
# Lines and rows that are looked at; a hostile invoice has thousands.
_MOST = 100
_CENTS = -2


def is_due_by_terms(lines: list[str]) -> bool:
    """Whether a line about payment names the days until an invoice is due."""
    return any(_PAYMENT.search(line) and names_term(line) for line in lines)


def vat_ids(lines: list[str]) -> Iterator[str]:
    """Yield what has the form of a VAT id, labelled or not."""
    for line in lines:
        yield from (found[0] for found in islice(_VAT_ID.finditer(line), _MOST))


def owner_of(found: str, ids: Mapping[str, str]) -> str | None:
    """Return the party without a tax id that a printed one must be of; None where that is open.

    A second one is the customer's only if it is of the kind of the supplier's: a supplier prints a
    number of its tax office, or of its register, beside that of the VAT.
    """
    if folded(found) in ids.values():
        return None
    lacking = [party for party in _PARTIES if not ids[party]]
    other = ids["customer" if lacking == ["supplier"] else "supplier"]
    if not lacking or (other and not _are_alike(folded(found), other)):
        return None
    return lacking[0]


def _are_alike(found: str, other: str) -> bool:
    if found[:2].isalpha() and other[:2].isalpha():
        return True
    return found.isdecimal() and other.isdecimal() and len(found) == len(other)


def missing_in_rows(invoice: Mapping[str, Any], page: PageIndex) -> Iterator[Doubt]:
    """Yield the amounts that a line, or a row of the tax breakdown, lacks and the pages print.

    An amount of a line: where others have theirs, and one with cents stands beside the description.
    Of a tax row: what follows from its rate and its other amount. Only the first rows are looked
    at.
    """
    lines = invoice.get("line_items", [])[:_MOST]
    is_priced = any(line["amount"] is not None for line in lines)
    for index, line in enumerate(lines if is_priced else ()):
        bare = line["amount"] is line["quantity"] is line["unit_price"] is None
        if bare and line["description"] and _has_amount_beside(line["description"], page):
            yield Doubt(path=f"line_items.{index}.amount", code="absent", said=None)
    for index, row in enumerate(invoice.get("tax_breakdown", [])[:_MOST]):
        for name, value in printed_for_rate(row, page.numbers):
            path = f"tax_breakdown.{index}.{name}"
            yield Doubt(path=path, code="absent", said=format(value, "f"))


def _has_amount_beside(description: str, page: PageIndex) -> bool:
    place = page.texts.row_of(description)
    return place is not None and any(
        value.as_tuple().exponent == _CENTS
        for values in page.numbers_beside(place)
        for value in values
    )


def printed_net(invoice: Mapping[str, Any], page: PageIndex) -> Decimal | None:
    """Return the net amount that total and tax tell and the pages print, where none was read."""
    total, tax = invoice.get("total_amount"), invoice.get("tax_total")
    has_net = invoice.get("taxable_amount") or invoice.get("subtotal")
    if has_net or total is None or tax is None:
        return None
    net = Decimal(total) - Decimal(tax)
    return net if net and Decimal(tax) and abs(net) in page.numbers else None
