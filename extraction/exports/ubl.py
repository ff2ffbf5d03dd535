"""UBL 2.1 Invoice or CreditNote, as EN 16931 binds it to its terms (CEN/TS 16931-3-2)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from extraction.exports.en16931 import Adjustment, Tax, TradeDocument, trade_document
from extraction.exports.en16931_lines import TradeLine
from extraction.exports.parties import TradeParty
from extraction.exports.refusal import CENT
from extraction.invoices.schema import InvoiceFields

SPECIFICATION: Final = "urn:cen.eu:en16931:2017"

_OASIS = "urn:oasis:names:specification:ubl:schema:xsd:"
_CBC = f"{{{_OASIS}CommonBasicComponents-2}}"
_CAC = f"{{{_OASIS}CommonAggregateComponents-2}}"
# UNTDID 1001.
_INVOICE, _CREDIT_NOTE = "380", "381"
# UNTDID 4461: credit transfer, and "instrument not defined".
_TRANSFER, _UNDEFINED = "30", "1"
_STANDARD_RATE = "S"  # UNTDID 5305


def ubl(fields: InvoiceFields) -> bytes:
    """Return the invoice as an XML document in UTF-8.

    Raises ExportRefused for one that lacks what EN 16931 demands.
    """
    document = trade_document(fields)
    kind = "CreditNote" if document.is_credit_note else "Invoice"
    own = f"{_OASIS}{kind}-2"
    # lxml's types know no default namespace.
    names: dict[Any, str] = {None: own, "cac": _CAC[1:-1], "cbc": _CBC[1:-1]}
    root = etree.Element(f"{{{own}}}{kind}", nsmap=names)
    _header(root, document)
    _party(_part(root, "AccountingSupplierParty"), document.supplier, is_seller=True)
    _party(_part(root, "AccountingCustomerParty"), document.customer, is_seller=False)
    _payment(root, document)
    for adjustment in document.adjustments:
        _adjustment(root, adjustment, document.currency)
    _taxes(root, document)
    _totals(root, document)
    for line in document.lines:
        _line(root, line, document)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _part(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{_CAC}{name}")


def _text(
    parent: etree._Element,
    name: str,
    text: str | None,
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Add a value, unless there is none."""
    if text is not None:
        etree.SubElement(parent, f"{_CBC}{name}", dict(attributes or {})).text = text


def _amount(parent: etree._Element, name: str, amount: Decimal, currency: str) -> None:
    _text(parent, name, f"{amount.quantize(CENT):f}", {"currencyID": currency})


def _header(root: etree._Element, document: TradeDocument) -> None:
    credit = document.is_credit_note
    _text(root, "CustomizationID", SPECIFICATION)
    _text(root, "ID", document.number)
    _text(root, "IssueDate", document.day.isoformat())
    if document.due_date and not credit:  # a credit note names it with the means of payment
        _text(root, "DueDate", document.due_date.isoformat())
    if credit:
        _text(root, "CreditNoteTypeCode", _CREDIT_NOTE)
    else:
        _text(root, "InvoiceTypeCode", _INVOICE)
    _text(root, "DocumentCurrencyCode", document.currency)
    for name, number in (
        ("OrderReference", document.order_number),
        ("DespatchDocumentReference", document.delivery_note_number),
    ):
        if number:
            _text(_part(root, name), "ID", number)


def _party(parent: etree._Element, party: TradeParty, *, is_seller: bool) -> None:
    element = _part(parent, "Party")
    if party.other_id:  # a seller without VAT identifier needs another one (BR-CO-26)
        _text(_part(element, "PartyIdentification"), "ID", party.other_id)
    _address(_part(element, "PostalAddress"), party)
    if party.vat_id:
        _registration(element, party.vat_id, "VAT")
    elif party.other_id and is_seller:
        _registration(element, party.other_id, "FC")
    _text(_part(element, "PartyLegalEntity"), "RegistrationName", party.name)


def _registration(party: etree._Element, number: str, scheme: str) -> None:
    """VAT identifier (BT-31, BT-48) or tax registration (BT-32) of a party."""
    registration = _part(party, "PartyTaxScheme")
    _text(registration, "CompanyID", number)
    _text(_part(registration, "TaxScheme"), "ID", scheme)


