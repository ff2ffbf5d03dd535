"""Which reader a key's provider has, with which model, and what a call of it can cost."""

from django.conf import settings

from extraction.documents.document import Document
from extraction.models import Attempt
from extraction.readers.base import OFFLINE_MODEL, Failure, Reader, ReadingError
from tokens.call_cost import Cost
from tokens.models import Provider, TokenMaster

# Fewer output tokens than this cannot hold even a short invoice.
OUTPUT_FLOOR = 2_000
# What the output of a document can need, thinking included: the most of fifty calls measured was
# 13,222 LLM tokens for one page, 17,377 for five and 17,038 for eighteen; the visible part grows
# with the lines. What is not used is free again as soon as the call has ended.
OUTPUT_BASE = 12_288
OUTPUT_PER_PAGE = 2_048


def reader_for(provider: str) -> Reader:
    """Return the reader of a key's provider.

    Raises ReadingError (other key) for an unknown provider: TokenMaster rows are also written by
    SQL.
    """
    # Imported when asked for: web processes hardly ever read, and the readers' libraries are large.
    if provider == Provider.GEMINI:
        from extraction.readers.gemini.reader import GeminiReader

        return GeminiReader()
    if provider == Provider.OFFLINE:
        from extraction.readers.offline import OfflineReader

        return OfflineReader()
    raise ReadingError(
        Failure.OTHER_KEY,
        "unknown_provider",
        "The key's provider is not supported. Set it to Gemini or Offline.",
    )


def model_of(token: TokenMaster) -> str:
    """Return the model to use with a key: its own, or the site's default."""
    if token.provider == Provider.OFFLINE:
        return OFFLINE_MODEL
    return token.model or settings.GEMINI_MODEL


def least_cost(token: TokenMaster) -> Cost:
    """Return what any call with this key reserves at least, without asking its provider.

    Every document costs more than that: the request is left out.
    """
    if token.provider == Provider.OFFLINE:
        return Cost(fixed=0, output_max=0, output_floor=0)
    return Cost(
        fixed=0,
        output_max=_output_max(pages=1),
        output_floor=OUTPUT_FLOOR,
        model=model_of(token),
    )


def output_max(document: Document, reader: Reader) -> int:
    """Return the most LLM tokens of output, thinking included, that a first call may have.

    ``MAX_OUTPUT_TOKENS`` for every document, where it is set; else as many as the pages can need.
    """
    return min(_output_max(len(document.pages)), reader.longest_output)


def _output_max(pages: int) -> int:
    fixed = settings.MAX_OUTPUT_TOKENS
    return OUTPUT_BASE + OUTPUT_PER_PAGE * pages if fixed is None else fixed


def cost_of(document: Document, token: TokenMaster, repaired: Attempt | None = None) -> Cost:
    """Return the most LLM tokens that reading this document with this key can cost.

    The call that repairs one whose answer was too long gets twice its output.
    """
    if token.provider == Provider.OFFLINE:
        return Cost(fixed=0, output_max=0, output_floor=0)
    reader, model = reader_for(token.provider), model_of(token)
    request = reader.request_cost(
        document,
        api_key=token.reveal_key(),
        model=model,
        correction=repaired.correction if repaired else "",
    )
    most, output_floor = output_max(document, reader), OUTPUT_FLOOR
    if repaired and not repaired.correction:
        output_floor = min(2 * repaired.output_budget, reader.longest_output)
        most = max(most, output_floor)
    return Cost(
        fixed=request.most,
        output_max=most,
        output_floor=output_floor,
        smallest_call=request.smallest + OUTPUT_FLOOR,
        model=model,
    )
