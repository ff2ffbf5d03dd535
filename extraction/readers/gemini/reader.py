"""What Gemini is asked for a document, and what its answer says."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from django.conf import settings
from google.genai import types

from extraction.documents.document import Document
from extraction.readers.base import RECITATION, Billing, Reading, ReadingError, RequestCost
from extraction.readers.gemini import prompt_cost
from extraction.readers.gemini.answers import clean_json
from extraction.readers.gemini.client import DEADLINE_FACTOR, can_be_sent, client_for, outcome_of
from extraction.readers.gemini.errors import LONGEST_TEXT, reading_error
from extraction.readers.gemini.normalisation import Unusable, normalised
from tokens.usage import NO_USAGE, Usage

logger = logging.getLogger(__name__)

_PROMPTS = Path(__file__).parent / "prompts"
PROMPT = (_PROMPTS / "invoice_v2.txt").read_text(encoding="utf-8")
CORRECTION = (_PROMPTS / "correction_v1.txt").read_text(encoding="utf-8")
# What pydantic generates from InvoiceFields, shortened; a test compares them. The API documents
# $defs, $ref and lists of types, and no $ref here has a sibling, as it requires
# (ai.google.dev/gemini-api/docs/structured-output).
SCHEMA: dict[str, Any] = json.loads(
    (_PROMPTS / "invoice_schema_v2.json").read_text(encoding="utf-8")
)

# countTokens of the Gemini Developer API takes contents alone (the SDK rejects the rest), so system
# instruction and schema are counted as one text.
_PROMPT_TEXT = PROMPT + json.dumps(SCHEMA, ensure_ascii=False)
PROMPT_VERSION = hashlib.sha256(_PROMPT_TEXT.encode()).hexdigest()
# For the delimiters of role, system instruction and schema, which a plain text does not have: a
# few LLM tokens each.
PROMPT_MARGIN = 100
# The count must not delay a call noticeably; without it the reserve is only larger.
COUNT_TIMEOUT_SECONDS = 2.0
# Far beyond any model's context.
_MOST_COUNTED = 100_000_000
# A person waits for this one.
KEY_CHECK_TIMEOUT_SECONDS = 10.0

# LLM tokens of one image at high resolution, Gemini 3
# (ai.google.dev/gemini-api/docs/media-resolution).
IMAGE_TOKENS = 1120
_MEDIA_RESOLUTION = types.MediaResolution.MEDIA_RESOLUTION_HIGH

# Of a call after one that ended with RECITATION, to make another answer likely; the models' default
# is 1 (ai.google.dev/gemini-api/docs/troubleshooting advises a higher one).
VARIED_TEMPERATURE = 1.3

# Output limit of the Gemini 3 models (ai.google.dev/gemini-api/docs/models).
LONGEST_OUTPUT = 65_536
# Characters kept of the name that the answer gives its model.
_LONGEST_MODEL = 100

_BLOCKED = frozenset({
    types.FinishReason.SAFETY,
    types.FinishReason.LANGUAGE,
    types.FinishReason.BLOCKLIST,
    types.FinishReason.PROHIBITED_CONTENT,
    types.FinishReason.SPII,
    types.FinishReason.IMAGE_SAFETY,
    types.FinishReason.IMAGE_PROHIBITED_CONTENT,
    types.FinishReason.ESCALATION,
    types.FinishReason.MODEL_ARMOR,
})  # fmt: skip


class GeminiReader:
    """Reads invoices with Gemini's structured output."""

    longest_output = LONGEST_OUTPUT

    def request_cost(
        self, document: Document, *, api_key: str, model: str, correction: str = ""
    ) -> RequestCost:
        """Return what prompt, schema, images and correction can cost.

        Prompt and schema as countTokens counts them, once for each model and prompt. Until that is
        known, one LLM token for each of their bytes, since none stands for less; the smallest call
        is then only known to have one image.
        """
        counted = prompt_cost.tokens(model, PROMPT_VERSION, lambda: _count_prompt(api_key, model))
        most = len(_PROMPT_TEXT.encode())
        if counted is not None:
            most = min(most, counted + PROMPT_MARGIN)
        return RequestCost(
            most=most + IMAGE_TOKENS * len(document.pages) + len(correction.encode()),
            smallest=IMAGE_TOKENS + (0 if counted is None else most),
        )

    def check_key(self, *, api_key: str, model: str) -> None:
        """Have Gemini count a word, which is free and needs a valid key and model.

        Raises ReadingError, and nothing else.
        """
        outcome = _count_tokens("Invoice", api_key, model, KEY_CHECK_TIMEOUT_SECONDS)
        if isinstance(outcome, ReadingError):
            raise outcome

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

        Every page is sent, blank ones too: a page that could not be decoded looks blank, and the
        model must see as many pages as there are. If every page is blank, no call is made.

        Raises ReadingError for every failure, and nothing else.
        """
        outcome = _read(document, api_key, model, output_budget, correction, varied)
        # Raised outside every ``except``: a ``__context__`` would hold the SDK's exception, and so
        # the request's headers and the key.
        if isinstance(outcome, ReadingError):
            raise outcome
        return outcome


def _read(
    document: Document,
    api_key: str,
    model: str,
    output_budget: int,
    correction: str,
    varied: bool,
) -> Reading | ReadingError:
    if document.is_blank:
        return reading_error("blank")
    if not can_be_sent(api_key):
        return reading_error("key_rejected")
    try:
        parts = [
            types.Part.from_bytes(data=page.path.read_bytes(), mime_type="image/jpeg")
            for page in document.pages
        ]
    except OSError:
        return reading_error("pages_missing")
    if correction:
        parts.append(types.Part.from_text(text=correction))
    content = types.Content(role="user", parts=parts)
    response = _call(api_key, model, content, output_budget, varied)
    if isinstance(response, ReadingError):
        return response
    return _reading(response, model, varied)


def _call(
    api_key: str, model: str, content: types.Content, output_budget: int, varied: bool
) -> types.GenerateContentResponse | ReadingError:
    config = types.GenerateContentConfig(
        system_instruction=PROMPT,
        response_mime_type="application/json",
        response_json_schema=SCHEMA,
        max_output_tokens=output_budget,  # includes thinking
        temperature=VARIED_TEMPERATURE if varied else None,
        media_resolution=_MEDIA_RESOLUTION,
        # Copying printed values takes little thinking, and thinking is billed as output.
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW),
        automatic_continuation=False,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    client = client_for(api_key)

    async def generate() -> types.GenerateContentResponse:
        return await client.aio.models.generate_content(
            model=model, contents=content, config=config
        )

    return outcome_of(generate, api_key, settings.GEMINI_TIMEOUT_SECONDS * DEADLINE_FACTOR)


def _count_prompt(api_key: str, model: str) -> int | None:
    """Have prompt and schema counted for a model; None, and a warning in the log, on failure."""
    count = _count_tokens(_PROMPT_TEXT, api_key, model, COUNT_TIMEOUT_SECONDS)
    if isinstance(count, ReadingError):
        logger.warning("The cost of the prompt is not known yet: %s (%s)", count.detail, count.code)
        return None
    return count


def _count_tokens(text: str, api_key: str, model: str, seconds: float) -> int | ReadingError:
    """Have Gemini count the LLM tokens of a text, which it does free of charge."""
    if not can_be_sent(api_key):
        return reading_error("key_rejected")
    client = client_for(api_key)

    async def count() -> types.CountTokensResponse:
        return await client.aio.models.count_tokens(model=model, contents=text)

    response = outcome_of(count, api_key, seconds)
    if isinstance(response, ReadingError):
        return response
    if not response.total_tokens or not 0 < response.total_tokens <= _MOST_COUNTED:
        return reading_error("malformed_answer")
    return response.total_tokens


def _reading(
    response: types.GenerateContentResponse, model: str, varied: bool
) -> Reading | ReadingError:
    """Return what an answer of status 200 says, or why it is no reading."""
    usage = _usage(response.usage_metadata)
    billing = Billing.UNKNOWN if usage is None else Billing.KNOWN
    usage = usage or NO_USAGE

    feedback = response.prompt_feedback
    candidate = response.candidates[0] if response.candidates else None
    finish = candidate.finish_reason if candidate else None

    def failed(code: str, correction: str = "") -> ReadingError:
        reasons = [finish, feedback.block_reason if feedback else None]
        return reading_error(
            code,
            billing=billing,
            usage=usage,
            correction=correction,
            provider_code=" ".join(["200", *(reason.value for reason in reasons if reason)]),
            provider_message=(candidate.finish_message or "")[:LONGEST_TEXT] if candidate else "",
        )

    # It comes and goes with the same document, so one more call may pass.
    is_recitation = finish == types.FinishReason.RECITATION
    if is_recitation and not varied:
        return failed(RECITATION)
    if (feedback and feedback.block_reason) or finish in _BLOCKED or is_recitation:
        return failed("blocked")
    if finish == types.FinishReason.MAX_TOKENS:
        return failed("max_tokens")
    content = candidate.content if candidate else None
    parts = (content.parts if content else None) or []
    text = "".join(part.text for part in parts if part.text and not part.thought)
    if not text:
        return failed("empty_answer")
    try:
        answer = normalised(clean_json(text))
    except Unusable as unusable:
        return failed("wrong_schema", CORRECTION.format(faults=unusable))
    return Reading(
        fields=answer.fields,
        model=(response.model_version or model)[:_LONGEST_MODEL],
        usage=usage,
        billing=billing,
        needs_review=bool(answer.reasons),
        warnings=answer.warnings,
        reasons=answer.reasons,
        further=answer.further,
    )


def _usage(metadata: types.GenerateContentResponseUsageMetadata | None) -> Usage | None:
    """Return what was billed, or None when the answer does not state it.

    The total rules where it is above its parts: Google leaves out candidates, prompt or thinking
    now and then. The difference is booked as thinking, and told in the log. Where the parts add up
    to more they rule, since it is by them that Google bills: a key is never charged less than that.
    """
    if metadata is None:
        return None
    stated, total = metadata.prompt_token_count, metadata.total_token_count
    if stated is None and total is None:
        return None
    prompt = (stated or 0) + (metadata.tool_use_prompt_token_count or 0)
    output = metadata.candidates_token_count or 0
    thinking = metadata.thoughts_token_count or 0
    missing = (total or 0) - (prompt + output + thinking)
    # A negative count is a garbled one, which no difference may hide.
    if missing > 0 and min(prompt, output, thinking) >= 0:
        logger.warning(
            "The answer states %s LLM tokens, %s more than its parts: booked as thinking.",
            total,
            missing,
        )
        thinking += missing
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        thinking_tokens=thinking,
        cached_tokens=metadata.cached_content_token_count or 0,
        text_prompt_tokens=_of_modality(metadata.prompt_tokens_details, types.MediaModality.TEXT),
        image_prompt_tokens=_of_modality(metadata.prompt_tokens_details, types.MediaModality.IMAGE),
        # The details are optional; we ask for text only.
        text_candidates_tokens=_of_modality(
            metadata.candidates_tokens_details, types.MediaModality.TEXT
        )
        or output,
    )


def _of_modality(
    details: list[types.ModalityTokenCount] | None, modality: types.MediaModality
) -> int:
    return sum(entry.token_count or 0 for entry in details or () if entry.modality == modality)
