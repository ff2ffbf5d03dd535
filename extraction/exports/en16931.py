"""The canonical invoice as EN 16931 wants it, or what it lacks for that.

Rules are named as in the standard (BR-…): EN 16931-1, 6.4; their tests and tolerances are those of
CEN's artefacts (github.com/ConnectingEurope/eInvoicing-EN16931). Nothing is made up: what an
invoice does not say, and what does not follow from what it says, is refused by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar, cast

from babel.numbers import list_currencies

from extraction.exports.en16931_lines import TradeLine, trade_lines
from extraction.exports.parties import TradeParty, country_of, trade_party
from extraction.exports.refusal import CENT, ExportRefused, Lack, Problem, is_in_cents
from extraction.exports.signs import without_minus
from extraction.exports.texts import xml_text
from extraction.invoices.schema import InvoiceFields, TaxLine

T = TypeVar("T")

_ZERO = Decimal()
# Of BR-CO-17 and BR-S-08, as CEN tests them: taxes may be rounded line by line.
_TAX_TOLERANCE = Decimal(1)
_AMOUNTS = (
    *("taxable_amount", "tax_total", "total_amount", "discount_total", "charge_total"),
    *("prepaid_amount", "rounding_amount", "amount_due"),
)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """An allowance, or a charge, of the whole document that is taxed at one rate."""

    is_charge: bool
    amount: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Tax:
    """The VAT of one rate."""

    rate: Decimal
    taxable: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a document (BG-22). What is paid already and rounded is 0 where not stated."""

    lines: Decimal
    discount: Decimal
    charge: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
    prepaid: Decimal
    rounding: Decimal
    due: Decimal


@dataclass(frozen=True, slots=True)
class TradeDocument:
    """An invoice, or credit note, that obeys the rules. Amounts of a credit note are positive."""

    is_credit_note: bool
    number: str
    day: date
    due_date: date | None
    currency: str
    order_number: str | None
    delivery_note_number: str | None
    supplier: TradeParty
    customer: TradeParty
    iban: str | None
    terms: str | None
    adjustments: Sequence[Adjustment]
    taxes: Sequence[Tax]
    totals: Totals
    lines: Sequence[TradeLine]


def trade_document(fields: InvoiceFields) -> TradeDocument:
    """Return an invoice as EN 16931 wants it.

    A negative total makes a credit note. Raises ExportRefused, which names every value that is
    missing, or, where none is, those that contradict each other.
    """
    is_credit_note = fields.document_type == "credit_note" or (fields.total_amount or 0) < 0
    if is_credit_note:
        fields = without_minus(fields)
    problems = _missing(fields)
    lines = trade_lines(fields, problems)
    taxes = _taxes(fields, problems)
    if problems:
        raise ExportRefused(problems)
    totals = _totals(fields, lines, taxes, problems)
    adjustments = _adjustments(totals, lines, taxes, problems)
    _judge_taxes(lines, taxes, adjustments, problems)
    terms = _terms(fields)
    if totals.due > 0 and fields.due_date is None and terms is None:
        problems.append(Problem("due_date", Lack.TERMS, "BR-CO-25"))
    if problems:
        raise ExportRefused(problems)
    return TradeDocument(
        is_credit_note=is_credit_note,
        number=xml_text(_given(fields.invoice_number)),
        day=_given(fields.invoice_date),
        due_date=fields.due_date,
        currency=_given(fields.currency),
        order_number=fields.order_number and xml_text(fields.order_number),
        delivery_note_number=fields.delivery_note_number and xml_text(fields.delivery_note_number),
        supplier=trade_party(fields.supplier, _given(country_of(fields.supplier))),
        customer=trade_party(fields.customer, _given(country_of(fields.customer))),
        iban=fields.iban and xml_text(fields.iban),
        terms=terms,
        adjustments=adjustments,
        taxes=taxes,
        totals=totals,
        lines=lines,
    )


def _given(value: T | None) -> T:
    """A value that _missing has found to be there."""
    return cast("T", value)


