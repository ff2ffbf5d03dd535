"""What the result page notes at a value: where it comes from, and why to compare it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from extraction.invoices import wording
from extraction.invoices.schema import Evidence, Invoice, Source

# Reasons, and rows of a table, on a page that a browser copes with; an e-invoice may have 30,000.
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Origin:
    """A source in words: the mark beside a value, and what it means."""

    mark: StrOrPromise
    meaning: StrOrPromise


# From the strongest to the weakest.
ORIGINS: dict[Source, Origin] = {
    "person": Origin(_("person"), _("set or confirmed by a person")),
    "xml": Origin("XML", _("stated by the electronic invoice in the PDF")),
    "text": Origin(_("page"), _("printed on the page")),
    "ocr": Origin("OCR", _("found on the page by OCR")),
    "sums": Origin(_("sum"), _("not printed, but follows from values that are")),
    "model": Origin(_("reader only"), _("found nowhere on the document")),
}


@dataclass(frozen=True, slots=True)
class NumberedReason:
    """A reason for review in the reader's language.

    ``number`` counts from 1, ``path`` is "" where no value is shown.
    """

    number: int
    text: str
    path: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is noted at the value of a path; nothing for results older than evidence."""

    path: str = ""
    evidence: Evidence | None = None
    reasons: Sequence[NumberedReason] = ()

    @property
    def origin(self) -> Origin | None:
        """Where the value comes from, in words."""
        return ORIGINS[self.evidence.source] if self.evidence else None


def numbered(invoice: Invoice) -> list[NumberedReason]:
    """Return the reasons for review in their order, the first MOST."""
    reasons = enumerate(map(wording.told, invoice.reasons[:MOST]), 1)
    return [NumberedReason(number, reason.text, reason.path) for number, reason in reasons]


class Annotations:
    """The annotations of an invoice by path of the value."""

    def __init__(self, invoice: Invoice) -> None:
        self._evidence = invoice.evidence
        self._reasons: dict[str, list[NumberedReason]] = {}
        for reason in numbered(invoice):
            self._reasons.setdefault(reason.path, []).append(reason)

    def at(self, path: str) -> Annotation:
        """Return what is noted at the value of a path."""
        return Annotation(path, self._evidence.get(path), self._reasons.get(path, ()))

    def is_named(self, path: str) -> bool:
        """Whether a reason names the value."""
        return path in self._reasons


def origins(invoice: Invoice) -> list[Origin]:
    """Return the origins that the values of an invoice have, to explain their marks."""
    sources = {evidence.source for evidence in invoice.evidence.values()}
    return [origin for source, origin in ORIGINS.items() if source in sources]


def notes(invoice: Invoice) -> list[str]:
    """Return the warnings that are no reasons as well, in the reader's language."""
    reasons = {reason.text for reason in invoice.reasons}
    return [wording.said(text) for text in invoice.warnings if text not in reasons]
