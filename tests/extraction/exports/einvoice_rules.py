"""Rules of EN 16931-1, 6.4, as tests apply them to UBL: an independent reading of the standard.

They are those that concern what our e-invoices state. Tolerances are those of CEN's artefacts.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from lxml import etree

NS = {
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
}
PARTY = "cac:Accounting{}Party/cac:Party"
REQUIRED = {
    "BR-01": "cbc:CustomizationID",
    "BR-02": "cbc:ID",
    "BR-03": "cbc:IssueDate",
    "BR-04": "cbc:InvoiceTypeCode|cbc:CreditNoteTypeCode",
    "BR-05": "cbc:DocumentCurrencyCode",
    "BR-06": f"{PARTY.format('Supplier')}/cac:PartyLegalEntity/cbc:RegistrationName",
    "BR-07": f"{PARTY.format('Customer')}/cac:PartyLegalEntity/cbc:RegistrationName",
    "BR-09": f"{PARTY.format('Supplier')}/cac:PostalAddress/cac:Country/cbc:IdentificationCode",
    "BR-11": f"{PARTY.format('Customer')}/cac:PostalAddress/cac:Country/cbc:IdentificationCode",
    "BR-12": "cac:LegalMonetaryTotal/cbc:LineExtensionAmount",
    "BR-13": "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount",
    "BR-14": "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount",
    "BR-15": "cac:LegalMonetaryTotal/cbc:PayableAmount",
    "BR-16": "cac:InvoiceLine|cac:CreditNoteLine",
    "BR-CO-18": "cac:TaxTotal/cac:TaxSubtotal",
}
OF_LINE = {
    "BR-21": "cbc:ID",
    "BR-22": "cbc:InvoicedQuantity|cbc:CreditedQuantity",
    "BR-23": "cbc:InvoicedQuantity/@unitCode|cbc:CreditedQuantity/@unitCode",
    "BR-24": "cbc:LineExtensionAmount",
    "BR-25": "cac:Item/cbc:Name",
    "BR-26": "cac:Price/cbc:PriceAmount",
    "BR-CO-04": "cac:Item/cac:ClassifiedTaxCategory/cbc:ID",
}
OF_TAX = {
    "BR-45": "cbc:TaxableAmount",
    "BR-46": "cbc:TaxAmount",
    "BR-47": "cac:TaxCategory/cbc:ID",
    "BR-48": "cac:TaxCategory/cbc:Percent",
}


class Element:
    """An element with XPath and the numbers below it."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element

    def texts(self, path: str) -> list[str]:
        """The texts and attributes at a path that are not blank."""
        found = self.element.xpath(path, namespaces=NS)
        assert isinstance(found, list)
        texts = [
            "".join(map(str, each.itertext())) if isinstance(each, etree._Element) else str(each)
            for each in found
        ]
        return [text.strip() for text in texts if text.strip()]

    def all(self, path: str) -> list["Element"]:
        """The elements at a path."""
        found = self.element.xpath(path, namespaces=NS)
        assert isinstance(found, list)
        return [Element(each) for each in found if isinstance(each, etree._Element)]

    def sum(self, path: str) -> Decimal:
        """The sum of the numbers at a path, 0 for none."""
        return sum((Decimal(text) for text in self.texts(path)), Decimal())


def broken_rules(xml: bytes) -> list[str]:
    """The rules that a document breaks, each once."""
    return sorted(set(_broken(Element(etree.fromstring(xml)))))


def _broken(root: Element) -> Iterator[str]:
    yield from (rule for rule, path in REQUIRED.items() if not root.texts(path))
    lines = root.all("cac:InvoiceLine|cac:CreditNoteLine")
    for line in lines:
        yield from (rule for rule, path in OF_LINE.items() if not line.texts(path))
        if line.sum("cac:Price/cbc:PriceAmount") < 0:
            yield "BR-27"
    taxes = root.all("cac:TaxTotal/cac:TaxSubtotal")
    for tax in taxes:
        yield from (rule for rule, path in OF_TAX.items() if not tax.texts(path))
    yield from _of_sums(root)
    yield from _of_taxes(root, taxes)
    yield from _of_parties(root)
    yield from _of_adjustments(root)
    if root.sum("cac:LegalMonetaryTotal/cbc:PayableAmount") > 0 and not root.texts(
        "cbc:DueDate|cac:PaymentMeans/cbc:PaymentDueDate|cac:PaymentTerms/cbc:Note"
    ):
        yield "BR-CO-25"
    if root.all("cac:PaymentMeans") and not root.texts("cac:PaymentMeans/cbc:PaymentMeansCode"):
        yield "BR-49"
    amounts = root.texts("//cbc:*[@currencyID][not(self::cbc:PriceAmount)]")
    if any(len(amount.partition(".")[2]) > 2 for amount in amounts):
        yield "BR-DEC"
    if set(root.texts("//@currencyID")) != set(root.texts("cbc:DocumentCurrencyCode")):
        yield "BR-05"


