"""Why an invoice is not exported as an e-invoice."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext, gettext_noop

from extraction.invoices import wording
from extraction.invoices.amounts import as_stated
from ocrsite.lib.errors import UserFacingError

CENT = Decimal("0.01")
NOT_APPROVED = "is not approved, and e-invoices are made of approved ones only"
_LACKS = gettext_noop("The invoice lacks what EN 16931 demands of an e-invoice: {lacks}.")


class Lack(enum.StrEnum):
    """What is the matter with a value, ``rules`` by which of EN 16931."""

    MISSING = gettext_noop("is missing ({rules})")
    TAX_MISSING = gettext_noop("is missing (BR-45 to BR-48)")
    ALL_MISSING = gettext_noop("are missing ({rules})")
    DECIMALS = gettext_noop("has more than two decimals ({rules})")
    KIND = gettext_noop("only invoices and credit notes are e-invoices")
    COUNTRY = gettext_noop("does not end with a country ({rules})")
    CURRENCY = gettext_noop("is no code of ISO 4217 ({rules})")
    NO_PLACE = gettext_noop("has no place in EN 16931")
    # Zero-rated, exempt, reverse charge, export…: documents tell by their wording, if at all.
    CATEGORY = gettext_noop("is 0 %, and why it is (the category) is not known ({rules})")
    TERMS = gettext_noop("neither it nor terms of payment are known ({rules})")
    BY_REST = gettext_noop("is {value} and should be {expected} by the rest ({rules})")
    BY_LINES = gettext_noop("is {value} and should be {expected} by the lines ({rules})")
    BY_RATE = gettext_noop("is {value} and should be {expected} by the rate ({rules})")
    NO_RATE = gettext_noop("has no known rate of tax ({rules})")
    NO_TAX = gettext_noop("has no tax of its rate beside it ({rules})")
    TWICE = gettext_noop("names a rate twice ({rules})")
    NOT_FOLLOWING = gettext_noop("does not follow from quantity, price and discount")


@dataclass(frozen=True, slots=True)
class Problem:
    """One value that is missing or wrong: its path, and what is the matter with it."""

    path: str
    lack: Lack
    rules: str = ""
    value: Decimal | None = None
    expected: Decimal | None = None

    def __str__(self) -> str:
        return f"{self.path} {self._filled(self.lack, '{:f}'.format)}"

    def told(self) -> str:
        """Return it in the reader's language."""
        lack = self._filled(gettext(self.lack), as_stated)
        return gettext("{name} {lack}").format(name=wording.name(self.path), lack=lack)

    def _filled(self, lack: str, written: Callable[[Decimal], str]) -> str:
        amounts = {"value": self.value, "expected": self.expected}
        stated = {key: written(each) for key, each in amounts.items() if each is not None}
        return lack.format(rules=self.rules, **stated)


class ExportRefused(UserFacingError):
    """The invoice lacks what EN 16931 demands: 422."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            "export_refused",
            "Not an e-invoice",
            _LACKS.format(lacks="; ".join(map(str, problems))),
            422,
        )
        self.problems = problems

    def told(self) -> str:
        """Return the detail in the reader's language."""
        return gettext(_LACKS).format(lacks="; ".join(each.told() for each in self.problems))


class NotApproved(UserFacingError):
    """Nobody has approved the invoice, or somebody rejected it: 422."""

    def __init__(self) -> None:
        super().__init__(
            "not_approved",
            "Not approved",
            f"The invoice {NOT_APPROVED}: approve it first.",
            422,
        )


def is_in_cents(amount: Decimal | None) -> bool:
    """Whether an amount has no more than the two decimals that EN 16931 allows (BR-DEC)."""
    return amount is None or amount == amount.quantize(CENT)
