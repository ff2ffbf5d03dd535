"""Labels in the languages that the offline reader does not read: enough to compare by.

Spanish, Italian, Portuguese, Polish, Swedish, Danish, Norwegian, Finnish, Hungarian, Czech and
Japanese.
"""

from extraction.readers.text.labels import whole_words

DATE = whole_words(
    *("fecha(?: de (?:emisión|la factura|factura|expedición))?", "data(?: (?:fattura|emissione))?"),
    *("data de emissão", "data wystawienia", "fakturadatum", "(?:faktura)?dato", "laskun päivä"),
    *("kelt", "számla kelte", "datum vystavení", "発行日", "請求日"),
)
DUE_DATE = whole_words(
    *("(?:fecha de )?vencimiento", "(?:data )?scadenza", "(?:data de )?vencimento"),
    *("termin płatności", "förfallodatum", "forfaldsdato", "forfallsdato", "eräpäivä"),
    *("(?:fizetési )?határidő", "(?:datum )?splatnosti?", "支払期限", "お支払期限"),
)
TOTAL = (
    whole_words(
        *("total factura", "importe total", "totale (?:fattura|documento)", "valor total"),
        *("do zapłaty", "att betala", "at betale", "å betale", "yhteensä", "fizetendő(?: összeg)?"),
        *("celkem(?: k úhradě)?", "ご請求金額", "請求金額"),
    ),
    whole_words("totale", "razem", "summa", "összesen", "合計"),
)
TAXABLE = (
    whole_words(
        *(
            "base imponible",
            "imponibile",
            "wartość netto",
            "nettó",
            "základ(?: daně)?",
            "小計",
        ),
        "exkl\\.? moms",
    ),
)
