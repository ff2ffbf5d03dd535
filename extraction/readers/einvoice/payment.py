"""Terms of payment: when all is to be paid, and what is granted to those who pay sooner.

The structured parts of CII and UBL come first; then XRechnung's notation in the text of the terms
(BR-DE-18: ``#SKONTO#TAGE=14#PROZENT=2.00#``), then a percentage that the text calls a discount.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from extraction.invoices.schema import PaymentDiscount
from extraction.readers.einvoice.xml import MAX_TEXT
from extraction.readers.text.numbers import days_in

# Days of the units of UN/ECE Recommendation 20; other units are not used for discounts.
_DAYS_OF_UNIT = {None: 1, "DAY": 1, "D": 1, "WEE": 7}
_LONGEST = 3_660  # days; a longer term is a mistake
_CODED = re.compile(r"#SKONTO#TAGE=([0-9]{1,4})#PROZENT=([0-9]{1,3}(?:[.,][0-9]{1,4})?)#")
_NET = re.compile(
    r"netto|\bnet\b|zahlbar|zahlungsziel|ohne abzug|fällig|payable|\bdue\b|échéance|payer"
    r"|betaalbaar",
    re.I,
)
_DISCOUNT = re.compile(r"skonto|discount|escompte|korting|descuento|sconto", re.I)
_PERCENT = re.compile(r"(?<![0-9.,])([0-9]{1,2}(?:[.,][0-9]{1,4})?) ?(?:%|percent|prozent)", re.I)
_DAYS = re.compile(
    r"(?<![0-9.,])([0-9]{1,3}) ?-?(?:tage?n?|days?|jours?|dagen|d[ií]as?|giorni)\b", re.I
)
# Not between day and year of "April 4, 2026".
_CLAUSES = re.compile(r"[;\n]|[,.] (?![0-9]{4}\b)")
# "2/10 net 30": a percentage for payment within so many days, the whole until a later day.
_SHORT = re.compile(
    r"(?<![0-9.,/])([0-9]{1,2}(?:[.,][0-9]{1,2})?) ?%?(?:/| )([0-9]{1,3})(?: days)?,? "
    r"n(?:et)?[ /]([0-9]{1,3})(?![0-9/])",
    re.I,
)
_NET_DAYS = re.compile(r"\bnet(?:to)? ([0-9]{1,3})(?![0-9.,%]|\s?%)", re.I)
# From the end of a month or from the delivery the days are not counted from the invoice's date.
_OTHER_START = re.compile(
    r"month|monat|mois|maand|eom|deliver|receipt|liefer|erhalt|eingang|livraison|réception|levering"
    r"|ontvangst",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """One set of terms: its text, the day that it names, and the discounts that it states."""

    text: str | None
    day: date | None
    discounts: tuple[PaymentDiscount, ...]


def terms(
    text: str | None,
    day: date | None,
    stated: Sequence[PaymentDiscount],
    invoice_date: date | None,
) -> Terms:
    """Return terms with day and discounts of their structured part, else those of their text."""
    discounts = [discount for discount in stated if discount.percent or discount.amount]
    if text and not discounts:
        discounts = _coded(text, invoice_date) or _told(text, invoice_date)
    net = _net_day(text or "", invoice_date)
    if day is None or (net and net > day and any(day == each.until for each in discounts)):
        day = net  # what is stated beside the text may be the end of its discount
    return Terms(text, day, tuple(discounts))


def due_date(all_terms: Sequence[Terms]) -> date | None:
    """Return the day until which all is to be paid, without a discount.

    Of several terms with days the last one's: a discount ends before that.
    """
    return max((each.day for each in all_terms if each.day), default=None)


def payment_terms(all_terms: Sequence[Terms]) -> str | None:
    """Return the texts of all terms on one line."""
    texts = dict.fromkeys(each.text for each in all_terms if each.text)
    return "; ".join(texts)[:MAX_TEXT].strip() or None


def payment_discounts(all_terms: Sequence[Terms]) -> list[PaymentDiscount]:
    """Return the discounts of all terms, each once.

    Of several terms the day of those that state a discount, and no other end of it, is its end.
    """
    due = due_date(all_terms)
    found: dict[PaymentDiscount, None] = {}
    for each in all_terms:
        for discount in each.discounts:
            ends_here = discount.until is None and each.day is not None and each.day != due
            end = {"until": each.day} if ends_here else {}
            found[discount.model_copy(update=end)] = None
    return list(found)


def days_of(length: Decimal | None, unit: str | None) -> Decimal | None:
    """Return the length of a period in days; None for a unit that has no fixed number of them."""
    days = _DAYS_OF_UNIT.get(unit)
    return None if length is None or days is None else length * days


def days_after(start: date | None, days: Decimal | int | None) -> date | None:
    """Return a day so many days after another one, if both are known and sensible."""
    if start is None or days is None or not 0 <= days <= _LONGEST:
        return None
    try:
        return start + timedelta(days=int(days))
    except OverflowError:
        return None


def _net_day(text: str, invoice_date: date | None) -> date | None:
    """Return the day that a text names for payment without a discount; None for several.

    Else that of the days which it counts from the invoice's date.
    """
    if short := _SHORT.search(text):
        return days_after(invoice_date, int(short[3]))
    for number, rate in _CODED.findall(text):
        if not Decimal(rate.replace(",", ".")):
            return days_after(invoice_date, int(number))
    clauses = [
        clause
        for clause in _CLAUSES.split(text)
        if _NET.search(clause) and not _DISCOUNT.search(clause)
    ]
    days = {day.readings[0] for clause in clauses for day in days_in(clause)}
    if not days and not _OTHER_START.search(text):
        counted = {
            int(number)
            for clause in clauses
            for pattern in (_DAYS, _NET_DAYS)
            for number in pattern.findall(clause)
        }
        days = {end for number in counted if (end := days_after(invoice_date, number))}
    return days.pop() if len(days) == 1 else None


def _coded(text: str, invoice_date: date | None) -> list[PaymentDiscount]:
    """Return the discounts in XRechnung's notation. One of 0 % only states when payment is due."""
    return [
        PaymentDiscount(percent=percent, until=days_after(invoice_date, int(days)))
        for days, rate in _CODED.findall(text)
        if (percent := Decimal(rate.replace(",", ".")))
    ]


def _told(text: str, invoice_date: date | None) -> list[PaymentDiscount]:
    """Return the discount of the text, if it names one percentage for one; else none.

    Its end stands in the same clause, or is the only one in the text.
    """
    if short := _SHORT.search(text):
        percent = Decimal(short[1].replace(",", "."))
        return [PaymentDiscount(percent=percent, until=days_after(invoice_date, int(short[2])))]
    clauses = [clause for clause in _CLAUSES.split(text) if _DISCOUNT.search(clause)]
    rates = [(clause, rate) for clause in clauses for rate in _PERCENT.findall(clause)]
    if len(rates) != 1:
        return []
    clause, rate = rates[0]
    percent = Decimal(rate.replace(",", "."))
    ends = _ends(clause, invoice_date) or _ends(text, invoice_date)
    until = ends.pop() if len(ends) == 1 else None
    return [PaymentDiscount(percent=percent, until=until)] if percent else []


def _ends(text: str, invoice_date: date | None) -> set[date]:
    """Return the days that a text names, else those that it counts from the invoice's date."""
    named = {reading for day in days_in(text) for reading in day.readings[:1]}
    counted = {days_after(invoice_date, int(days)) for days in _DAYS.findall(text)}
    return named or {day for day in counted if day is not None}
