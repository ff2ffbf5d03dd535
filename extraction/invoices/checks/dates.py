"""Checks of the dates: plausible, in order, and as the terms of payment say."""

import re
from datetime import date, timedelta

from extraction.invoices.checks.compare import Item, item_check
from extraction.invoices.schema import Check, InvoiceFields

EARLIEST = date(1990, 1, 1)
# Invoices are dated ahead to the next period, not to the next year.
AHEAD = timedelta(days=60)
# Terms are 30 or 60 days by law in Europe (directive 2011/7/EU, art. 3 and 4), 180 in practice.
LONGEST_TERM = timedelta(days=366)
# A due date on a weekend or holiday is moved to the next working day, and the day of the invoice
# may count as the first.
_MOVED = range(-1, 4)

_DAYS = re.compile(
    r"(?<!\d)(\d{1,3})\s{0,3}(?:kalender|calendar|werk|business)?[ -]?"
    r"(?:tage?n?|days?|jours?|d[ií]as?|giorni|gg|dagen|dagar|dager|dage|dias|dni|napon|nap|päivää|"
    r"दिन)(?!\w)",
    re.IGNORECASE,
)
_NET_DAYS = re.compile(r"(?<!\w)(?:net|netto|n)[ /]{0,2}(\d{1,3})(?!\d|[.,%])", re.IGNORECASE)
_DISCOUNT = re.compile(r"%|skonto|discount|escompte|sconto|descuento|korting|rabat", re.IGNORECASE)
# From the end of a month, or from another day than the invoice's, nothing follows.
_OTHER_START = re.compile(
    r"month|monat|mois|mese|mes(?!\w)|maand|eom|delivery|receipt of goods|lieferung|livraison",
    re.IGNORECASE,
)


def invoice_date_plausible(fields: InvoiceFields, today: date) -> Check | None:
    """The invoice date is neither ancient nor more than 60 days ahead."""
    issued = fields.invoice_date
    if issued is None:
        return None
    latest = today + AHEAD
    return Check(
        code="invoice_date_plausible",
        passed=EARLIEST <= issued <= latest,
        expected=f"{EARLIEST} to {latest}",
        actual=issued.isoformat(),
        paths=["invoice_date"],
    )


def due_date_not_before_invoice_date(fields: InvoiceFields) -> Check | None:
    """The due date is the invoice date or later."""
    issued, due = fields.invoice_date, fields.due_date
    if issued is None or due is None:
        return None
    return Check(
        code="due_date_not_before_invoice_date",
        passed=due >= issued,
        expected=f"{issued} or later",
        actual=due.isoformat(),
        paths=["due_date", "invoice_date"],
    )


def due_date_plausible(fields: InvoiceFields) -> Check | None:
    """The due date is no more than a year after the invoice date."""
    issued, due = fields.invoice_date, fields.due_date
    if issued is None or due is None or issued > date.max - LONGEST_TERM:
        return None
    latest = issued + LONGEST_TERM
    return Check(
        code="due_date_plausible",
        passed=due <= latest,
        expected=f"{latest} or earlier",
        actual=due.isoformat(),
        paths=["due_date", "invoice_date"],
    )


def due_date_matches_terms(fields: InvoiceFields) -> Check | None:
    """The due date is as many days after the invoice date as the terms say (EN 16931, BT-9, BT-20).

    Of several periods any may be that of the due date, and the only one beside a discount is that
    of the discount. Left out where terms count from the end of a month or from the delivery.
    Programs that know no due date state the invoice date.
    """
    issued, due, terms = fields.invoice_date, fields.due_date, fields.payment_terms or ""
    if issued is None or due is None:
        return None
    net, periods = _periods(terms)
    if not periods or _is_of_discount(terms, net, periods):
        return None
    term = (due - issued).days
    return Check(
        code="due_date_matches_terms",
        passed=term == 0 or any(term - period in _MOVED for period in periods),
        expected=", ".join(f"{period} days" for period in sorted(periods)),
        actual=f"{term} days",
        paths=["due_date", "invoice_date", "payment_terms"],
    )


def follows_from_terms(issued: date, due: date, terms: str) -> bool:
    """Return whether a due date is what the terms count from the invoice date at the longest."""
    _, periods = _periods(terms)
    return bool(periods) and (due - issued).days == max(periods)


def names_term(terms: str) -> bool:
    """Return whether terms count the days until an invoice is due, not only those of a discount."""
    net, periods = _periods(terms)
    return bool(periods) and not _is_of_discount(terms, net, periods)


def _is_of_discount(terms: str, net: set[int], periods: set[int]) -> bool:
    """Whether the only period that terms name is that of a discount."""
    return len(periods) == 1 and not net and bool(_DISCOUNT.search(terms))


def _periods(terms: str) -> tuple[set[int], set[int]]:
    """Return the days that terms name as net, and all days that they count from the invoice."""
    if _OTHER_START.search(terms):
        return set(), set()
    net = {int(number) for number in _NET_DAYS.findall(terms)}
    return net, net | {int(number) for number in _DAYS.findall(terms)}


def discounts_end_in_time(fields: InvoiceFields) -> Check | None:
    """Discounts for early payment end before the invoice is due, or on that day."""
    due = fields.due_date
    if due is None:
        return None
    return item_check(
        "discounts_end_in_time",
        [
            Item(
                f"payment_discounts.{number}.until",
                f"{due} or earlier",
                discount.until.isoformat(),
                discount.until <= due,
            )
            for number, discount in enumerate(fields.payment_discounts)
            if discount.until is not None
        ],
    )