def _address(address: etree._Element, party: TradeParty) -> None:
    first, second, third = [*party.lines, None, None, None][:3]
    _text(address, "StreetName", first)
    _text(address, "AdditionalStreetName", second)
    _text(address, "CityName", party.city)
    _text(address, "PostalZone", party.post_code)
    if third:
        _text(_part(address, "AddressLine"), "Line", third)
    _text(_part(address, "Country"), "IdentificationCode", party.country)


def _payment(root: etree._Element, document: TradeDocument) -> None:
    due_here = document.due_date if document.is_credit_note else None
    if document.iban or due_here:
        means = _part(root, "PaymentMeans")
        _text(means, "PaymentMeansCode", _TRANSFER if document.iban else _UNDEFINED)
        _text(means, "PaymentDueDate", due_here.isoformat() if due_here else None)
        if document.iban:
            _text(_part(means, "PayeeFinancialAccount"), "ID", document.iban)
    if document.terms:
        _text(_part(root, "PaymentTerms"), "Note", document.terms)


def _adjustment(root: etree._Element, adjustment: Adjustment, currency: str) -> None:
    element = _part(root, "AllowanceCharge")
    _text(element, "ChargeIndicator", str(adjustment.is_charge).lower())
    reason = "Charge" if adjustment.is_charge else "Discount"
    _text(element, "AllowanceChargeReason", reason)
    _amount(element, "Amount", adjustment.amount, currency)
    _category(_part(element, "TaxCategory"), adjustment.rate)


def _taxes(root: etree._Element, document: TradeDocument) -> None:
    element = _part(root, "TaxTotal")
    _amount(element, "TaxAmount", document.totals.tax, document.currency)
    for tax in document.taxes:
        _tax(_part(element, "TaxSubtotal"), tax, document.currency)


def _tax(element: etree._Element, tax: Tax, currency: str) -> None:
    _amount(element, "TaxableAmount", tax.taxable, currency)
    _amount(element, "TaxAmount", tax.amount, currency)
    _category(_part(element, "TaxCategory"), tax.rate)


def _category(element: etree._Element, rate: Decimal) -> None:
    _text(element, "ID", _STANDARD_RATE)
    _text(element, "Percent", f"{rate:f}")
    _text(_part(element, "TaxScheme"), "ID", "VAT")


def _totals(root: etree._Element, document: TradeDocument) -> None:
    totals = document.totals
    element = _part(root, "LegalMonetaryTotal")
    for name, amount, is_required in (
        ("LineExtensionAmount", totals.lines, True),
        ("TaxExclusiveAmount", totals.net, True),
        ("TaxInclusiveAmount", totals.gross, True),
        ("AllowanceTotalAmount", totals.discount, False),
        ("ChargeTotalAmount", totals.charge, False),
        ("PrepaidAmount", totals.prepaid, False),
        ("PayableRoundingAmount", totals.rounding, False),
        ("PayableAmount", totals.due, True),
    ):
        if amount or is_required:
            _amount(element, name, amount, document.currency)


def _line(root: etree._Element, line: TradeLine, document: TradeDocument) -> None:
    credit, currency = document.is_credit_note, document.currency
    element = _part(root, "CreditNoteLine" if credit else "InvoiceLine")
    _text(element, "ID", line.id)
    quantity = "CreditedQuantity" if credit else "InvoicedQuantity"
    _text(element, quantity, f"{line.quantity:f}", {"unitCode": line.unit})
    _amount(element, "LineExtensionAmount", line.amount, currency)
    if line.allowance:
        change = _part(element, "AllowanceCharge")
        _text(change, "ChargeIndicator", str(line.allowance < 0).lower())
        _text(change, "AllowanceChargeReason", "Charge" if line.allowance < 0 else "Discount")
        _amount(change, "Amount", abs(line.allowance), currency)
    _item(_part(element, "Item"), line)
    price = _part(element, "Price")
    _text(price, "PriceAmount", f"{line.price:f}", {"currencyID": currency})
    if line.base != 1:
        _text(price, "BaseQuantity", f"{line.base:f}", {"unitCode": line.unit})


def _item(item: etree._Element, line: TradeLine) -> None:
    _text(item, "Name", line.name)
    if line.item_code:
        _text(_part(item, "SellersItemIdentification"), "ID", line.item_code)
    if line.hs_code:
        codes = _part(item, "CommodityClassification")
        _text(codes, "ItemClassificationCode", line.hs_code, {"listID": "HS"})
    _category(_part(item, "ClassifiedTaxCategory"), line.rate)
