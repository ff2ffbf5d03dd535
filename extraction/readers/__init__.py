"""Readers of invoices by provider."""

from django.conf import settings

from extraction.readers.base import Failure, Reader, ReadingError
from tokens.models import Provider, TokenMaster


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
    return token.model or settings.GEMINI_MODEL
