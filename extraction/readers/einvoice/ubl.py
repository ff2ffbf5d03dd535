"""OASIS UBL 2 Invoice and CreditNote (XRechnung, Peppol) → invoice fields."""

from decimal import Decimal

from extraction.invoices.schema import InvoiceFields, LineItem, Party, TaxLine
from extraction.readers.einvoice.xml import Node, currency, document_type, joined, total, unit_price

CREDIT_NOTE = "381"


def fields_of_ubl(root: Node, *, credit_note: bool) -> InvoiceFields:
    """Map an Invoice or a CreditNote, some of whose elements have other names."""
    sums = root.first("LegalMonetaryTotal")
    money = currency(root.text("DocumentCurrencyCode"))
    total_amount = sums.number("TaxInclusiveAmount")
    code = CREDIT_NOTE if credit_note else root.text("InvoiceTypeCode")
    tax = _tax_total(root, money)
    return InvoiceFields(
        document_type=document_type(code, total_amount),
        invoice_number=root.text("ID"),
        invoice_date=root.day("IssueDate"),
        invoice_miti=None,
        due_date=root.day("DueDate", "PaymentMeans/PaymentDueDate"),
        order_number=root.text("OrderReference/ID"),
        delivery_note_number=root.text("DespatchDocumentReference/ID"),
        transaction_type=None,
        transaction_date=None,
        vehicle_number=None,
        transporter=None,
        pws_number=None,
        currency=money,
        supplier=_party(root.first("AccountingSupplierParty/Party")),
        customer=_party(root.first("AccountingCustomerParty/Party")),
        line_items=[_line(line) for line in root.all("InvoiceLine") + root.all("CreditNoteLine")],
        tax_breakdown=[
            TaxLine(
                rate=part.number("TaxCategory/Percent", "Percent"),
                taxable_amount=part.number("TaxableAmount"),
                tax_amount=part.number("TaxAmount"),
            )
            for part in tax.all("TaxSubtotal")
        ],
        subtotal=sums.number("LineExtensionAmount"),
        discount_total=sums.number("AllowanceTotalAmount"),
        charge_total=sums.number("ChargeTotalAmount"),
        taxable_amount=sums.number("TaxExclusiveAmount"),
        tax_total=tax.number("TaxAmount"),
        total_amount=total_amount,
        amount_due=sums.number("PayableAmount"),
    )


def _tax_total(root: Node, money: str | None) -> Node:
    # The same tax may be stated again in the tax office's currency.
    totals = root.all("TaxTotal")
    own = (t for t in totals if t.first("TaxAmount").attribute("currencyID") in (None, money))
    return next(own, Node(None))


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


def _line(line: Node) -> LineItem:
    item = line.first("Item")
    quantity = line.first("InvoicedQuantity", "CreditedQuantity")
    amount = line.number("LineExtensionAmount")
    return LineItem(
        description=item.text("Name", "Description"),
        item_code=item.text(
            "SellersItemIdentification/ID",
            "StandardItemIdentification/ID",
            "BuyersItemIdentification/ID",
        ),
        hs_code=next(
            (
                code.text()
                for code in item.all("CommodityClassification/ItemClassificationCode")
                if code.attribute("listID") == "HS"
            ),
            None,
        ),
        batch=item.text("ItemInstance/LotIdentification/LotNumberID"),
        serial_number=line.text("ID"),
        quantity=quantity.number(),
        unit=quantity.attribute("unitCode"),
        alternate_quantity=None,
        unit_price=unit_price(line.first("Price"), quantity.number(), amount),
        discount=_reduction(line),
        mrp=None,
        tax_rate=item.number("ClassifiedTaxCategory/Percent"),
        amount=amount,
        shortage=None,
        breakage=None,
        leakage=None,
    )


def _reduction(line: Node) -> Decimal | None:
    """Return the line's allowances less its charges."""
    return total(
        [
            -amount if change.text("ChargeIndicator") == "true" else amount
            for change in line.all("AllowanceCharge")
            if (amount := change.number("Amount")) is not None
        ]
    )
