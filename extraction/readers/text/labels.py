"""The labels of fields on English, German, French, Dutch and Nepali invoices.

No pattern begins with a repetition without bound, which would be tried anew from every letter of a
hostile line.
"""

import re
from functools import cache

# Where a word starts; underscores part words. Every label begins with a letter or digit: that tells
# most places of a line apart without trying all labels there.
_START = r"(?<![^\W_])(?=\w)"


def whole_words(*words: str) -> re.Pattern[str]:
    """Match any of the words as whole words; a blank matches any white space."""
    joined = "|".join(word.replace(" ", r"\s+") for word in words)
    return re.compile(rf"{_START}(?:{joined})(?![^\W_])", re.IGNORECASE)


@cache
def any_of(labels: tuple[re.Pattern[str], ...]) -> re.Pattern[str]:
    """Return what matches wherever one of some labels of ``whole_words`` does."""
    # The start once, and not for each label: three times as fast.
    joined = "|".join(label.pattern.removeprefix(_START) for label in labels)
    return re.compile(f"{_START}(?:{joined})", re.IGNORECASE)


_NO = r"(?:no\b\.?|नं\.?|नम्बर|nr\b\.?|n[°ºo]|num(?:ber|mer|éro|ero)?\b|#|id\b)"

INVOICE = whole_words(
    r"(?:tax |vat )?invoice",
    "factuur",
    "facture",
    r"\w{0,30}rechnung",
    r"invoicenumber",
    "tax bill",
    r"bill no",
    r"rechnungs?\W?(?:nr|nummer)",
    "factuurnummer",
    "bijak",
    "बीजक",
    "बिल",
)
CREDIT_NOTE = re.compile(
    r"^[^\w\n]*(?:credit ?note|credit memo|gutschrift|stornorechnung|rechnungskorrektur|avoir"
    r"|creditnota|credit ?factuur)\b",
    re.IGNORECASE | re.MULTILINE,
)
RECEIPT = whole_words(
    "receipt", "quittung", "kassenbon", "bon de caisse", "reçu", "kassabon", "kwitantie"
)

NUMBER = re.compile(
    rf"(?<!\w)(?=\w)(?:(?:tax |vat |sales )?invoice\s*{_NO}|bill\s*{_NO}|(?:बीजक|बिल)\s*{_NO}"
    rf"|rechnungs?(?:\s*-\s*|\s*){_NO}|beleg\W?{_NO}"
    rf"|(?:handels|miet)?rechnung(?:\s*\(\d+\))?\s*{_NO}|rechnungskorrektur(?:\s*\(\d+\))?\s*{_NO}"
    rf"|factuur\s*{_NO}|facture\s*{_NO}|num[ée]ro de facture|credit\s?note\s*{_NO}"
    rf"|gutschrifts?\W?{_NO}|avoir\s*{_NO}"
    r"|(?:tax )?invoice(?=\s+\S*\d)|rechnung(?=\s+\S*\d)|facture(?=\s+\S*\d)|avoir(?=\s+\S*\d)"
    r"|factuur(?=\s+\S*\d)|credit\s?note(?=\s+\S*\d))",
    re.IGNORECASE,
)
# In ASCII, and in the digits of Devanagari.
IDENTIFIER = re.compile(
    r"(?=[\w०-९/.-]{0,100}[\d०-९])[A-Za-z0-9०-९][\w०-९/.-]{0,100}(?<![.])", re.ASCII
)
DATE = whole_words(
    "invoice date",
    "date of issue",
    "issue date",
    "bill date",
    "rechnungsdatum",
    "belegdatum",
    r"beleg-datum",
    "datum",
    r"liefer-\s*und\s+rechnungsdatum",
    "date de facture",
    r"date d['’]émission",
    "date de facturation",
    "factuurdatum",
    "date",
)
DUE_DATE = whole_words(
    "due date",
    "payment due",
    "due on",
    "fällig am",
    "fälligkeitsdatum",
    "fälligkeit",
    "zahlungsziel",
    r"zahlbar bis",
    r"date d['’][ée]ch[ée]ance",
    "échéance",
    "vervaldatum",
    "te betalen voor",
)
MITI = whole_words(
    r"(?:invoice |bill |transaction )?miti(?: \(bs\))?", r"date \(bs\)", r"bs date", "मिति"
)
# In the digits of either script: 2082/11/20, २०८२।११।२०, २०८२ साल फागुन २०, 20 Falgun 2082.
MITI_DAY = re.compile(
    r"\d{1,4}(?P<s>[/.।-])\d{1,2}(?P=s)\d{1,4}(?!\d)"
    r"|\d{4}(?: साल)?[ ,]{1,2}[^\W\d]\S{1,11}[ ,]{1,2}\d{1,2}(?!\d)"
    r"|\d{1,2}[ ,]{1,2}[^\W\d]\S{1,11}[ ,]{1,2}\d{4}(?!\d)"
)
ORDER = whole_words(
    rf"(?:purchase )?order\s*{_NO}",
    rf"p\.?o\.?\s*{_NO}",
    "bestellnummer",
    r"bestell-?nr\.?",
    "bestellung",
    r"auftragsnummer",
    "votre référence",
    "bon de commande",
    "ordernummer",
    "your reference",
)
DELIVERY_NOTE = whole_words(
    rf"delivery note(?:\s*{_NO})?",
    r"challan(?:\s*no\.?)?",
    r"lieferschein-?\s*nr\.?",
    "lieferscheinnummer",
    "bon de livraison",
    "pakbonnummer",
)
VEHICLE = whole_words(rf"vehicle\s*{_NO}", rf"truck\s*{_NO}", "kennzeichen")
TRANSPORTER = whole_words("transporter(?: name)?", "transport name", "spediteur", "transporteur")


