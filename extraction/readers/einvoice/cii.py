"""UN/CEFACT Cross Industry Invoice (Factur-X, ZUGFeRD 1 and 2, XRechnung) → invoice fields."""

from decimal import Decimal

from extraction.invoices.schema import InvoiceFields, LineItem, Party, TaxLine
from extraction.readers.einvoice.xml import Node, currency, document_type, joined, total, unit_price


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
    money = currency(settlement.text("InvoiceCurrencyCode"))
    total_amount = sums.number("GrandTotalAmount")
    return InvoiceFields(
        document_type=document_type(header.text("TypeCode"), total_amount),
        invoice_number=header.text("ID"),
        invoice_date=header.day("IssueDateTime/DateTimeString"),
        invoice_miti=None,
        due_date=settlement.day("SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString"),
        order_number=agreement.text(
            "BuyerOrderReferencedDocument/IssuerAssignedID", "BuyerOrderReferencedDocument/ID"
        ),
        delivery_note_number=delivery.text(
            "DespatchAdviceReferencedDocument/IssuerAssignedID",
            "DeliveryNoteReferencedDocument/IssuerAssignedID",
            "DeliveryNoteReferencedDocument/ID",
        ),
        transaction_type=None,
        transaction_date=None,
        vehicle_number=None,
        transporter=None,
        pws_number=None,
        currency=money,
        supplier=_party(agreement.first("SellerTradeParty")),
        customer=_party(agreement.first("BuyerTradeParty")),
        line_items=[
            _line(line)
            for line in trade.all("IncludedSupplyChainTradeLineItem")
            # In ZUGFeRD 1 a line without a product is free text.
            if line.first("SpecifiedTradeProduct")
        ],
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
        amount_due=sums.number("DuePayableAmount"),
    )


def _tax_total(sums: Node, money: str | None) -> Decimal | None:
    # The same tax may be stated again in the tax office's currency.
    amounts = sums.all("TaxTotalAmount")
    own = [amount for amount in amounts if amount.attribute("currencyID") in (None, money)]
    return next((amount.number() for amount in own), None)


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


def _line(line: Node) -> LineItem:
    product = line.first("SpecifiedTradeProduct")
    agreement = line.first("SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement")
    delivery = line.first("SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery")
    settlement = line.first("SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
    price = agreement.first("NetPriceProductTradePrice", "GrossPriceProductTradePrice")
    quantity = delivery.first("BilledQuantity")
    amount = settlement.number(
        "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
        "SpecifiedTradeSettlementMonetarySummation/LineTotalAmount",
    )
    return LineItem(
        description=product.text("Name", "Description"),
        item_code=product.text("SellerAssignedID", "GlobalID", "BuyerAssignedID"),
        hs_code=next(
            (
                code.text()
                for code in product.all("DesignatedProductClassification/ClassCode")
                if code.attribute("listID") == "HS"
            ),
            None,
        ),
        batch=product.text("IndividualTradeProductInstance/BatchID"),
        serial_number=line.text("AssociatedDocumentLineDocument/LineID"),
        quantity=quantity.number(),
        unit=quantity.attribute("unitCode"),
        alternate_quantity=None,
        unit_price=unit_price(price, quantity.number(), amount),
        discount=_reduction(settlement),
        mrp=None,
        tax_rate=settlement.number(
            "ApplicableTradeTax/RateApplicablePercent", "ApplicableTradeTax/ApplicablePercent"
        ),
        amount=amount,
        shortage=None,
        breakage=None,
        leakage=None,
    )


def _reduction(settlement: Node) -> Decimal | None:
    """Return the line's allowances less its charges."""
    return total(
        [
            -amount if change.text("ChargeIndicator/Indicator") == "true" else amount
            for change in settlement.all("SpecifiedTradeAllowanceCharge")
            if (amount := change.number("ActualAmount")) is not None
        ]
    )
