"""Which of two names on a document is the supplier's and which the customer's.

Judged by labels ("Bill to"), and by what stands near each: an issuer's name is repeated at the
foot of the page and beside its bank, register and contact details; a customer's name is not.
"""

import re
from collections.abc import Sequence

from extraction.documents.words import Box
from extraction.evidence.lines import Line, box_around
from extraction.evidence.printed_texts import Place

_CUSTOMER = re.compile(
    r"\b(?:(?:bill|billed|invoice|invoiced|sold|ship|deliver)[ -]to|customer|buyer|client|kunde"
    r"|k[äa]ufer\w{0,20}|rechnungsempf[äa]nger|rechnungsadresse|leistungsempf[äa]nger"
    r"|factur[ée] [àa]|destinataire|acheteur|cliente|klant|factuuradres|m/s|destinat[áa]rio)\b",
    re.IGNORECASE,
)
_SUPPLIER = re.compile(
    r"\b(?:from|seller|supplier|vendor|sold by|issued by|lieferant|verk[äa]ufer|fournisseur"
    r"|vendeur|leverancier|emisor|proveedor|fornitore|remit to|payable to|emitente)\b",
    re.IGNORECASE,
)
_ISSUER = re.compile(
    r"\b(?:iban|bic|swift|bank\w{0,20}|konto\w{0,10}|account (?:no|number)|hrb|hra|registergericht"
    r"|gesch[äa]ftsf[üu]hr\w{0,10}|amtsgericht|siret|siren|rcs|kvk|capital|tel\w{0,8}|fax|phone"
    r"|e-?mail|www|ust-?id\w{0,10}|steuernummer|steuer-nr)\b",
    re.IGNORECASE,
)
# A label names what stands right of it or below it, up to the next label, within this share of the
# page's height.
_REACH = 0.12
# Where the head of a page ends and its foot begins.
_HEAD, _FOOT = 0.08, 0.82
_LABEL = 3
# How much more must speak for the roles being exchanged than for them being right.
_CLEAR = 2
_LINES_NEAR = 4
# An address of an issuer goes on with at least so many of its details, such as register and bank.
_FEWEST_BELOW = 2
_MOST_LETTERS = 400


def are_swapped(
    supplier: Sequence[Place], customer: Sequence[Place], lines: Sequence[Line]
) -> bool:
    """Whether the document shows the supplier as the customer, and the customer as the supplier."""
    page = _Labels(lines)
    if not supplier or not customer:
        return False
    return page.issues(customer, supplier) - page.issues(supplier, customer) >= _CLEAR


class _Labels:
    """The labels of a document."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._customers = [place for line in lines for place in _matches(line, _CUSTOMER)]
        self._suppliers = [place for line in lines for place in _matches(line, _SUPPLIER)]
        self._details = [place for line in lines for place in _matches(line, _ISSUER)]

    def issues(self, places: Sequence[Place], other: Sequence[Place]) -> int:
        """Return how much speaks for a name being the issuer's, less what speaks against it.

        Each kind of sign counts once. A label that is a part of a name is none.
        """
        names = [*places, *other]
        customers = [label for label in self._customers if not _is_within(label, names)]
        suppliers = [label for label in self._suppliers if not _is_within(label, names)]
        roles = [_role(place, suppliers, customers) for place in places]
        first, first_other = min(places, key=_height), min(other, key=_height)
        signs = (
            _height(first) < (1, _HEAD) <= _height(first_other),
            # The sender's line above the window of an envelope.
            _height(first) < _height(first_other) and _is_in_column(first, first_other),
            any(place.box[1] > _FOOT for place in places),
            any(_is_near(place, self._details) for place in places),
            any(_heads(place, self._details) for place in places),
            len(places) > len(other),
        )
        return sum(signs) + _LABEL * ((1 in roles) - (-1 in roles))


def _height(place: Place) -> tuple[int, float]:
    return place.page, place.box[1]


def _is_in_column(place: Place, other: Place) -> bool:
    return abs(place.box[0] - other.box[0]) < 0.05


def _matches(line: Line, pattern: re.Pattern[str]) -> list[Place]:
    text, owners = "", []
    for index, word in enumerate(line.words):
        text += word.text + " "
        owners += [index] * (len(word.text) + 1)
        if len(text) > _MOST_LETTERS:
            break
    found = []
    for match in pattern.finditer(text):
        words = line.words[owners[match.start()] : owners[match.end() - 1] + 1]
        found.append(Place(line.page, line.from_ocr, box_around(words)))
    return found


def _is_within(label: Place, names: Sequence[Place]) -> bool:
    return any(label.page == name.page and _overlap(label.box, name.box) for name in names)


def _overlap(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def _role(place: Place, suppliers: Sequence[Place], customers: Sequence[Place]) -> int:
    """Return 1 for a place at a supplier's label, -1 at a customer's, 0 at none."""
    labels = [(label, 1) for label in suppliers] + [(label, -1) for label in customers]
    at = [(_distance(place, label), role) for label, role in labels]
    nearest = min(((far, role) for far, role in at if far is not None), default=None)
    return 0 if nearest is None else nearest[1]


def _distance(place: Place, label: Place) -> tuple[float, float] | None:
    """Return how far a place is below and right of a label that may name it, else None."""
    left, top, _, bottom = place.box
    right = left - label.box[0]
    if label.page != place.page or right < -0.05:
        return None
    if label.box[1] < bottom and top < label.box[3]:  # beside it
        return (0.0, right) if left >= label.box[2] - 0.01 else None
    below = top - label.box[3]
    return (below, right) if -0.005 <= below <= _REACH and right < 0.4 else None


def _is_near(place: Place, details: Sequence[Place]) -> bool:
    """Whether bank, register or contact details stand in the lines next to a name."""
    height = place.box[3] - place.box[1]
    return any(
        detail.page == place.page
        and abs(detail.box[1] - place.box[1]) <= _LINES_NEAR * height
        and abs(detail.box[0] - place.box[0]) < 0.3
        for detail in details
    )


def _heads(place: Place, details: Sequence[Place]) -> bool:
    """Whether a name stands above a column of bank, register and contact details."""
    below = [
        detail
        for detail in details
        if _is_in_column(detail, place)
        and detail.page == place.page
        and 0 < detail.box[1] - place.box[1] <= _REACH
    ]
    return len(below) >= _FEWEST_BELOW
