"""The lines of an invoice as EN 16931 wants them (BG-25)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from extraction.exports.refusal import CENT, Lack, Problem, is_in_cents
from extraction.exports.texts import xml_text
from extraction.exports.units import unit_code
from extraction.invoices.schema import InvoiceFields, LineItem

_ONE = Decimal(1)
_ZERO = Decimal()
# Of quantity × price against the amount, as Peppol's rule R120 tests it.
_TOLERANCE = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class TradeLine:
    """A line. ``price`` is for ``base`` units; ``allowance`` is a charge where negative."""

    id: str
    name: str
    item_code: str | None
    hs_code: str | None
    quantity: Decimal
    unit: str
    price: Decimal
    base: Decimal
    allowance: Decimal
    amount: Decimal
    rate: Decimal


def trade_lines(fields: InvoiceFields, problems: list[Problem]) -> list[TradeLine]:
    """Return the lines; append to the problems what they lack, and leave such lines out."""
    if not fields.line_items:
        problems.append(Problem("line_items", Lack.ALL_MISSING, "BR-16"))
    ids = _ids(fields.line_items)
    rate = _only_rate(fields)
    lines = []
    for at, line in enumerate(fields.line_items):
        found = list(_problems(line, rate))
        problems += [replace(each, path=f"line_items.{at}.{each.path}") for each in found]
        if not found:
            lines.append(_trade_line(line, ids[at], rate))
    return lines


def _only_rate(fields: InvoiceFields) -> Decimal | None:
    """The rate of lines that do not name theirs, where the invoice has one."""
    rates = {tax.rate for tax in fields.tax_breakdown if tax.taxable_amount or tax.tax_amount}
    return rates.pop() if len(rates) == 1 else None


def _ids(lines: list[LineItem]) -> list[str]:
    """What the document numbers its lines by; from 1 on where that does not tell them apart."""
    own = [xml_text(line.serial_number or "") for line in lines]
    if all(own) and len(set(own)) == len(own):
        return own
    return [str(number) for number in range(1, len(lines) + 1)]


def _problems(line: LineItem, rate: Decimal | None) -> Iterator[Problem]:
    if line.description is None:
        yield Problem("description", Lack.MISSING, "BR-25")
    if line.amount is None:
        yield Problem("amount", Lack.MISSING, "BR-24")
        return
    if not is_in_cents(line.amount):
        yield Problem("amount", Lack.DECIMALS, "BR-DEC-23")
    own_rate = rate if line.tax_rate is None else line.tax_rate
    if own_rate is None:
        yield Problem("tax_rate", Lack.MISSING, "BR-CO-04")
    elif own_rate <= 0:
        yield Problem("tax_rate", Lack.CATEGORY, "BR-47, BR-CO-04")
    if line.quantity is None and line.unit_price:
        yield Problem("quantity", Lack.MISSING, "BR-22")
    elif _allowance(line) is None:
        yield Problem("amount", Lack.NOT_FOLLOWING)


def _trade_line(line: LineItem, line_id: str, rate: Decimal | None) -> TradeLine:
    """A line that has no problems."""
    quantity, price, base = _priced(line)
    amount = line.amount or _ZERO
    if price < 0:  # BR-27
        quantity, price = -quantity, -price
    trade_line = TradeLine(
        id=line_id,
        name=xml_text(line.description or ""),
        item_code=line.item_code and xml_text(line.item_code),
        hs_code=line.hs_code and xml_text(line.hs_code),
        quantity=quantity,
        unit=unit_code(line.unit),
        price=price,
        base=base,
        allowance=_allowance(line) or _ZERO,
        amount=amount,
        rate=(rate if line.tax_rate is None else line.tax_rate) or _ZERO,
    )
    # A credit note may print an amount with a minus and its quantity without one.
    opposite = quantity * price / base == -amount
    return replace(trade_line, quantity=-quantity) if opposite and amount else trade_line


def _priced(line: LineItem) -> tuple[Decimal, Decimal, Decimal]:
    """Quantity, price, and the quantity that the price is for.

    Where no price is stated the amount is the price of the quantity; where neither is, of one.
    """
    quantity = _ONE if line.quantity is None else line.quantity
    if line.unit_price is None or (not line.unit_price and line.amount):
        undiscounted = (line.amount or _ZERO) + (line.discount or _ZERO)
        price = -undiscounted if quantity < 0 else undiscounted
        return quantity, price, abs(quantity) or _ONE
    base = line.price_base_quantity
    return quantity, line.unit_price, base if base and base > 0 else _ONE


def _allowance(line: LineItem) -> Decimal | None:
    """What the line is reduced by: its discount, an amount or percent, or nothing.

    None where the amount does not follow.
    """
    quantity, price, base = _priced(line)
    gross, amount = quantity * price / base, line.amount or _ZERO
    discount = line.discount or _ZERO
    if abs(gross - discount - amount) <= _TOLERANCE:
        return discount.quantize(CENT)
    if abs(gross - amount) <= _TOLERANCE or gross == -amount:
        return _ZERO
    percent = gross * discount / 100
    if abs(gross - percent - amount) <= _TOLERANCE or _is_of_one(line, gross, discount):
        return (gross - amount).quantize(CENT)
    return None


def _is_of_one(line: LineItem, gross: Decimal, discount: Decimal) -> bool:
    """Whether the discount is printed for one unit."""
    quantity = _ONE if line.quantity is None else line.quantity
    return abs(gross - quantity * discount - (line.amount or _ZERO)) <= _TOLERANCE
