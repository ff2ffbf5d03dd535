"""Whether a text layer says what its page shows, where a font's table of letters is wrong.

Such a layer looks right on the page and reads "Ibscpvs!Mbnqt" for "Harbour Lamps", or has its
digits exchanged. What looks wrong here is only suspected: OCR of the same places decides.
"""

import re
from collections.abc import Sequence
from datetime import date
from difflib import SequenceMatcher

from extraction.documents.words import Places, Word, is_inside, letters_of

UNMAPPED = "\ufffd"  # a letter of which the layer does not say what it is
MOST_UNMAPPED = 0.1
# A page with fewer words may well have none of the known ones.
FEWEST_WORDS = 12
# Words that OCR reads at the same places, and the share of them that it must read alike.
FEWEST_COMPARED = 3
ALIKE = 0.5
LIKENESS = 0.7
# One word alone must be read more alike than many words on the average.
CONFIRMING_LIKENESS = 0.85
MOST_COMPARED = 500
FEWEST_AMOUNTS = 3
MOST_AMOUNTS = 200

# Words of three letters and more, of which every page of an invoice has at least one.
_LANGUAGES = (
    "the and for invoice total date number amount price tax vat qty bill page due payment order"
    " description subtotal your from with receipt account bank",
    "der die das und von für mit den rechnung datum betrag menge preis mwst ust summe gesamt seite"
    " zahlbar steuer netto brutto iban bic tel fax",
    "les des pour facture numéro montant prix quantité tva ttc adresse client",
    "het een van voor factuur bedrag aantal prijs btw totaal klant",
    "per fattura data importo prezzo totale iva cliente numero",
    "los las del para factura fecha importe precio cantidad",
    "dos fatura valor preço nota fiscal nome endereço",
    "och att til faktura beløb belopp pris antal moms dato",
    "kwota cena ilość wartość razem nip sprzedawca nabywca",
    "celkem dph množství odběratel dodavatel",
    "lasku päivä yhteensä alv määrä hinta",
    "számla összesen áfa dátum mennyiség",
    "tarih toplam kdv miktar fiyat",
    "preț cantitate",
    "arve kuupäev kokku käibemaks summa hind kogus",
)
_KNOWN = frozenset(word for language in _LANGUAGES for word in language.split())
_WORD = re.compile(r"[a-z\u00df-\u024f]{1,30}")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_COMPARABLE = re.compile(r"[A-Za-z0-9]{2}")
_DAY = re.compile(r"(?<!\d)(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?!\d)")
_ISO_DAY = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?!\d)")
_YEAR = re.compile(r"[(]?(?:19[5-9]|20\d)\d[).,;:]?", re.ASCII)
_AMOUNT = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,'’]?\d{3}){0,3}[.,]\d\d(?![\d.,])")
# Gregorian years and those of Bikram Sambat on invoices.
_YEARS = range(1950, 2101)


def is_suspect(words: Sequence[Word]) -> bool:
    """Whether the words of a page look like no language: unmapped letters, or no word known."""
    texts = [word.text for word in words]
    if sum(UNMAPPED in text for text in texts) > MOST_UNMAPPED * len(texts):
        return True
    latin = [text for text in texts if _LATIN.search(text)]
    known = (found for text in latin for found in _WORD.findall(text.lower()))
    return len(latin) >= FEWEST_WORDS and not any(word in _KNOWN for word in known)


def has_strange_digits(words: Sequence[Word]) -> bool:
    """Whether digits may be exchanged.

    Most days do not exist; or there are no days and no years, and no amounts add up.
    """
    days = _days(_apart(words))
    if days:
        return days.count(False) * 2 > len(days)
    if any(_YEAR.fullmatch(word.text) for word in words):
        return False
    amounts = _amounts(words)
    return len(amounts) >= FEWEST_AMOUNTS and not _add_up(amounts)


def is_contradicted(words: Sequence[Word], read: Sequence[Word]) -> bool:
    """Whether OCR read other words at the same places: of all words, or of those with digits."""
    if sum(UNMAPPED in word.text for word in words) * 2 > len(words):
        return bool(read)
    places = Places()
    for word in read:
        places.add(word)
    compared: dict[bool, list[bool]] = {True: [], False: []}
    comparable = [word for word in words if _COMPARABLE.search(word.text)]
    for word in comparable[:MOST_COMPARED]:
        if text := text_at(places, word):
            has_digits = any(map(str.isdigit, word.text))
            compared[has_digits].append(is_alike(word.text, text, LIKENESS))
    return any(
        len(alike) >= FEWEST_COMPARED and sum(alike) < ALIKE * len(alike)
        for alike in compared.values()
    )


def digits(words: Sequence[Word]) -> int:
    """Return how many digits the words have."""
    return sum(letter.isdigit() for word in words for letter in word.text)


def text_at(places: Places, word: Word) -> str:
    """Return what stands at the place of a word, read from left to right."""
    inside = [other for other in places.at(word.box) if is_inside(other.box, word.box)]
    inside.sort(key=lambda other: other.box[0])
    return "".join(other.text for other in inside)


def is_alike(text: str, read: str, likeness: float = CONFIRMING_LIKENESS) -> bool:
    """Whether OCR read the same text, but for some letters; digits must be equal."""
    text, read = letters_of(text), letters_of(read)
    if any(map(str.isdigit, text)):
        return text == read
    return SequenceMatcher(None, text, read, autojunk=False).ratio() > likeness


def _apart(words: Sequence[Word]) -> str:
    """Return the words as one text, a line each: one search takes less time than one for each."""
    return "\n".join(word.text for word in words)


def _days(text: str) -> list[bool]:
    """Return for each day that a text seems to have whether it exists."""
    found = [(found[4], found[3], found[1]) for found in _DAY.finditer(text)]
    found += [(found[1], found[2], found[3]) for found in _ISO_DAY.finditer(text)]
    return [_exists(*map(int, parts)) for parts in found]


def _exists(year: int, month: int, day: int) -> bool:
    if year not in _YEARS:
        return False
    if month > 12:
        month, day = day, month
    try:
        date(year, month, min(day, 28) if day <= 32 else day)  # Bikram Sambat has months of 32 days
    except ValueError:
        return False
    return True


def _amounts(words: Sequence[Word]) -> list[int]:
    """Return the amounts with two decimals in hundredths, each once, without nothing."""
    found = (found[0] for found in _AMOUNT.finditer(_apart(words)))
    amounts = {int("".join(filter(str.isdigit, text))) for text in found}
    return sorted(amounts - {0})[-MOST_AMOUNTS:]


def _add_up(amounts: Sequence[int]) -> bool:
    """Whether one of the amounts is the sum of two others."""
    known = set(amounts)
    return any(
        one + other in known for index, one in enumerate(amounts) for other in amounts[index + 1 :]
    )
