"""Small e-invoices for tests, and the PDFs that carry them."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

CII = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:rsm" xmlns:ram="urn:ram" xmlns:udt="urn:udt">
 <rsm:ExchangedDocument>
  <ram:ID>RE-17</ram:ID><ram:TypeCode>{code}</ram:TypeCode>
  <ram:IssueDateTime><udt:DateTimeString format="102">20260305</udt:DateTimeString></ram:IssueDateTime>
 </rsm:ExchangedDocument>
 <rsm:SupplyChainTradeTransaction>
  <ram:IncludedSupplyChainTradeLineItem>
   <ram:AssociatedDocumentLineDocument><ram:LineID>1</ram:LineID></ram:AssociatedDocumentLineDocument>
   <ram:SpecifiedTradeProduct>
    <ram:GlobalID>4012345001235</ram:GlobalID><ram:SellerAssignedID>TB100</ram:SellerAssignedID>
    <ram:Name>Trennblätter
      A4</ram:Name>
    <ram:DesignatedProductClassification><ram:ClassCode listID="CV">99</ram:ClassCode></ram:DesignatedProductClassification>
    <ram:DesignatedProductClassification><ram:ClassCode listID="HS">4820.10</ram:ClassCode></ram:DesignatedProductClassification>
    <ram:IndividualTradeProductInstance><ram:BatchID>LOT7</ram:BatchID></ram:IndividualTradeProductInstance>
   </ram:SpecifiedTradeProduct>
   <ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>
    <ram:ChargeAmount>30.00</ram:ChargeAmount><ram:BasisQuantity>3</ram:BasisQuantity>
   </ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>
   <ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="C62">6</ram:BilledQuantity></ram:SpecifiedLineTradeDelivery>
   <ram:SpecifiedLineTradeSettlement>
    <ram:ApplicableTradeTax><ram:RateApplicablePercent>19.00</ram:RateApplicablePercent></ram:ApplicableTradeTax>
    <ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>false</udt:Indicator></ram:ChargeIndicator><ram:ActualAmount>5.00</ram:ActualAmount></ram:SpecifiedTradeAllowanceCharge>
    <ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>true</udt:Indicator></ram:ChargeIndicator><ram:ActualAmount>2.00</ram:ActualAmount></ram:SpecifiedTradeAllowanceCharge>
    <ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>57.00</ram:LineTotalAmount></ram:SpecifiedTradeSettlementLineMonetarySummation>
   </ram:SpecifiedLineTradeSettlement>
  </ram:IncludedSupplyChainTradeLineItem>
  <ram:IncludedSupplyChainTradeLineItem>
   <ram:AssociatedDocumentLineDocument><ram:IncludedNote><ram:Content>a note</ram:Content></ram:IncludedNote></ram:AssociatedDocumentLineDocument>
  </ram:IncludedSupplyChainTradeLineItem>
  <ram:ApplicableHeaderTradeAgreement>
   <ram:SellerTradeParty>
    <ram:Name>Lieferant GmbH</ram:Name>
    <ram:PostalTradeAddress><ram:PostcodeCode>80333</ram:PostcodeCode><ram:LineOne>Lieferantenstraße 20</ram:LineOne><ram:CityName>München</ram:CityName><ram:CountryID>DE</ram:CountryID></ram:PostalTradeAddress>
    <ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">201/113/40209</ram:ID></ram:SpecifiedTaxRegistration>
    <ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">DE123456789</ram:ID></ram:SpecifiedTaxRegistration>
   </ram:SellerTradeParty>
   <ram:BuyerTradeParty><ram:Name>Kunden AG Mitte</ram:Name></ram:BuyerTradeParty>
   <ram:BuyerOrderReferencedDocument><ram:IssuerAssignedID>PO-9</ram:IssuerAssignedID></ram:BuyerOrderReferencedDocument>
  </ram:ApplicableHeaderTradeAgreement>
  <ram:ApplicableHeaderTradeDelivery>
   <ram:DespatchAdviceReferencedDocument><ram:IssuerAssignedID>LS-3</ram:IssuerAssignedID></ram:DespatchAdviceReferencedDocument>
  </ram:ApplicableHeaderTradeDelivery>
  <ram:ApplicableHeaderTradeSettlement>
   <ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
   <ram:ApplicableTradeTax><ram:CalculatedAmount>10.83</ram:CalculatedAmount><ram:BasisAmount>57.00</ram:BasisAmount><ram:RateApplicablePercent>19.00</ram:RateApplicablePercent></ram:ApplicableTradeTax>
   <ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime><udt:DateTimeString format="102">20260404</udt:DateTimeString></ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms>
   <ram:SpecifiedTradeSettlementHeaderMonetarySummation>
    <ram:LineTotalAmount>57.00</ram:LineTotalAmount><ram:ChargeTotalAmount>0.00</ram:ChargeTotalAmount>
    <ram:AllowanceTotalAmount>0.00</ram:AllowanceTotalAmount><ram:TaxBasisTotalAmount>57.00</ram:TaxBasisTotalAmount>
    <ram:TaxTotalAmount currencyID="PLN">46.57</ram:TaxTotalAmount><ram:TaxTotalAmount currencyID="EUR">10.83</ram:TaxTotalAmount>
    <ram:GrandTotalAmount>{total}</ram:GrandTotalAmount><ram:DuePayableAmount>67.83</ram:DuePayableAmount>
   </ram:SpecifiedTradeSettlementHeaderMonetarySummation>
  </ram:ApplicableHeaderTradeSettlement>
 </rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>
"""

