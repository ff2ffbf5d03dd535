"""The kinds of document as models name them, instead of by the four words asked for. Pure."""

import re

_NOT_LETTERS = re.compile(r"[\W_]+")
# In what a model calls a document, without blanks; the first that stands in it tells. Correcting
# documents come first: a "Rechnungskorrektur" is no invoice.
_CREDIT_NOTES = (
    *("creditnote", "creditmemo", "creditinvoice", "gutschrift", "rechnungskorrektur", "storno"),
    *("avoir", "notadecredito", "notadicredito", "creditnota", "creditfactuur"),
)
# Other documents whose names hold one of the words: what they are is asked for again.
_OTHERS = (
    *("proforma", "quot", "estimate", "reminder", "mahnung", "statement", "abrechnung", "lading"),
    *("waybill", "material", "goods", "delivery"),
)
_NEGATED = re.compile(r"\s{0,5}(?:no|not|non|keine?)[\W_]", re.IGNORECASE)
_INVOICES = (
    *("invoice", "bill", "debitnote", "rechnung", "facture", "factuur", "factura", "fattura"),
    *("fatura", "faktura"),
)
_RECEIPTS = ("receipt", "quittung", "cashmemo")
_LONGEST = 40


def document_type(written: str) -> str | None:
    """Return the schema's word for a kind of document; None for what is not one of them."""
    folded = _NOT_LETTERS.sub("", written).casefold().replace("é", "e")
    if folded == "other":
        return "other"
    if len(folded) > _LONGEST or _NEGATED.match(written) or any(word in folded for word in _OTHERS):
        return None
    for meant, words in (
        ("credit_note", _CREDIT_NOTES),
        ("invoice", _INVOICES),
        ("receipt", _RECEIPTS),
    ):
        if any(word in folded for word in words):
            return meant
    return None
