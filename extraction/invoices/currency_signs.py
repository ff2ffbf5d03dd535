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
    "rmb": {"CNY"}, "ntd": {"TWD"}, "stg": {"GBP"}, "pound sterling": {"GBP"}, "uk£": {"GBP"},
    "₤": {"GBP"}, "rm": {"MYR"}, "rp": {"IDR"}, "dh": {"AED", "MAD"}, "dhs": {"AED", "MAD"},
    "forint": {"HUF"}, "zl": {"PLN"}, "sfr": {"CHF"}, "fr": {"CHF"}, "नेरू": {"NPR"},
    "नेरु": {"NPR"}, "nrs": {"NPR"}, "inrs": {"INR"},
    "¥": {"JPY", "CNY"}, "kr": {"SEK", "NOK", "DKK"}, "rs": RUPEES, "re": RUPEES,
    "₨": RUPEES, "रु": RUPEES, "रू": RUPEES, "rupee": RUPEES, "rupees": RUPEES,
    "$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD"},
}  # fmt: skip

# The codes of Unicode's CLDR, former currencies included; a test compares them with Babel's.
CODES = frozenset({
    "ADP", "AED", "AFA", "AFN", "ALK", "ALL", "AMD", "ANG", "AOA", "AOK", "AON", "AOR", "ARA",
    "ARL", "ARM", "ARP", "ARS", "ATS", "AUD", "AWG", "AZM", "AZN", "BAD", "BAM", "BAN", "BBD",
    "BDT", "BEC", "BEF", "BEL", "BGL", "BGM", "BGN", "BGO", "BHD", "BIF", "BMD", "BND", "BOB",
    "BOL", "BOP", "BOV", "BRB", "BRC", "BRE", "BRL", "BRN", "BRR", "BRZ", "BSD", "BTN", "BUK",
    "BWP", "BYB", "BYN", "BYR", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CLE", "CLF", "CLP",
    "CNH", "CNX", "CNY", "COP", "COU", "CRC", "CSD", "CSK", "CUC", "CUP", "CVE", "CYP", "CZK",
    "DDM", "DEM", "DJF", "DKK", "DOP", "DZD", "ECS", "ECV", "EEK", "EGP", "ERN", "ESA", "ESB",
    "ESP", "ETB", "EUR", "FIM", "FJD", "FKP", "FRF", "GBP", "GEK", "GEL", "GHC", "GHS", "GIP",
    "GMD", "GNF", "GNS", "GQE", "GRD", "GTQ", "GWE", "GWP", "GYD", "HKD", "HNL", "HRD", "HRK",
    "HTG", "HUF", "IDR", "IEP", "ILP", "ILR", "ILS", "INR", "IQD", "IRR", "ISJ", "ISK", "ITL",
    "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRH", "KRO", "KRW", "KWD", "KYD",
    "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LTL", "LTT", "LUC", "LUF", "LUL", "LVL", "LVR",
    "LYD", "MAD", "MAF", "MCF", "MDC", "MDL", "MGA", "MGF", "MKD", "MKN", "MLF", "MMK", "MNT",
    "MOP", "MRO", "MRU", "MTL", "MTP", "MUR", "MVP", "MVR", "MWK", "MXN", "MXP", "MXV", "MYR",
    "MZE", "MZM", "MZN", "NAD", "NGN", "NIC", "NIO", "NLG", "NOK", "NPR", "NZD", "OMR", "PAB",
    "PEI", "PEN", "PES", "PGK", "PHP", "PKR", "PLN", "PLZ", "PTE", "PYG", "QAR", "RHD", "ROL",
    "RON", "RSD", "RUB", "RUR", "RWF", "SAR", "SBD", "SCR", "SDD", "SDG", "SDP", "SEK", "SGD",
    "SHP", "SIT", "SKK", "SLE", "SLL", "SOS", "SRD", "SRG", "SSP", "STD", "STN", "SUR", "SVC",
    "SYP", "SZL", "THB", "TJR", "TJS", "TMM", "TMT", "TND", "TOP", "TPE", "TRL", "TRY", "TTD",
    "TWD", "TZS", "UAH", "UAK", "UGS", "UGX", "USD", "USN", "USS", "UYI", "UYP", "UYU", "UYW",
    "UZS", "VEB", "VED", "VEF", "VES", "VND", "VNN", "VUV", "WST", "XAF", "XAG", "XAU", "XBA",
    "XBB", "XBC", "XBD", "XCD", "XCG", "XDR", "XEU", "XFO", "XFU", "XOF", "XPD", "XPF", "XPT",
    "XRE", "XSU", "XTS", "XUA", "XXX", "YDD", "YER", "YUD", "YUM", "YUN", "YUR", "ZAL", "ZAR",
    "ZMK", "ZMW", "ZRN", "ZRZ", "ZWD", "ZWG", "ZWL", "ZWR",
})  # fmt: skip
