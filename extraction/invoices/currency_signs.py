"""Signs and abbreviations of currencies with the ISO 4217 codes that each is used for."""

from collections.abc import Mapping, Set

RUPEES = frozenset({"NPR", "INR", "PKR", "LKR"})

# Signs and abbreviations beside the codes, in lower case. CLDR's English has the signs of one
# country each; the rest are those that invoices print.
SIGNS: Mapping[str, Set[str]] = {
    "€": {"EUR"}, "£": {"GBP"}, "₹": {"INR"}, "₽": {"RUB"}, "₩": {"KRW"}, "₺": {"TRY"},
    "₫": {"VND"}, "₱": {"PHP"}, "₪": {"ILS"}, "฿": {"THB"}, "₴": {"UAH"}, "₦": {"NGN"},
    "₡": {"CRC"}, "₲": {"PYG"}, "₸": {"KZT"}, "₮": {"MNT"}, "₵": {"GHS"}, "₾": {"GEL"},
    "₼": {"AZN"}, "৳": {"BDT"}, "us$": {"USD"}, "ca$": {"CAD"}, "c$": {"CAD"}, "a$": {"AUD"},
    "au$": {"AUD"}, "nz$": {"NZD"}, "hk$": {"HKD"}, "sg$": {"SGD"}, "s$": {"SGD"}, "r$": {"BRL"},
    "mx$": {"MXN"}, "nt$": {"TWD"}, "cn¥": {"CNY"}, "jp¥": {"JPY"}, "円": {"JPY"}, "元": {"CNY"},
    "zł": {"PLN"}, "kč": {"CZK"}, "ft": {"HUF"}, "lei": {"RON"}, "лв": {"BGN"}, "руб": {"RUB"},
    "sfr": {"CHF"}, "fr": {"CHF"}, "नेरू": {"NPR"}, "नेरु": {"NPR"}, "nrs": {"NPR"}, "inrs": {"INR"},
    "¥": {"JPY", "CNY"}, "kr": {"SEK", "NOK", "DKK"}, "rs": RUPEES, "re": RUPEES,
    "₨": RUPEES, "रु": RUPEES, "रू": RUPEES, "rupee": RUPEES, "rupees": RUPEES,
    "$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD"},
}  # fmt: skip
