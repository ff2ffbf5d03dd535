"""Labels in the languages that the offline reader does not read: enough to compare by.

Spanish, Italian, Portuguese, Polish, Swedish, Danish, Norwegian, Finnish, Hungarian, Czech and
Japanese.
"""

import re


def _any(*words: str) -> re.Pattern[str]:
    joined = "|".join(word.replace(" ", r"\s+") for word in words)
    return re.compile(rf"(?<![^\W_])(?:{joined})(?![^\W_])", re.IGNORECASE)


DATE = _any(
    *("fecha(?: de (?:emisión|la factura|factura|expedición))?", "data(?: (?:fattura|emissione))?"),
    *("data de emissão", "data wystawienia", "fakturadatum", "(?:faktura)?dato", "laskun päivä"),
    *("kelt", "számla kelte", "datum vystavení", "発行日", "請求日"),
)
DUE_DATE = _any(
    *("(?:fecha de )?vencimiento", "(?:data )?scadenza", "(?:data de )?vencimento"),
    *("termin płatności", "förfallodatum", "forfaldsdato", "forfallsdato", "eräpäivä"),
    *("(?:fizetési )?határidő", "(?:datum )?splatnosti?", "支払期限", "お支払期限"),
)
TOTAL = (
    _any(
        *("total factura", "importe total", "totale (?:fattura|documento)", "valor total"),
        *("do zapłaty", "att betala", "at betale", "å betale", "yhteensä", "fizetendő(?: összeg)?"),
        *("celkem(?: k úhradě)?", "ご請求金額", "請求金額"),
    ),
    _any("totale", "razem", "summa", "összesen", "合計"),
)
TAXABLE = (
    _any(
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
