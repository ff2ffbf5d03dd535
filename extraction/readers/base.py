"""What every reader takes and gives: a document in; a Reading or one ReadingError out."""

import logging
import uuid
from dataclasses import astuple, dataclass, field
from enum import StrEnum
from typing import Protocol

from extraction.documents.document import Document
from extraction.invoices.schema import InvoiceFields, Reason
from tokens.usage import NO_USAGE, Usage

logger = logging.getLogger(__name__)

# A bill is believed, and charged, up to so many times its reserve. A new tariff may double what an
# image costs, and thinking may go beyond its budget; neither makes a bill many times higher.
ABSURD = 4
# What stands for a model where rules read the text, and no model does.
OFFLINE_MODEL = "offline"


@dataclass(frozen=True, slots=True)
class RequestCost:
    """LLM tokens of a request before its output.

    ``most`` is never below the bill; ``smallest`` is never above what the smallest document costs.
    """

    most: int
    smallest: int


class Billing(StrEnum):
    """What is known of the provider's charge for a call."""

    NONE = "none"  # nothing was charged: no request was sent, or the answer was an error
    KNOWN = "known"  # the answer states its usage
    UNKNOWN = "unknown"  # the answer was lost or states no usage: the reserve is charged


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. ``warnings`` are sentences for people; any doubt sets ``needs_review``.

    ``further``: the other invoices of a document that holds several. ``reasons``: which values are
    in doubt, as far as a doubt is one about single values.
    """

    fields: InvoiceFields
    model: str
    usage: Usage = NO_USAGE
    billing: Billing = Billing.KNOWN
    needs_review: bool = False
    warnings: tuple[str, ...] = field(default=())
    further: tuple[InvoiceFields, ...] = ()
    reasons: tuple[Reason, ...] = ()


def credible(
    billing: Billing, usage: Usage, *, reserve: int, attempt_id: uuid.UUID
) -> tuple[Billing, Usage]:
    """Return what is known of a charge, given what was reserved for it as the most it can be.

    A negative count, or one that no such call can have, is nothing that is known: staff are told by
    an ERROR in the log.
    """
    counts = astuple(usage)
    if billing is not Billing.KNOWN or 0 <= min(counts) <= max(counts) <= reserve * ABSURD:
        return billing, usage
    logger.error(
        "The provider states an absurd usage for attempt %s: %s LLM tokens, where %s were "
        "reserved. The reserve is charged.",
        attempt_id,
        usage.total,
        reserve,
    )
    return Billing.UNKNOWN, NO_USAGE


# The code of a ReadingError after which the same call is made ``varied``.
RECITATION = "recitation"


class Failure(StrEnum):
    """What may follow a failed reading."""

    RETRY = "retry"  # the same call, later
    OTHER_KEY = "other_key"  # a call with another key, at once
    REPAIR = "repair"  # one more call, with a correction or a larger output budget
    FINAL = "final"  # nothing: no call can read this document


class KeyEffect(StrEnum):
    """What a failure means for the key that was used."""

    NONE = "none"
    COOL_KEY = "cool_key"  # it is not used for a while
    COOL_PROJECT = "cool_project"  # nor are the keys of the same project, which share its quota
    REJECTED = "rejected"  # it is not valid, or no longer


# Codes of failures that are this installation's: answered 503, since neither the document nor the
# provider is to blame.
SERVICE_FAULTS = frozenset({"read_busy", "storage_unavailable", "pages_missing"})


class ReadingError(Exception):
    """A reading that failed. Never carries the provider's exception object.

    ``code`` is stable and for machines, ``detail`` is for people and free of internals,
    ``provider_code`` and ``provider_message`` are the provider's own words, for staff.
    ``retry_after`` is the wait that the provider asks for and ``cools_for`` the length of the key's
    cool-down, in seconds. ``correction`` tells the model what was wrong with its answer.
    ``timed_out`` is answered with 504 instead of 502, one of the SERVICE_FAULTS with 503. With
    ``for_staff`` nobody else can end it.
    """

    def __init__(
        self,
        failure: Failure,
        code: str,
        detail: str,
        *,
        billing: Billing = Billing.NONE,
        usage: Usage = NO_USAGE,
        retry_after: float | None = None,
        timed_out: bool = False,
        key_effect: KeyEffect = KeyEffect.NONE,
        cools_for: float | None = None,
        correction: str = "",
        for_staff: bool = False,
        provider_code: str = "",
        provider_message: str = "",
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.failure = failure
        self.code = code
        self.detail = detail
        self.billing = billing
        self.usage = usage
        self.retry_after = retry_after
        self.timed_out = timed_out
        self.key_effect = key_effect
        self.cools_for = cools_for
        self.correction = correction
        self.for_staff = for_staff
        self.provider_code = provider_code
        self.provider_message = provider_message


class Reader(Protocol):
    """A way to read invoices. ``api_key`` and ``model`` are those of the chosen TokenMaster.

    ``longest_output`` is the most LLM tokens that an answer can have, thinking included.
    ``correction`` is that of an earlier ReadingError, or empty. A call is ``varied`` after one
    with the code RECITATION: it must not give the same answer again.
    """

    longest_output: int

    def request_cost(
        self, document: Document, *, api_key: str, model: str, correction: str = ""
    ) -> RequestCost:
        """Return what the request can cost before its output. Free of charge; raises nothing."""
        ...

    def read(
        self,
        document: Document,
        *,
        api_key: str,
        model: str,
        output_budget: int,
        correction: str = "",
        varied: bool = False,
    ) -> Reading:
        """Read the document with at most ``output_budget`` LLM tokens of output and thinking.

        Raises ReadingError for every failure, and nothing else.
        """
        ...

    def check_key(self, *, api_key: str, model: str) -> None:
        """Ask the provider, free of charge, whether it knows this key and its model.

        Raises ReadingError when it does not, or cannot be asked.
        """
        ...
