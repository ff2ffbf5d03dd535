"""OASIS UBL 2 Invoice and CreditNote (XRechnung, Peppol) → invoice fields."""

from datetime import date
from decimal import Decimal

from extraction.invoices.schema import InvoiceFields, LineItem, Party, PaymentDiscount, TaxLine
from extraction.readers.einvoice import payment
from extraction.readers.einvoice.lines import Line, counted
from extraction.readers.einvoice.payment import Terms
from extraction.readers.einvoice.xml import (
    Node,
    account,
    currency,
    difference,
    document_type,
    hs_code,
    joined,
    own_tax,
    price_of,
    total,
)

CREDIT_NOTE = "381"


def fields_of_ubl(root: Node, *, credit_note: bool) -> InvoiceFields:
    """Map an Invoice or a CreditNote, some of whose elements have other names."""
    sums = root.first("LegalMonetaryTotal")
    total_amount = sums.number("TaxInclusiveAmount")
    money = currency(
        root.text("DocumentCurrencyCode")
        or sums.first("TaxInclusiveAmount", "PayableAmount").attribute("currencyID")
    )
    code = CREDIT_NOTE if credit_note else root.text("InvoiceTypeCode")
    taxes = _tax_totals(root, money, difference(total_amount, sums.number("TaxExclusiveAmount")))
    invoice_date = root.day("IssueDate")
    all_terms = [_terms(node, invoice_date) for node in root.all("PaymentTerms")]
    return InvoiceFields(
        document_type=document_type(code, total_amount),
        invoice_number=root.text("ID"),
        invoice_date=invoice_date,
        due_date=root.day("DueDate", "PaymentMeans/PaymentDueDate") or payment.due_date(all_terms),
        order_number=root.text("OrderReference/ID"),
        delivery_note_number=root.text("DespatchDocumentReference/ID"),
        currency=money,
        supplier=_party(root.first("AccountingSupplierParty/Party")),
        customer=_party(root.first("AccountingCustomerParty/Party")),
        line_items=counted(
            [_with_lines_below(line) for line in root.all("InvoiceLine", "CreditNoteLine")]
        ),
        tax_breakdown=[
            TaxLine(
                rate=part.number("TaxCategory/Percent", "Percent"),
                taxable_amount=part.number("TaxableAmount"),
                tax_amount=part.number("TaxAmount"),
            )
            for tax in taxes
            for part in tax.all("TaxSubtotal")
        ],
        subtotal=sums.number("LineExtensionAmount"),
        discount_total=sums.number("AllowanceTotalAmount"),
        charge_total=sums.number("ChargeTotalAmount"),
        taxable_amount=sums.number("TaxExclusiveAmount"),
        tax_total=total([tax.number("TaxAmount") for tax in taxes]),
        total_amount=total_amount,
        withholding_total=total(
            [withheld.number("TaxAmount") for withheld in root.all("WithholdingTaxTotal")]
        ),
        prepaid_amount=sums.number("PrepaidAmount"),
        rounding_amount=sums.number("PayableRoundingAmount"),
        amount_due=sums.number("PayableAmount"),
        iban=account(root.text("PaymentMeans/PayeeFinancialAccount/ID")),
        payment_terms=payment.payment_terms(all_terms),
        payment_discounts=payment.payment_discounts(all_terms),
    )


def _tax_totals(root: Node, money: str | None, expected: Decimal | None) -> list[Node]:
    totals = root.all("TaxTotal")
    amounts = [tax.first("TaxAmount") for tax in totals]
    return [totals[at] for at in own_tax(amounts, money, expected)]


def _terms(node: Node, invoice_date: date | None) -> Terms:
    period = node.first("SettlementPeriod")
    length = period.first("DurationMeasure")
    days = payment.days_of(length.number(), length.attribute("unitCode"))
    discount = PaymentDiscount(
        percent=node.number("SettlementDiscountPercent"),
        amount=node.number("SettlementDiscountAmount"),
        until=period.day("EndDate") or payment.days_after(invoice_date, days),
    )
    day = node.day("PaymentDueDate", "InstallmentDueDate")
    return payment.terms(node.texts("Note"), day, [discount], invoice_date)


def _party(party: Node) -> Party:
    schemes = party.all("PartyTaxScheme")
    # A party may also be registered for other taxes than VAT.
    schemes.sort(key=lambda scheme: scheme.text("TaxScheme/ID") != "VAT")
    place = party.first("PostalAddress")
    return Party(
        name=party.text("PartyLegalEntity/RegistrationName", "PartyName/Name"),
        tax_id=next((scheme.text("CompanyID") for scheme in schemes), None),
        address=joined(
            place.text("StreetName"),
            place.text("AdditionalStreetName"),
            place.text("AddressLine/Line"),
            " ".join(filter(None, [place.text("PostalZone"), place.text("CityName")])),
            place.text("Country/IdentificationCode"),
        ),
    )


def _with_lines_below(line: Node) -> Line:
    below = line.all("SubInvoiceLine", "SubCreditNoteLine")
    return Line(_line(line), below=[_with_lines_below(part) for part in below])


def _line(line: Node) -> LineItem:
    item = line.first("Item")
    quantity = line.first("InvoicedQuantity", "CreditedQuantity")
    amount = line.number("LineExtensionAmount")
    price, base = price_of(line.first("Price"), quantity.number(), amount)
    return LineItem(
        description=item.text("Name", "Description"),
        item_code=item.text(
            "SellersItemIdentification/ID",
            "StandardItemIdentification/ID",
            "BuyersItemIdentification/ID",
        ),
        hs_code=hs_code(item.all("CommodityClassification/ItemClassificationCode")),
        batch=item.text("ItemInstance/LotIdentification/LotNumberID"),
        serial_number=line.text("ID"),
        quantity=quantity.number(),
        unit=quantity.attribute("unitCode"),
        unit_price=price,
        price_base_quantity=base,
        discount=_reduction(line),
        tax_rate=item.number("ClassifiedTaxCategory/Percent"),
        amount=amount,
    )


def _reduction(line: Node) -> Decimal | None:
    """Return the line's allowances less its charges."""
    return total(
        [
            -amount if change.truth("ChargeIndicator") else amount
            for change in line.all("AllowanceCharge")
            if (amount := change.number("Amount")) is not None
        ]
    )
