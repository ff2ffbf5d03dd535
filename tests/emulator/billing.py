"""What a call costs, in LLM tokens, as Google documents it."""

import math
from dataclasses import dataclass

# https://ai.google.dev/gemini-api/docs/media-resolution, images, Gemini 3.
IMAGE_TOKENS = {
    "MEDIA_RESOLUTION_LOW": 280,
    "MEDIA_RESOLUTION_MEDIUM": 560,
    "MEDIA_RESOLUTION_HIGH": 1120,
    "MEDIA_RESOLUTION_UNSPECIFIED": 1120,
}
# https://ai.google.dev/gemini-api/docs/tokens: a token is about four characters.
BYTES_PER_TOKEN = 4


def text_tokens(text: str) -> int:
    """Estimate the LLM tokens of a text."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Bill:
    """LLM tokens charged for one call. Thinking adds to the answer; cached is part of the text."""

    text: int = 0
    images: int = 0
    answer: int = 0
    thinking: int = 0
    cached: int = 0

    @property
    def total(self) -> int:
        """The sum; cached tokens are part of ``text``."""
        return self.text + self.images + self.answer + self.thinking

    def as_usage_metadata(self) -> dict[str, object]:
        """Render as the API's ``usageMetadata``."""
        return {
            "promptTokenCount": self.text + self.images,
            "candidatesTokenCount": self.answer,
            "thoughtsTokenCount": self.thinking,
            "cachedContentTokenCount": self.cached,
            "totalTokenCount": self.total,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": self.text},
                {"modality": "IMAGE", "tokenCount": self.images},
            ],
            "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": self.answer}],
        }