def _missing(fields: InvoiceFields) -> list[Problem]:
    """What a document must have, and what it must not have."""
    problems = []
    if fields.document_type not in ("invoice", "credit_note"):
        problems.append(Problem("document_type", Lack.KIND))
    required = {
        "invoice_number": (fields.invoice_number, "BR-02"),
        "invoice_date": (fields.invoice_date, "BR-03"),
        "currency": (fields.currency, "BR-05"),
        "supplier.name": (fields.supplier.name, "BR-06"),
        "customer.name": (fields.customer.name, "BR-07"),
        "supplier.tax_id": (fields.supplier.tax_id, "BR-CO-26"),
        "total_amount": (fields.total_amount, "BR-14"),
    }
    for path, (value, rule) in required.items():
        if value is None:
            problems.append(Problem(path, Lack.MISSING, rule))
    for path, party, rule in (
        ("supplier.address", fields.supplier, "BR-09"),
        ("customer.address", fields.customer, "BR-11"),
    ):
        if country_of(party) is None:
            problems.append(Problem(path, Lack.COUNTRY, rule))
    if fields.currency and fields.currency not in list_currencies():
        problems.append(Problem("currency", Lack.CURRENCY, "BR-CL-04"))
    if fields.withholding_total:
        problems.append(Problem("withholding_total", Lack.NO_PLACE))
    problems += [
        Problem(name, Lack.DECIMALS, "BR-DEC")
        for name in _AMOUNTS
        if not is_in_cents(getattr(fields, name))
    ]
    return problems


def _taxes(fields: InvoiceFields, problems: list[Problem]) -> list[Tax]:
    """The taxes by rate; the only one may follow from the lines' rate and the totals."""
    stated = [
        (at, tax)
        for at, tax in enumerate(fields.tax_breakdown)
        if tax.taxable_amount or tax.tax_amount
    ]
    rates = {line.tax_rate for line in fields.line_items if line.tax_rate is not None}
    only_rate = rates.pop() if len(rates) == 1 else None
    if len(stated) <= 1:
        at, tax = stated[0] if stated else (0, TaxLine(rate=None, tax_amount=None))
        stated = [(at, _completed(tax, only_rate, fields))]
    found = []
    for at, tax in stated:
        path = f"tax_breakdown.{at}"
        for name in ("rate", "taxable_amount", "tax_amount"):
            value = getattr(tax, name)
            if value is None:
                problems.append(Problem(f"{path}.{name}", Lack.TAX_MISSING))
            elif name != "rate" and not is_in_cents(value):
                problems.append(Problem(f"{path}.{name}", Lack.DECIMALS, "BR-DEC"))
        if tax.rate is not None and tax.rate <= 0:
            problems.append(Problem(f"{path}.rate", Lack.CATEGORY, "BR-47, BR-CO-04"))
        elif tax.rate is not None:
            found.append(Tax(tax.rate, tax.taxable_amount or _ZERO, tax.tax_amount or _ZERO))
    return found


def _completed(tax: TaxLine, rate: Decimal | None, fields: InvoiceFields) -> TaxLine:
    """The only tax of an invoice: what it does not say the totals do."""
    net, amount = fields.taxable_amount, fields.tax_total
    if net is None and fields.total_amount is not None and amount is not None:
        net = fields.total_amount - amount
    return TaxLine(
        rate=rate if tax.rate is None else tax.rate,
        taxable_amount=net if tax.taxable_amount is None else tax.taxable_amount,
        tax_amount=amount if tax.tax_amount is None else tax.tax_amount,
    )


