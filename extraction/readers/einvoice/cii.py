"""UN/CEFACT Cross Industry Invoice (Factur-X, ZUGFeRD 1 and 2, XRechnung) → invoice fields."""

from datetime import date
from decimal import Decimal

from extraction.invoices.schema import InvoiceFields, LineItem, Party, PaymentDiscount, TaxLine
from extraction.readers.einvoice import payment
from extraction.readers.einvoice.lines import DETAIL, Line, counted, tree
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


def fields_of_cii(root: Node) -> InvoiceFields:
    """Map a CrossIndustryInvoice (2.x) or CrossIndustryDocument (ZUGFeRD 1)."""
    header = root.first("ExchangedDocument", "HeaderExchangedDocument")
    trade = root.first("SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
    agreement = trade.first("ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    delivery = trade.first("ApplicableHeaderTradeDelivery", "ApplicableSupplyChainTradeDelivery")
    settlement = trade.first(
        "ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement"
    )
    sums = settlement.first(
        "SpecifiedTradeSettlementHeaderMonetarySummation",
        "SpecifiedTradeSettlementMonetarySummation",
    )
    total_amount = sums.number("GrandTotalAmount")
    money = currency(
        settlement.text("InvoiceCurrencyCode")
        or sums.first("GrandTotalAmount").attribute("currencyID")
    )
    invoice_date = header.day("IssueDateTime/DateTimeString")
    all_terms = [
        _terms(node, invoice_date) for node in settlement.all("SpecifiedTradePaymentTerms")
    ]
    return InvoiceFields(
        document_type=document_type(header.text("TypeCode"), total_amount),
        invoice_number=header.text("ID"),
        invoice_date=invoice_date,
        due_date=payment.due_date(all_terms),
        order_number=agreement.text(
            "BuyerOrderReferencedDocument/IssuerAssignedID", "BuyerOrderReferencedDocument/ID"
        ),
        delivery_note_number=delivery.text(
            "DespatchAdviceReferencedDocument/IssuerAssignedID",
            "DeliveryNoteReferencedDocument/IssuerAssignedID",
            "DeliveryNoteReferencedDocument/ID",
        ),
        currency=money,
        supplier=_party(agreement.first("SellerTradeParty")),
        customer=_party(agreement.first("BuyerTradeParty")),
        line_items=counted(
            tree(
                [
                    _line_in_tree(line)
                    for line in trade.all("IncludedSupplyChainTradeLineItem")
                    # In ZUGFeRD 1 a line without a product is free text.
                    if line.first("SpecifiedTradeProduct")
                ]
            ),
            sums.number("LineTotalAmount"),
        ),
        tax_breakdown=[
            TaxLine(
                rate=tax.number("RateApplicablePercent", "ApplicablePercent"),
                taxable_amount=tax.number("BasisAmount"),
                tax_amount=tax.number("CalculatedAmount"),
            )
            for tax in settlement.all("ApplicableTradeTax")
        ],
        subtotal=sums.number("LineTotalAmount"),
        discount_total=sums.number("AllowanceTotalAmount"),
        charge_total=sums.number("ChargeTotalAmount"),
        taxable_amount=sums.number("TaxBasisTotalAmount"),
        tax_total=_tax_total(sums, money),
        total_amount=total_amount,
        prepaid_amount=sums.number("TotalPrepaidAmount"),
        rounding_amount=sums.number("RoundingAmount"),
        amount_due=sums.number("DuePayableAmount"),
        iban=account(
            settlement.text(
                "SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/IBANID",
                "SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/ProprietaryID",
            )
        ),
        payment_terms=payment.payment_terms(all_terms),
        payment_discounts=payment.payment_discounts(all_terms),
    )


def _tax_total(sums: Node, money: str | None) -> Decimal | None:
    amounts = sums.all("TaxTotalAmount")
    expected = difference(sums.number("GrandTotalAmount"), sums.number("TaxBasisTotalAmount"))
    return total([amounts[at].number() for at in own_tax(amounts, money, expected)])


def _terms(node: Node, invoice_date: date | None) -> Terms:
    stated = [
        PaymentDiscount(
            percent=discount.number("CalculationPercent"),
            amount=discount.number("ActualDiscountAmount"),
            until=_discount_end(discount, invoice_date),
        )
        for discount in node.all("ApplicableTradePaymentDiscountTerms")
    ]
    day = node.day("DueDateDateTime/DateTimeString")
    return payment.terms(node.texts("Description"), day, stated, invoice_date)


def _discount_end(discount: Node, invoice_date: date | None) -> date | None:
    """Return the last day of a discount: a period after its date or, without one, that date."""
    start = discount.day("BasisDateTime/DateTimeString")
    period = discount.first("BasisPeriodMeasure")
    length = payment.days_of(period.number(), period.attribute("unitCode"))
    if length is not None:
        return payment.days_after(start or invoice_date, length)
    return None if period or start == invoice_date else start


def _party(party: Node) -> Party:
    registrations = party.all("SpecifiedTaxRegistration/ID")
    # VA is the VAT identification, FC the tax office's number.
    registrations.sort(key=lambda registration: registration.attribute("schemeID") != "VA")
    place = party.first("PostalTradeAddress")
    return Party(
        name=party.text("Name", "SpecifiedLegalOrganization/TradingBusinessName"),
        tax_id=next((found.text() for found in registrations), None),
        address=joined(
            place.text("LineOne"),
            place.text("LineTwo"),
            place.text("LineThree"),
            " ".join(filter(None, [place.text("PostcodeCode"), place.text("CityName")])),
            place.text("CountryID"),
        ),
    )


def _line_in_tree(line: Node) -> tuple[Line, str | None, str | None]:
    """Return a line, its id and that of the line above it."""
    document = line.first("AssociatedDocumentLineDocument")
    code = document.text("LineStatusReasonCode") or DETAIL
    return Line(_line(line), code.upper()), document.text("LineID"), document.text("ParentLineID")


def _line(line: Node) -> LineItem:
    product = line.first("SpecifiedTradeProduct")
    agreement = line.first("SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement")
    delivery = line.first("SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery")
    settlement = line.first("SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
    quantity = delivery.first("BilledQuantity")
    amount = settlement.number(
        "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
        "SpecifiedTradeSettlementMonetarySummation/LineTotalAmount",
    )
    price, base = price_of(
        agreement.first("NetPriceProductTradePrice", "GrossPriceProductTradePrice"),
        quantity.number(),
        amount,
    )
    return LineItem(
        description=product.text("Name", "Description"),
        item_code=product.text("SellerAssignedID", "GlobalID", "BuyerAssignedID"),
        hs_code=hs_code(product.all("DesignatedProductClassification/ClassCode")),
        batch=product.text("IndividualTradeProductInstance/BatchID"),
        serial_number=line.text("AssociatedDocumentLineDocument/LineID"),
        quantity=quantity.number(),
        unit=quantity.attribute("unitCode"),
        unit_price=price,
        price_base_quantity=base,
        discount=_reduction(settlement),
        tax_rate=settlement.number(
            "ApplicableTradeTax/RateApplicablePercent", "ApplicableTradeTax/ApplicablePercent"
        ),
        amount=amount,
    )


def _reduction(settlement: Node) -> Decimal | None:
    """Return the line's allowances less its charges."""
    return total(
        [
            -amount if change.truth("ChargeIndicator/Indicator") else amount
            for change in settlement.all("SpecifiedTradeAllowanceCharge")
            if (amount := change.number("ActualAmount")) is not None
        ]
    )
