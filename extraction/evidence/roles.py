"""Which of two names on a document is the supplier's and which the customer's.

Judged by labels ("Bill to"), by what stands near each: an issuer's name is repeated at the foot of
the page and beside its bank, register and contact details; a customer's name is not; and by the tax
ids: whose label they have, and at whose name they stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from extraction.documents.words import Box
from extraction.evidence.lines import Line
from extraction.evidence.printed_texts import Place
from extraction.evidence.role_labels import Label, Says, labels_of

# A label names what stands right of it or below it, up to the next label, within this share of the
# page's height.
_REACH = 0.12
# And within this share of its width.
_ASIDE = 0.3
# Where the head of a page ends and its foot begins.
_HEAD, _FOOT = 0.08, 0.82
_LABEL = 3
# What it counts that a tax id stands at the other party's name.
_OTHER_NAME = 2
# How much more must speak for the roles being exchanged than for them being right.
_CLEAR = 2
_LINES_NEAR = 4
# An address with its tax id has so many lines at most.
_LINES_OF_ADDRESS = 7
_WIDEST_ADDRESS, _WIDEST_LINE = 0.2, 0.6
# An address of an issuer goes on with at least so many of its details, such as register and bank.
_FEWEST_BELOW = 2
# An honest document has some dozens of labels, and its parties' names some times.
_MOST_LABELS, _MOST_PLACES = 2_000, 40


@dataclass(frozen=True, slots=True)
class Party:
    """Where the name and the tax id stand that were read of a party."""

    names: Sequence[Place]
    ids: Sequence[Place] = ()


def are_swapped(supplier: Party, customer: Party, lines: Sequence[Line]) -> bool:
    """Whether the document shows the supplier as the customer, and the customer as the supplier.

    With their tax ids, or the names alone.
    """
    if not supplier.names or not customer.names:
        return False
    page = _Page(lines)
    supplier, customer = (
        Party(party.names[:_MOST_PLACES], party.ids[:_MOST_PLACES])
        for party in (supplier, customer)
    )
    with_ids = page.issues(customer, supplier) - page.issues(supplier, customer)
    names = Party(supplier.names), Party(customer.names)
    alone = page.issues(names[1], names[0]) - page.issues(*names)
    return max(with_ids, alone + _at_other_names(supplier, customer)) >= _CLEAR


class _Page:
    """The labels of a document."""

    def __init__(self, lines: Sequence[Line]) -> None:
        found = (label for line in lines for label in labels_of(line))
        self._labels = list(islice(found, _MOST_LABELS))
        self._details = self._of(Says.ISSUER)

    def issues(self, party: Party, other: Party) -> int:
        """Return how much speaks for a party being the issuer, less what speaks against it.

        Each kind of sign counts once.
        """
        places, others = party.names, other.names
        first, first_other = min(places, key=_height), min(others, key=_height)
        signs = (
            _height(first) < (1, _HEAD) <= _height(first_other),
            # The sender's line above the window of an envelope.
            _height(first) < _height(first_other) and _is_in_column(first, first_other),
            any(place.box[1] > _FOOT for place in places),
            any(_is_near(place, self._details) for place in places),
            any(_heads(place, self._details) for place in places),
            len(places) > len(others),
            any(_is_near(place, self._details) for place in party.ids),
        )
        return sum(signs) + _LABEL * (self._role(party, other) + self._role_of_id(party))

    def _role(self, party: Party, other: Party) -> int:
        """Return 1 for a name at a supplier's label, -1 at a customer's, 0 at none or at both.

        A label that is a part of a name is none, and one that is nearer to the other name is of
        that.
        """
        names = [*party.names, *other.names]
        labels = [
            label
            for label in self._labels
            if label.says in _SAYS_OF_NAME
            and not _is_within(label.place, names)
            and _nearest(label.place, party.names) <= _nearest(label.place, other.names)
        ]
        roles = {_role(place, labels) for place in party.names}
        if any(_is_before(place, self._of(Says.CUSTOMER_BEFORE)) for place in party.names):
            roles.add(-1)
        return (1 in roles) - (-1 in roles)

    def _role_of_id(self, party: Party) -> int:
        """Return 1 for a tax id with a supplier's label in its line, -1 with a customer's, else 0.

        "Your VAT id" is the customer's.
        """
        roles = {_SAYS_OF_ID.get(label.says) for label in self._labels if _is_of(label, party.ids)}
        return (1 in roles) - (-1 in roles)

    def _of(self, says: Says) -> list[Place]:
        return [label.place for label in self._labels if label.says is says]


_SAYS_OF_NAME = {Says.SUPPLIER: 1, Says.CUSTOMER: -1}
_SAYS_OF_ID = {**_SAYS_OF_NAME, Says.OURS: 1, Says.YOURS: -1}


def _at_other_names(supplier: Party, customer: Party) -> int:
    """Return what it counts that the tax ids stand at the names of the other parties."""
    return sum(
        _OTHER_NAME
        for party, other in ((supplier, customer), (customer, supplier))
        if _stand_at(party.ids, other.names) and not _stand_at(party.ids, party.names)
    )


def _stand_at(ids: Sequence[Place], names: Sequence[Place]) -> bool:
    """Whether a tax id is a part of an address that begins with a name, or stands in its line."""
    return any(_is_in_address(place, name) for place in ids for name in names)


def _is_in_address(place: Place, name: Place) -> bool:
    lines = (place.box[1] - name.box[1]) / max(name.box[3] - name.box[1], 0.005)
    if place.page != name.page or not -0.5 < lines < _LINES_OF_ADDRESS:
        return False
    widest = _WIDEST_LINE if lines < 0.5 else _WIDEST_ADDRESS
    return -0.02 < place.box[0] - name.box[0] < widest


def _height(place: Place) -> tuple[int, float]:
    return place.page, place.box[1]


def _is_in_column(place: Place, other: Place) -> bool:
    return abs(place.box[0] - other.box[0]) < 0.05


def _is_within(label: Place, names: Sequence[Place]) -> bool:
    return any(label.page == name.page and _overlap(label.box, name.box) for name in names)


def _overlap(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def _role(place: Place, labels: Sequence[Label]) -> int:
    """Return 1 for a place at a supplier's label, -1 at a customer's, 0 at none."""
    at = [(_distance(place, label.place), _SAYS_OF_NAME[label.says]) for label in labels]
    nearest = min(((far, role) for far, role in at if far is not None), default=None)
    return 0 if nearest is None else nearest[1]


def _nearest(label: Place, places: Sequence[Place]) -> tuple[float, float]:
    """Return how far the nearest place is that a label may name."""
    far = (_distance(place, label) for place in places)
    return min((each for each in far if each is not None), default=(1.0, 1.0))


def _distance(place: Place, label: Place) -> tuple[float, float] | None:
    """Return how far a place is below and right of a label that may name it, else None."""
    left, top, _, bottom = place.box
    right = left - label.box[0]
    if label.page != place.page or right < -0.05:
        return None
    if label.box[1] < bottom and top < label.box[3]:  # beside it
        return (0.0, right) if left >= label.box[2] - 0.01 and right < _ASIDE else None
    below = top - label.box[3]
    return (below, right) if -0.005 <= below <= _REACH and right < 0.4 else None


def _is_before(place: Place, labels: Sequence[Place]) -> bool:
    """Whether a label that follows names stands in or right of the place."""
    return any(
        label.page == place.page
        and label.box[1] < place.box[3]
        and place.box[1] < label.box[3]
        and place.box[0] - 0.01 <= label.box[0] < place.box[2] + 0.06
        for label in labels
    )


def _is_of(label: Label, ids: Sequence[Place]) -> bool:
    """Whether a label stands left of a tax id in its line, or right above it."""
    for place in ids:
        far = _distance(place, label.place)
        if far is not None and far[0] < 0.02 and far[1] < 0.35:
            return True
    return False


def _is_near(place: Place, details: Sequence[Place]) -> bool:
    """Whether bank, register or contact details stand in the lines next to a place."""
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