def _totals(
    fields: InvoiceFields,
    lines: Sequence[TradeLine],
    taxes: Sequence[Tax],
    problems: list[Problem],
) -> Totals:
    """The sums, each of which must follow from those before it."""
    of_lines = sum((line.amount for line in lines), _ZERO)
    tax = sum((each.amount for each in taxes), _ZERO)
    gross = _given(fields.total_amount)
    charge = abs(fields.charge_total or _ZERO)
    discount = abs(fields.discount_total or _ZERO)
    net = gross - tax if fields.taxable_amount is None else fields.taxable_amount
    if net == of_lines + charge:
        discount = _ZERO  # the lines are net of it
    prepaid, rounding = fields.prepaid_amount or _ZERO, fields.rounding_amount or _ZERO
    due = gross - prepaid + rounding if fields.amount_due is None else fields.amount_due
    subtotal = of_lines if fields.subtotal is None else fields.subtotal
    expectations = [
        ("subtotal", subtotal, {of_lines, of_lines + abs(fields.discount_total or _ZERO), net}),
        ("taxable_amount", net, {of_lines - discount + charge}),
        ("tax_total", tax if fields.tax_total is None else fields.tax_total, {tax}),
        ("total_amount", gross, {net + tax}),
        ("amount_due", due, {gross - prepaid + rounding}),
    ]
    rules = ("BR-CO-10", "BR-CO-13", "BR-CO-14", "BR-CO-15", "BR-CO-16")
    for (path, value, expected), rule in zip(expectations, rules, strict=True):
        if value not in expected:
            problems.append(Problem(path, Lack.BY_REST, rule, value, min(expected)))
    return Totals(of_lines, discount, charge, net, tax, gross, prepaid, rounding, due)


def _adjustments(
    totals: Totals, lines: Sequence[TradeLine], taxes: Sequence[Tax], problems: list[Problem]
) -> list[Adjustment]:
    """The discount and the charge of the document, split among the rates that they are taxed at.

    Of several rates each has what its taxable amount differs by from its lines.
    """
    if not totals.discount and not totals.charge:
        return []
    if len(taxes) == 1:
        [tax] = taxes
        changes = [(False, totals.discount), (True, totals.charge)]
        return [Adjustment(charged, amount, tax.rate) for charged, amount in changes if amount]
    path = "charge_total" if totals.charge else "discount_total"
    parts = {tax.rate: tax.taxable - _sum_at(tax.rate, lines) for tax in taxes}
    one_way = all(part >= 0 if totals.charge else part <= 0 for part in parts.values())
    total = totals.charge - totals.discount
    if (totals.charge and totals.discount) or not one_way or sum(parts.values()) != total:
        problems.append(Problem(path, Lack.NO_RATE, "BR-32, BR-37"))
        return []
    return [
        Adjustment(bool(totals.charge), abs(part), rate) for rate, part in parts.items() if part
    ]


def _judge_taxes(
    lines: Sequence[TradeLine],
    taxes: Sequence[Tax],
    adjustments: Sequence[Adjustment],
    problems: list[Problem],
) -> None:
    rates = [tax.rate for tax in taxes]
    problems += [
        Problem(f"line_items.{at}.tax_rate", Lack.NO_TAX, "BR-S-01")
        for at, line in enumerate(lines)
        if line.rate not in rates
    ]
    if len(set(rates)) != len(rates):
        problems.append(Problem("tax_breakdown", Lack.TWICE, "BR-S-08"))
    for at, tax in enumerate(taxes):
        changed = [each for each in adjustments if each.rate == tax.rate]
        expected = _sum_at(tax.rate, lines) + sum(
            (each.amount if each.is_charge else -each.amount for each in changed), _ZERO
        )
        if abs(tax.taxable - expected) >= _TAX_TOLERANCE:
            path = f"tax_breakdown.{at}.taxable_amount"
            problems.append(Problem(path, Lack.BY_LINES, "BR-S-08", tax.taxable, expected))
        computed = (tax.taxable * tax.rate / 100).quantize(CENT)
        if abs(tax.amount - computed) >= _TAX_TOLERANCE:
            path = f"tax_breakdown.{at}.tax_amount"
            problems.append(Problem(path, Lack.BY_RATE, "BR-CO-17", tax.amount, computed))


def _sum_at(rate: Decimal, lines: Sequence[TradeLine]) -> Decimal:
    return sum((line.amount for line in lines if line.rate == rate), _ZERO)


def _terms(fields: InvoiceFields) -> str | None:
    """The terms as printed; without any, the discounts in XRechnung's notation (BR-DE-18)."""
    if fields.payment_terms:
        return xml_text(fields.payment_terms)
    coded = [
        f"#SKONTO#TAGE={(each.until - fields.invoice_date).days}#PROZENT={each.percent:.2f}#\n"
        for each in fields.payment_discounts
        if each.percent and each.until and fields.invoice_date
    ]
    return "".join(coded) or None
