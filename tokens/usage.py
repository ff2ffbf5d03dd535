"""LLM tokens of one call, as a provider bills them."""

from dataclasses import dataclass


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
