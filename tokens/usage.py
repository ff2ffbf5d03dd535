"""LLM tokens of one call, as a provider bills them, and who asked for it."""

from dataclasses import dataclass
from typing import TypedDict


class Requester(TypedDict):
    """Who asked for a call: keyword arguments of the ledger and the journal."""

    company_id: str
    branch: str
    requested_by: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of LLM tokens. Cached tokens are part of the input; thinking is billed on top."""

    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    cached_tokens: int = 0
    text_prompt_tokens: int = 0
    image_prompt_tokens: int = 0
    text_candidates_tokens: int = 0

    @property
    def total(self) -> int:
        """What counts against the quota: input + output + thinking."""
        return self.input_tokens + self.output_tokens + self.thinking_tokens


NO_USAGE = Usage()