UBL = """<?xml version="1.0" encoding="UTF-8"?>
<{root} xmlns="urn:{root}" xmlns:cac="urn:cac" xmlns:cbc="urn:cbc">
 <cbc:ID>INV/8</cbc:ID><cbc:IssueDate>2026-03-20</cbc:IssueDate><cbc:DueDate>2026-04-04</cbc:DueDate>
 <cbc:{root}TypeCode>380</cbc:{root}TypeCode><cbc:DocumentCurrencyCode>USD</cbc:DocumentCurrencyCode>
 <cac:OrderReference><cbc:ID>PO-1</cbc:ID></cac:OrderReference>
 <cac:DespatchDocumentReference><cbc:ID>DN-2</cbc:ID></cac:DespatchDocumentReference>
 <cac:AccountingSupplierParty><cac:Party>
  <cac:PartyName><cbc:Name>Azure</cbc:Name></cac:PartyName>
  <cac:PostalAddress><cbc:StreetName>4557 De Silva St</cbc:StreetName><cbc:CityName>Fremont</cbc:CityName><cbc:PostalZone>94538</cbc:PostalZone><cac:Country><cbc:IdentificationCode>US</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
  <cac:PartyTaxScheme><cbc:CompanyID>L-1</cbc:CompanyID><cac:TaxScheme><cbc:ID>LOC</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
  <cac:PartyTaxScheme><cbc:CompanyID>US123</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
  <cac:PartyLegalEntity><cbc:RegistrationName>Azure Interior</cbc:RegistrationName></cac:PartyLegalEntity>
 </cac:Party></cac:AccountingSupplierParty>
 <cac:AccountingCustomerParty><cac:Party><cac:PartyName><cbc:Name>Mitchell Admin</cbc:Name></cac:PartyName></cac:Party></cac:AccountingCustomerParty>
 <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">14.00</cbc:TaxAmount></cac:TaxTotal>
 <cac:TaxTotal><cbc:TaxAmount currencyID="USD">16.80</cbc:TaxAmount>
  <cac:TaxSubtotal><cbc:TaxableAmount>112.00</cbc:TaxableAmount><cbc:TaxAmount>16.80</cbc:TaxAmount><cac:TaxCategory><cbc:Percent>15.0</cbc:Percent></cac:TaxCategory></cac:TaxSubtotal>
 </cac:TaxTotal>
 <cac:LegalMonetaryTotal><cbc:LineExtensionAmount>115.00</cbc:LineExtensionAmount><cbc:TaxExclusiveAmount>112.00</cbc:TaxExclusiveAmount><cbc:TaxInclusiveAmount>128.80</cbc:TaxInclusiveAmount><cbc:AllowanceTotalAmount>5.00</cbc:AllowanceTotalAmount><cbc:ChargeTotalAmount>2.00</cbc:ChargeTotalAmount><cbc:PayableAmount>100.00</cbc:PayableAmount></cac:LegalMonetaryTotal>
 <cac:{root}Line><cbc:ID>1</cbc:ID><cbc:{quantity} unitCode="KGM">2</cbc:{quantity}><cbc:LineExtensionAmount>115.00</cbc:LineExtensionAmount>
  <cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator><cbc:Amount>6.00</cbc:Amount></cac:AllowanceCharge>
  <cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator><cbc:Amount>1.00</cbc:Amount></cac:AllowanceCharge>
  <cac:Item><cbc:Name>Beeswax XL</cbc:Name><cac:SellersItemIdentification><cbc:ID>BW</cbc:ID></cac:SellersItemIdentification>
   <cac:CommodityClassification><cbc:ItemClassificationCode listID="STI">1</cbc:ItemClassificationCode></cac:CommodityClassification>
   <cac:CommodityClassification><cbc:ItemClassificationCode listID="HS">1521.90</cbc:ItemClassificationCode></cac:CommodityClassification>
   <cac:ClassifiedTaxCategory><cbc:Percent>15.0</cbc:Percent></cac:ClassifiedTaxCategory>
   <cac:ItemInstance><cac:LotIdentification><cbc:LotNumberID>L1</cbc:LotNumberID></cac:LotIdentification></cac:ItemInstance></cac:Item>
  <cac:Price><cbc:PriceAmount>60.00</cbc:PriceAmount><cbc:BaseQuantity>0</cbc:BaseQuantity></cac:Price>
 </cac:{root}Line>
</{root}>
"""


def cii(code: str = "380", total: str = "67.83") -> bytes:
    """Return a CII invoice over 67.83 EUR."""
    return CII.format(code=code, total=total).encode()


def ubl(root: str = "Invoice") -> bytes:
    """Return a UBL invoice, or credit note, over 128.80 USD."""
    quantity = {"Invoice": "InvoicedQuantity", "CreditNote": "CreditedQuantity"}[root]
    return UBL.format(root=root, quantity=quantity).encode()


def pdf(folder: Path, text: str = "", attachments: Mapping[str, bytes] | None = None) -> Path:
    """Write a one-page PDF of fixed-width text with attachments; no text is a blank page."""
    drawn = BytesIO()
    canvas = Canvas(drawn, pagesize=A4, invariant=True)
    page = canvas.beginText(40, 800)
    page.setFont("Courier", 8)
    page.textLines(text, trim=0)
    canvas.drawText(page)
    canvas.showPage()
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(drawn))
    for name, content in (attachments or {}).items():
        writer.add_attachment(name, content)
    path = folder / "document.pdf"
    writer.write(path)
    return path