def _of_sums(root: Element) -> Iterator[str]:
    totals = root.all("cac:LegalMonetaryTotal")[0]
    net, gross = totals.sum("cbc:TaxExclusiveAmount"), totals.sum("cbc:TaxInclusiveAmount")
    allowances = "cac:AllowanceCharge[cbc:ChargeIndicator='{}']/cbc:Amount"
    sums = {
        "BR-CO-10": (
            totals.sum("cbc:LineExtensionAmount"),
            root.sum("cac:InvoiceLine/cbc:LineExtensionAmount")
            + root.sum("cac:CreditNoteLine/cbc:LineExtensionAmount"),
        ),
        "BR-CO-11": (totals.sum("cbc:AllowanceTotalAmount"), root.sum(allowances.format("false"))),
        "BR-CO-12": (totals.sum("cbc:ChargeTotalAmount"), root.sum(allowances.format("true"))),
        "BR-CO-13": (
            net,
            totals.sum("cbc:LineExtensionAmount")
            - totals.sum("cbc:AllowanceTotalAmount")
            + totals.sum("cbc:ChargeTotalAmount"),
        ),
        "BR-CO-14": (
            root.sum("cac:TaxTotal/cbc:TaxAmount"),
            root.sum("cac:TaxTotal/cac:TaxSubtotal/cbc:TaxAmount"),
        ),
        "BR-CO-15": (gross, net + root.sum("cac:TaxTotal/cbc:TaxAmount")),
        "BR-CO-16": (
            totals.sum("cbc:PayableAmount"),
            gross - totals.sum("cbc:PrepaidAmount") + totals.sum("cbc:PayableRoundingAmount"),
        ),
    }
    yield from (rule for rule, (stated, computed) in sums.items() if stated != computed)


def _of_taxes(root: Element, taxes: list[Element]) -> Iterator[str]:
    for tax in taxes:
        rate = tax.sum("cac:TaxCategory/cbc:Percent")
        taxable = tax.sum("cbc:TaxableAmount")
        if abs(tax.sum("cbc:TaxAmount") - taxable * rate / 100) >= 1:
            yield "BR-CO-17"
        at_rate = f"[.//cbc:Percent={rate}]"
        expected = (
            root.sum(f"cac:InvoiceLine{at_rate}/cbc:LineExtensionAmount")
            + root.sum(f"cac:CreditNoteLine{at_rate}/cbc:LineExtensionAmount")
            - root.sum(f"cac:AllowanceCharge{at_rate}[cbc:ChargeIndicator='false']/cbc:Amount")
            + root.sum(f"cac:AllowanceCharge{at_rate}[cbc:ChargeIndicator='true']/cbc:Amount")
        )
        if abs(taxable - expected) >= 1:
            yield "BR-S-08"
    of_lines = root.texts("//cac:ClassifiedTaxCategory/cbc:Percent")
    of_taxes = root.texts("cac:TaxTotal//cbc:Percent")
    if {*map(Decimal, of_lines)} - {*map(Decimal, of_taxes)}:
        yield "BR-S-01"
    if any(Decimal(rate) <= 0 for rate in root.texts("//cbc:Percent")):
        yield "BR-S-05"


def _of_parties(root: Element) -> Iterator[str]:
    seller = root.all(PARTY.format("Supplier"))[0]
    vat = "cac:PartyTaxScheme[cac:TaxScheme/cbc:ID='VAT']/cbc:CompanyID"
    if not seller.texts(f"cac:PartyIdentification/cbc:ID|{vat}"):
        yield "BR-CO-26"
    if not seller.texts("cac:PartyTaxScheme/cbc:CompanyID"):
        yield "BR-S-02"
    if not all(re.match(r"[A-Z]{2}", number) for number in root.texts(f"//{vat}")):
        yield "BR-CO-09"


def _of_adjustments(root: Element) -> Iterator[str]:
    for adjustment in root.all("cac:AllowanceCharge"):
        if not adjustment.texts("cac:TaxCategory/cbc:ID"):
            yield "BR-32"
    for adjustment in root.all("//cac:AllowanceCharge"):
        if not adjustment.texts("cbc:AllowanceChargeReason"):
            yield "BR-33"
