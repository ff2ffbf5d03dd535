"""Why an invoice is not exported as an e-invoice."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ocrsite.lib.errors import UserFacingError

CENT = Decimal("0.01")
NOT_APPROVED = "is not approved, and e-invoices are made of approved ones only"
# Zero-rated, exempt, reverse charge, export…: documents tell by their wording, if at all.
NO_CATEGORY = "is 0 %, and why it is (the category) is not known (BR-47, BR-CO-04)"


@dataclass(frozen=True, slots=True)
class Problem:
    """One value that is missing or wrong: its path, and what is the matter with it."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path} {self.text}"


class ExportRefused(UserFacingError):
    """The invoice lacks what EN 16931 demands: 422."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        told = "; ".join(map(str, problems))
        super().__init__(
            "export_refused",
            "Not an e-invoice",
            f"The invoice lacks what EN 16931 demands of an e-invoice: {told}.",
            422,
        )
        self.problems = problems


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