def _sums(*names: str) -> tuple[re.Pattern[str], ...]:
    return tuple(whole_words(name) for name in names)


# The most specific first, "total" alone last.
TOTAL = _sums(
    "grand total", "bruttosumme", "rechnungssumme brutto", "gesamtbetrag(?! der)", "endsumme",
    "endbetrag", "rechnungsbetrag", "total ttc", "montant ttc", "totaal incl\\.? btw",
    "te betalen", "total amount", "invoice total", "total for this invoice",
    "net payable", "amount payable", "total due", "total amount due(?: on)?",
    "total(?! (?:ht|hors|tax|net|tva|excl|taxable|quantity|qty|items|discount|vat))", "totaal",
    "gesamt", "amount due", "balance due", "कुल जम्मा", "कुल रकम", "जम्मा",
)  # fmt: skip
DUE = _sums(
    "amount due", "balance due", "zahlbetrag", r"net [àa] payer", r"solde [àa] payer", "residual",
    "openstaand",
)  # fmt: skip
SUBTOTAL = _sums(
    r"sub\s?-?total", "positionssumme", "zwischensumme", "positionen netto", "subtotaal",
    "gross amount", "warenwert",
)  # fmt: skip
TAXABLE = _sums(
    "taxable (?:amount|value)", "net total", "net amount", "rechnungssumme ohne ust\\.?",
    "rechnungssumme netto", "nettobetrag", "nettosumme", "total (?:net )?ht", "total hors taxes?",
    "करयोग्य रकम", "exclusief btw", "totaal excl\\.? btw", "total excl\\.? (?:tax|vat)",
)  # fmt: skip
DISCOUNT = _sums("discount(?: amount)?", "rabatt", "remise", "korting")
TAX = _sums(
    "(?:vat|tax|gst) (?:total|amount)", "total (?:tax|vat|tva|gst)", "total taxes", "steuerbetrag",
    "montant tva", "total btw",
)  # fmt: skip
# The rows of single rates, which add up to the tax.
TAX_ROW = _sums(
    r"mwst\.?|ust\.?(?![-.]? ?-?id)|btw(?! nl)|(?:vat|gst|tax|tva)"
    r"(?! ?(?:\*|no|reg|invoice|id|incl|excl|total|amount|bill|point|n°))",
)
BASIS = re.compile(
    r"\b(?:auf|on|sur|over|of)\s+(?:[€$]|Rs\.?)?\s?[\d.,]+(?:\s?[€$])?", re.IGNORECASE
)

