"""Invoice fields from plain text, by labels and arithmetic: English, German, French, Dutch, Nepali.

Small on purpose. What is not found stays null; the caller marks the invoice for review.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from extraction.invoices.schema import EMPTY, DocumentType, InvoiceFields, LineItem, Party, TaxLine
from extraction.readers.text import labels
from extraction.readers.text.layout import TextLayout
from extraction.readers.text.numbers import Amount

MAX_NUMBERS = 12  # a line with more is not a row of an invoice
CENT = Decimal("0.01")
# An address has so many lines below its heading, which begin near the heading's column.
ADDRESS_LINES = 6
ADDRESS_INDENT = 12
_AFTER_ADDRESS = (labels.SUPPLIER, labels.NUMBER, labels.DATE, labels.DUE_DATE, labels.ORDER)


def read_text(text: str) -> InvoiceFields:
    """Return the fields that the rules find; EMPTY when the text is no invoice."""
    page = TextLayout(text)
    document_type = _document_type(page.text)
    number = page.word(labels.NUMBER)
    total = next(iter(page.amounts(labels.TOTAL)), None)
    if document_type == "other" or (number is None and total is None):
        return EMPTY
    if total is not None and total < 0:
        document_type = "credit_note"
    subtotals = page.amounts(labels.SUBTOTAL)
    taxable, tax = _net_and_tax(page, total, subtotals)
    supplier_tax_id, customer_tax_id = _tax_ids(page)
    invoice_date, due_date = _dates(page)
    return InvoiceFields(
        document_type=document_type,
        invoice_number=number,
        invoice_date=invoice_date,
        invoice_miti=page.word(labels.MITI, labels.MITI_DAY) or page.word(labels.MITI),
        due_date=due_date,
        order_number=page.word(labels.ORDER),
        delivery_note_number=page.word(labels.DELIVERY_NOTE),
        transaction_type=None,
        transaction_date=None,
        vehicle_number=page.cell(labels.VEHICLE),
        transporter=page.cell(labels.TRANSPORTER),
        pws_number=None,
        currency=_currency(page.text),
        supplier=Party(name=_supplier(page), tax_id=supplier_tax_id, address=None),
        customer=Party(name=page.name(labels.CUSTOMER), tax_id=customer_tax_id, address=None),
        line_items=list(_line_items(page)),
        tax_breakdown=_tax_lines(page, [taxable, *subtotals], tax),
        subtotal=next(iter(subtotals), None),
        discount_total=next(iter(page.amounts(labels.DISCOUNT)), None),
        charge_total=None,
        taxable_amount=taxable,
        tax_total=tax,
        total_amount=total,
        amount_due=next(iter(page.amounts(labels.DUE)), None),
    )


def _dates(page: TextLayout) -> tuple[date | None, date | None]:
    """Return the invoice's date and the day on which it is due.

    Nothing is due before it is issued: the other order of day and month is then tried.
    """
    issued, due = _dates_as_ordered(page)
    if issued and due and due < issued:
        page.month_first = not page.month_first
        others = _dates_as_ordered(page)
        if others[0] and others[1] and others[0] <= others[1]:
            return others
    return issued, due


def _dates_as_ordered(page: TextLayout) -> tuple[date | None, date | None]:
    issued = page.day(labels.DATE) or page.day_in_line(labels.NUMBER)
    return issued, page.day(labels.DUE_DATE)


def _document_type(text: str) -> DocumentType:
    if labels.CREDIT_NOTE.search(text):
        return "credit_note"
    if labels.INVOICE.search(text):
        return "invoice"
    return "receipt" if labels.RECEIPT.search(text) else "other"


def _net_and_tax(
    page: TextLayout, total: Decimal | None, subtotals: list[Decimal]
) -> tuple[Decimal | None, Decimal | None]:
    """Return the net amount and the tax that add up to the total, else the unambiguous ones."""
    nets = page.amounts(labels.TAXABLE)
    rows = page.amounts(labels.TAX_ROW, below=False)
    taxes = [*page.amounts(labels.TAX), *rows]
    if rows:
        taxes.append(sum(rows, Decimal()))
    for net in (*nets, *subtotals):
        for tax in taxes:
            if net + tax == total:
                return net, tax
    return next(iter(nets), None), taxes[0] if len(set(taxes)) == 1 and any(taxes) else None


def _tax_lines(page: TextLayout, nets: list[Decimal | None], tax: Decimal | None) -> list[TaxLine]:
    """Return the tax line of an invoice with one rate; none where there are several rates.

    It is of the first of these net amounts, or of the next one where that is not known and the
    rate gives the tax.
    """
    rates = {
        Decimal(found[1].replace(",", "."))
        for line in page.lines
        if labels.TAX_WORD.search(line)
        for found in labels.PERCENT.finditer(line)
    }
    if tax is None or len(rates) != 1:
        return []
    rate, (taxable, *others) = rates.pop(), nets
    if taxable is None:
        taxable = next((net for net in others if net and round(net * rate / 100, 2) == tax), None)
    return [TaxLine(rate=rate, taxable_amount=taxable, tax_amount=tax)]


def _currency(text: str) -> str | None:
    """Return the most frequent currency; "Rs." is INR in an Indian invoice, else NPR."""
    counts = Counter(found[0].upper() for found in labels.CURRENCY.finditer(text))
    for mark, _ in counts.most_common(1):
        if mark in labels.RUPEES:
            return "INR" if labels.INDIAN.search(text) else "NPR"
        return labels.CURRENCY_CODES.get(mark, mark)
    return None


def _tax_ids(page: TextLayout) -> tuple[str | None, str | None]:
    """Return the supplier's and the customer's tax id; a VAT id rather than a tax number."""
    found = [
        (match, index)
        for index, line in enumerate(page.lines)
        for match in labels.TAX_ID.finditer(line)
    ]
    found.sort(key=lambda at: not at[0]["id"][0].isalpha())
    parties: dict[bool, list[str]] = {True: [], False: []}
    for match, index in found:
        is_customers = labels.OF_CUSTOMER.search(match[0]) is not None
        parties[is_customers or _is_below_customer(page, index, match.start())].append(match["id"])
    return next(iter(parties[False]), None), next(iter(parties[True]), None)


def _is_below_customer(page: TextLayout, index: int, column: int) -> bool:
    """Whether a place belongs to the address that begins with a customer's heading.

    The heading is left of it in the same line, or above where the address begins.
    """
    before = page.lines[index][:column]
    customer, supplier = _last_start(labels.CUSTOMER, before), _last_start(labels.SUPPLIER, before)
    if customer is not None or supplier is not None:
        return supplier is None or (customer is not None and customer > supplier)
    for line in reversed(page.lines[max(0, index - ADDRESS_LINES) : index]):
        if _stands_above(labels.CUSTOMER, line, column):
            return True
        if any(_stands_above(label, line, column) for label in _AFTER_ADDRESS):
            return False
    return False


def _starts(label: re.Pattern[str], line: str) -> list[int]:
    return [found.end() - len(found[0].lstrip()) for found in label.finditer(line)]


def _last_start(label: re.Pattern[str], line: str) -> int | None:
    return max(_starts(label, line), default=None)


def _stands_above(label: re.Pattern[str], line: str, column: int) -> bool:
    return any(-2 <= column - start <= ADDRESS_INDENT for start in _starts(label, line))


def _supplier(page: TextLayout) -> str | None:
    """Return the name at a supplier's label, else the most frequent company name."""
    if name := page.name(labels.SUPPLIER):
        return name
    names: Counter[str] = Counter()
    previous = ""
    for line in page.lines:
        if not labels.CUSTOMER.search(previous) and not labels.CUSTOMER.search(line):
            names.update(found["name"] for found in labels.COMPANY.finditer(line))
        previous = line
    return next((name for name, _ in names.most_common(1)), None)


