"""What a prompt costs: counted once per model and prompt, kept in the database and in memory."""

import time
from collections.abc import Callable

from django.db import Error

from extraction.models import PromptCost
from ocrsite.lib.database import is_unreachable

# After a failure each process asks again at most this often, in seconds.
ASK_AGAIN_SECONDS = 60.0

_known: dict[tuple[str, str], int] = {}
_asked_at: dict[tuple[str, str], float] = {}


def tokens(model: str, prompt_version: str, ask: Callable[[], int | None]) -> int | None:
    """Return the LLM tokens that a model counts for a prompt, or None while that is unknown.

    ``ask`` has the provider count, which must be free and quick, and returns None on failure. While
    the database is away only the memory is used.
    """
    prompt = (model, prompt_version)
    if prompt not in _known:
        try:
            row = PromptCost.objects.filter(model=model, prompt_version=prompt_version).first()
            if row is None and _may_ask(prompt) and (count := ask()) is not None:
                row, _ = PromptCost.objects.get_or_create(
                    model=model, prompt_version=prompt_version, defaults={"tokens": count}
                )
        except Error as error:
            if not is_unreachable(error):
                raise
            return None
        if row is None:
            return None
        _known[prompt] = row.tokens
    return _known[prompt]


def forget() -> None:
    """Empty this process's memory."""
    _known.clear()
    _asked_at.clear()


def _may_ask(prompt: tuple[str, str]) -> bool:
    now = time.monotonic()
    if now - _asked_at.get(prompt, float("-inf")) < ASK_AGAIN_SECONDS:
        return False
    _asked_at[prompt] = now
    return True
