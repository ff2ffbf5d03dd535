"""Which numbers follow from numbers that are proven, where the document does not print them."""

from collections.abc import Container, Iterator, Mapping
from decimal import Decimal

_HALF_CENT = Decimal("0.005")
_CENT = Decimal("0.01")
# A tax of 0.5 % leaves its net amount open by so many cents.
_MOST_CENTS = 101
_Numbers = Mapping[str, Decimal]


def derived(numbers: _Numbers, proven: set[str]) -> set[str]:
    """Return the paths of the numbers that follow from proven ones, step by step.

    ``numbers`` are all numbers of the invoice by path, such as line_items.0.amount.
    """
    known = set(proven)
    found: set[str] = set()
    while True:
        new = {
            path
            for path, value in numbers.items()
            if path not in known and _follows(path, value, numbers, known)
        }
        if not new:
            return found
        found |= new
        known |= new


def _follows(path: str, value: Decimal, numbers: _Numbers, known: set[str]) -> bool:
    for terms, slack in _sums_for(path, numbers):
        if all(name in known for name, _ in terms):
            total = sum((numbers[name] * factor for name, factor in terms), Decimal())
            if abs(total - value) <= slack:
                return True
    return any(
        abs(product - value) <= slack
        for factors, product, slack in _products_for(path, numbers)
        if known.issuperset(factors)
    )


_Terms = list[tuple[str, int]]


def _sums_for(path: str, numbers: _Numbers) -> Iterator[tuple[_Terms, Decimal]]:
    """Yield the sums that a value is of, each as paths with their signs, and how exact it is."""

    def terms(*named: tuple[str, int]) -> tuple[_Terms, Decimal]:
        present = [(name, sign) for name, sign in named if numbers.get(name)]
        return present, _HALF_CENT

    def column(rows: str, name: str) -> _Terms:
        return [(key, 1) for key in numbers if key.startswith(rows) and key.endswith(f".{name}")]

    net, tax, gross = ("taxable_amount", 1), ("tax_total", 1), ("total_amount", 1)
    lines = column("line_items.", "amount")
    match path:
        case "total_amount" if "taxable_amount" in numbers or lines:
            yield terms(net if "taxable_amount" in numbers else ("subtotal", 1), tax)
            yield terms(*lines, tax, ("discount_total", -1), ("charge_total", 1))
        case "taxable_amount" | "subtotal":
            other = "subtotal" if path == "taxable_amount" else "taxable_amount"
            sign = 1 if path == "taxable_amount" else -1
            if other in numbers:
                yield terms((other, 1), ("discount_total", -sign), ("charge_total", sign))
            if lines:
                discounts = [("discount_total", -1), ("charge_total", 1)]
                yield terms(*lines, *(discounts if path == "taxable_amount" else ()))
            if path == "taxable_amount" and "total_amount" in numbers:
                yield terms(gross, ("tax_total", -1))
        case "tax_total":
            if rows := column("tax_breakdown.", "tax_amount"):
                yield terms(*rows)
            if {"total_amount", "taxable_amount"} <= numbers.keys():
                yield terms(gross, ("taxable_amount", -1))
        case "amount_due" if "total_amount" in numbers:
            yield terms(
                gross, ("prepaid_amount", -1), ("withholding_total", -1), ("rounding_amount", 1)
            )
            yield terms(gross)
        case "prepaid_amount" if {"total_amount", "amount_due"} <= numbers.keys():
            yield terms(gross, ("amount_due", -1), ("rounding_amount", 1))
    yield from _sums_for_rate(path, numbers, lines)


def _sums_for_rate(path: str, numbers: _Numbers, lines: _Terms) -> Iterator[tuple[_Terms, Decimal]]:
    """Yield the sums of the tax breakdown: of the lines of its rate, or the whole where alone."""
    row, _, name = path.rpartition(".")
    if not row.startswith("tax_breakdown."):
        return
    rates = [key for key in numbers if key.startswith("tax_breakdown.") and key.endswith(".rate")]
    if name == "taxable_amount":
        if len(rates) <= 1 and "taxable_amount" in numbers:
            yield [("taxable_amount", 1)], _HALF_CENT
        rate = numbers.get(f"{row}.rate")
        of_rate = [
            (key, sign)
            for key, sign in lines
            if rate is not None and numbers.get(key.replace(".amount", ".tax_rate")) == rate
        ]
        if of_rate:
            yield of_rate, _HALF_CENT
    if name == "tax_amount" and len(rates) <= 1 and "tax_total" in numbers:
        yield [("tax_total", 1)], _HALF_CENT


def _products_for(path: str, numbers: _Numbers) -> Iterator[tuple[list[str], Decimal, Decimal]]:
    """Yield the products that a value is: its factors' paths, the product, how exact it is."""
    row, _, name = path.rpartition(".")
    if row.startswith("line_items.") and name == "amount":
        factors = [f"{row}.quantity", f"{row}.unit_price"]
        if all(factor in numbers for factor in factors):
            base = numbers.get(f"{row}.price_base_quantity") or Decimal(1)
            exact = numbers[factors[0]] * numbers[factors[1]] / base
            yield factors, exact, _HALF_CENT
            if discount := numbers.get(f"{row}.discount"):
                yield [*factors, f"{row}.discount"], exact - discount, _HALF_CENT
    if row.startswith("tax_breakdown.") and name == "tax_amount":
        factors = [f"{row}.taxable_amount", f"{row}.rate"]
        if all(factor in numbers for factor in factors):
            yield factors, numbers[factors[0]] * numbers[factors[1]] / 100, 2 * _HALF_CENT


def printed_for_rate(
    row: Mapping[str, str | None], printed: Container[Decimal]
) -> Iterator[tuple[str, Decimal]]:
    """Yield the amount that a tax row lacks, by name, if what the others tell is printed.

    The net amount is that of a tax rounded to cents, so that several would do: only those printed
    are looked for, from the one that fits best.
    """
    rate, net, tax = (
        Decimal(text) if text else None
        for text in (row["rate"], row["taxable_amount"], row["tax_amount"])
    )
    if not rate:
        return
    if tax is None and net:
        amount = (net * rate / 100).quantize(_CENT)
        if abs(amount) in printed:
            yield "tax_amount", amount
    if net is None and tax:
        exact = (tax * 100 / rate).quantize(_CENT)
        slack = int(50 / abs(rate)) + 1
        for cents in sorted(range(-slack, slack + 1), key=abs) if slack <= _MOST_CENTS else ():
            amount = exact + cents * _CENT
            if abs(amount) in printed:
                yield "taxable_amount", amount
                return
