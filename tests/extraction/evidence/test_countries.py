"""Invoices as sixteen countries print them: what is right is proven, what is wrong is not."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from extraction.evidence.proof import prove
from extraction.invoices.schema import InvoiceFields
from tests.extraction.evidence.pages import page_of

# Currency, and the labels of number, date, due date, customer, net amount, tax and total.
COUNTRIES = {
    "en_US": "USD|Invoice #|Date|Due Date|Bill To|Subtotal|Tax|Total",
    "en_GB": "GBP|Invoice No.|Invoice date|Due date|Bill to|Net total|VAT|Total",
    "en_IN": "INR|Invoice No|Invoice Date|Due Date|Buyer|Taxable Value|GST|Grand Total",
    "de_DE": "EUR|Rechnungsnummer|Rechnungsdatum|Fällig am|Kunde|Nettobetrag|USt.|Gesamtbetrag",
    "de_CH": "CHF|Rechnungs-Nr.|Datum|Zahlbar bis|Kunde|Zwischensumme|MWST|Total",
    "fr_FR": "EUR|Facture n°|Date de facture|Date d'échéance|Client|Total HT|TVA|Total TTC",
    "es_ES": "EUR|Nº de factura|Fecha|Vencimiento|Cliente|Base imponible|IVA|Total",
    "it_IT": "EUR|Numero fattura|Data|Scadenza|Cliente|Imponibile|IVA|Totale",
    "pl_PL": "PLN|Faktura nr|Data wystawienia|Termin płatności|Nabywca|Netto|VAT|Razem",
    "nl_NL": "EUR|Factuurnummer|Factuurdatum|Vervaldatum|Klant|Totaal excl. btw|BTW|Totaal",
    "sv_SE": "SEK|Fakturanr|Fakturadatum|Förfallodatum|Kund|Netto|Moms|Att betala",
    "da_DK": "DKK|Fakturanr.|Dato|Forfaldsdato|Kunde|Subtotal|Moms|Total",
    "pt_BR": "BRL|Número|Data de emissão|Vencimento|Destinatário|Subtotal|Impostos|Valor total",
    "hu_HU": "HUF|Számlaszám|Kelt|Fizetési határidő|Vevő|Nettó|ÁFA|Összesen",
    "cs_CZ": "CZK|Číslo faktury|Datum vystavení|Datum splatnosti|Odběratel|Základ|DPH|Celkem",
    "ja_JP": "JPY|請求書番号|発行日|支払期限|御中|小計|消費税|合計",
}


def printed(locale: str, seed: int) -> tuple[str, dict[str, Any]]:
    """Return a page in the notation of a country, and what it says."""
    random = Random(f"{locale} {seed}")
    currency, number, issued, due, customer, net, tax, total = COUNTRIES[locale].split("|")
    cent = Decimal(1) if currency in ("JPY", "HUF") else Decimal("0.01")
    prices = [(Decimal(random.randint(50, 500_000)) / 100).quantize(cent) for _ in range(3)]
    net_amount = sum(prices, Decimal())
    tax_amount = (net_amount / 5).quantize(cent)
    day, due_day = date(2026, random.randint(1, 6), 17), date(2026, random.randint(7, 12), 28)
    form = ["short", "medium", "long"][seed % 3]

    def amount(value: Decimal) -> str:
        pattern = "#,##0.00" if cent < 1 else "#,##0"
        return format_decimal(value, "#,##,##0.00" if locale == "en_IN" else pattern, locale)

    rows = [f"Artikel {index}       1   {amount(price)}" for index, price in enumerate(prices)]
    page = [
        *("Łódzkie Zakłady Müller S.A.", "VAT CHE-123.456.789", ""),
        f"{number} RE-4711/{seed}       {issued} {format_date(day, form, locale)}",
        *(f"{due} {format_date(due_day, form, locale)}", "", f"{customer}:", "O'Brien & Söhne"),
        *(
            "",
            *rows,
            "",
            f"{net}        {amount(net_amount)}",
            f"{tax} 20%     {amount(tax_amount)}",
        ),
        f"{total}       {format_currency(net_amount + tax_amount, currency, locale=locale)}",
    ]
    fields = {
        "document_type": "invoice",
        "invoice_number": f"RE-4711/{seed}",
        "invoice_date": day,
        "due_date": due_day,
        "currency": currency,
        "supplier": {"name": "Łódzkie Zakłady Müller S.A.", "tax_id": "CHE-123.456.789"},
        "customer": {"name": "O'Brien & Söhne"},
        "line_items": [
            {"description": f"Artikel {index}", "amount": price}
            for index, price in enumerate(prices)
        ],
        "taxable_amount": net_amount,
        "tax_total": tax_amount,
        "total_amount": net_amount + tax_amount,
    }
    return "\n".join(page), InvoiceFields.model_validate(fields).model_dump(mode="json")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("locale", COUNTRIES)
def test_a_right_reading_is_proven(locale: str, seed: int) -> None:
    page, fields = printed(locale, seed)

    assert prove(fields, [page_of(page)])["doubts"] == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("locale", COUNTRIES)
def test_a_wrong_reading_is_not(locale: str, seed: int) -> None:
    page, fields = printed(locale, seed)
    wrong = {
        "invoice_number": f"RE-4712/{seed}",
        "invoice_date": fields["invoice_date"].replace("-17", "-18"),
        "due_date": fields["due_date"].replace("2026", "2027"),
        "currency": "THB",
        "supplier": {"name": "Łódzkie Zakłady Miller S.A.", "tax_id": "CHE-123.456.789"},
        "total_amount": str(Decimal(fields["total_amount"]) + 10),
        "tax_total": str(Decimal(fields["tax_total"]) + 1),
    }
    for name, value in wrong.items():
        doubts = prove(fields | {name: value}, [page_of(page)])["doubts"]
        assert any(doubt["path"].startswith(name) for doubt in doubts), name


@pytest.mark.parametrize("locale", COUNTRIES)
def test_exchanged_parties_are_noticed(locale: str) -> None:
    page, fields = printed(locale, 0)
    swapped = {"supplier": fields["customer"], "customer": fields["supplier"]}

    doubts = prove(fields | swapped, [page_of(page)])["doubts"]

    assert "swapped" in [doubt["code"] for doubt in doubts]