TAX_WORD = whole_words("vat", "gst", "tax", "mwst", "ust", "tva", "btw")
PERCENT = re.compile(r"(\d{1,2}(?:[.,]\d{1,2})?)\s?%")
SUM_ROW = whole_words(
    r"sub\s?-?total",
    "total",
    "totaal",
    "subtotaal",
    "gesamt\\w*",
    "summe",
    r"\w{0,30}summe",
    "umsatzsteuer",
    "positionssumme",
    "taxable",
    "tva",
    "skonto",
)
TAX_ID = re.compile(
    r"(?=[bcgkpstuv])(?:(?:customer|buyer(?:['’]s)?|client|kunden?)\W{0,2})?"
    r"(?<![^\W_])(?:(?:(?:vat|tax|gst|pan)\W{0,3}){1,2}(?:reg(?:istration)?|id|no|nr|number|\W){0,6}"
    r"|gstin|ust\W{0,2}id\w*(?:\W{0,2}nr)?|steuer\W?nr|steuernummer|tva(?:\s+(?:intra|client))?|btw)"
    r"[\s.:#-]{0,40}"
    r"(?P<id>(?-i:[A-Z]{2}[ ]?[A-Z0-9]{1,3}(?:[ ]?\d{2,9}){1,4}(?:[A-Z]\d\d)?"
    r"|\d{2}[A-Z]{5}\d{4}[A-Z][A-Z0-9]{3}|\d[\d/]{7,14}))(?!\w)",
    re.IGNORECASE,
)
OF_CUSTOMER = re.compile(r"customer|buyer|client|kunde", re.IGNORECASE)
INDIAN = re.compile(r"\bGSTIN\b|\bINR\b|\bCGST\b")

CURRENCY = re.compile(
    r"€|\$|£|₹|रु|रू|\b(?:Rs|EUR|USD|GBP|NPR|INR|CHF|AUD|CAD|HKD|SEK|DKK|PLN)\b", re.IGNORECASE
)
RUPEES = {"RS", "रु", "रू"}
CURRENCY_CODES = {"€": "EUR", "$": "USD", "£": "GBP", "₹": "INR"}


def _heading(*words: str) -> re.Pattern[str]:
    """Match a cell that is one of the words, or begins with it and a colon."""
    joined = "|".join(words)
    return re.compile(rf"(?:^\s*|(?<=\s\s))(?=\w)(?:{joined})\s*(?::|(?=\s\s)|$)", re.IGNORECASE)


SUPPLIER = _heading("seller", "supplier", "vendor", "verkäufer", "lieferant", "fournisseur",
                    "vendeur", "leverancier")  # fmt: skip
CUSTOMER = re.compile(
    _heading(
        r"bill(?:ed)? to(?: address)?", "sold to", "invoice to", "customer(?: name)?",
        "buyer(?:['’]s)?(?: name)?", "party(?: name)?", "attn", r"käufer(?:/leistungsempfänger)?",
        "rechnungsempfänger", "kunde", "client", "factuuradres",
    ).pattern
    + r"|\bM/s\b\.?:?",
    re.IGNORECASE,
)  # fmt: skip
NAME_LABEL = re.compile(r"\W{0,20}(?:name|nom|naam|m/s|attn)\b\W*", re.IGNORECASE)
NOT_A_NAME = re.compile(
    r"\d{3}|:|\b(?:number|no|nr|gln|datum|vat|pan|tva|address|käufer|kunde|buyer|customer|client)\b"
    r"|^(?:\S )+\S$|^contact|contact name",
    re.IGNORECASE,
)
UNIT = re.compile(r"([^\W\d_][^\s\d]{0,11})\s*(?:[€$£₹]|Rs\.?)?")
WORD = re.compile(r"[^\W\d_]{2}")
GAP = re.compile(r"\s{2,}")
POSITION = re.compile(r"^\s*\d{1,3}[.)]?\s+(?=\S)")
_LEGAL = (
    r"(?:GmbH|AG|KG|UG|BV|B\.V\.|NV|N\.V\.|SARL|SAS|SA|S\.A\.|Inc\.?|LLC|Ltd\.?|Limited|PLC|Corp\.?"
    r"|(?i:traders|enterprises?|suppliers?|distributors?|industries|stores?|gmbh|pvt\.? ltd\.?))"
)
# A cell that begins with at most five words and a company's form, or several forms ("Suppliers Pvt.
# Ltd.").
COMPANY = re.compile(
    rf"(?:^\s*|(?<=\s\s))(?P<name>[^\W\d_][^\s:,]*(?:,?[ ][^\s:,]+){{0,4}}?"
    rf"(?:,?[ ](?:&[ ]Co\.?[ ])?{_LEGAL}(?![\w])){{1,3}})"
)
