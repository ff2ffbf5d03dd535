"""Numbers as the reader's language writes them."""

from decimal import Decimal

from django.utils.formats import number_format


def grouped(number: float | Decimal, places: int | None = None) -> str:
    """Return a number with its thousands apart: ``1,234`` in English, ``1.234`` in German.

    ``places``: so many decimals; None: those that it has.
    """
    return number_format(number, places, use_l10n=True, force_grouping=True)