def _line_items(page: TextLayout) -> Iterator[LineItem]:
    """Yield the rows in which quantity × price = amount."""
    for line in page.lines:
        numbers = page.numbers(line)
        if len(numbers) > MAX_NUMBERS or labels.SUM_ROW.search(line):
            continue
        rates = [Decimal(found[1].replace(",", ".")) for found in labels.PERCENT.finditer(line)]
        row = _quantity_price_amount(numbers, rates)
        description = _description(line, row) if row else ""
        if row and description:
            quantity, price, amount = (number.value for number in row)
            unit = labels.UNIT.fullmatch(line[row[0].end : row[1].start].strip())
            nothing: dict[str, object] = dict.fromkeys(LineItem.model_fields)
            reduction = quantity * price - abs(amount)
            yield LineItem.model_validate(
                nothing
                | {"description": description, "quantity": quantity, "unit_price": price}
                | {"unit": unit and unit[1], "amount": amount}
                | {"discount": reduction if reduction > CENT else None}
            )


def _quantity_price_amount(
    numbers: list[Amount], rates: list[Decimal]
) -> tuple[Amount, Amount, Amount] | None:
    """Return quantity, price and amount: the last number that is the product of two before it.

    The product may be reduced by a discount rate of the same row.
    """
    factors = [1 - rate / 100 for rate in (Decimal(), *rates)]
    for last in range(len(numbers) - 1, 1, -1):
        amount = numbers[last]
        for second in range(last - 1, 0, -1):
            for first in range(second - 1, -1, -1):
                quantity, price = numbers[first], numbers[second]
                exact = quantity.value * price.value
                fits = (abs(exact * factor - abs(amount.value)) <= CENT for factor in factors)
                if amount.has_cents and exact and any(fits):
                    return quantity, price, amount
    return None


def _description(line: str, row: tuple[Amount, Amount, Amount]) -> str:
    """Return the words before the quantity, or after it where it comes first."""
    quantity, price, _ = row
    for text in (line[: quantity.start], line[quantity.end : price.start]):
        words = " ".join(labels.POSITION.sub("", text).split()).strip("|€$ ")
        if labels.WORD.search(words):
            return words
    return ""
