"""The bodies of ``generateContent`` answers, and what they are billed."""

from dataclasses import dataclass
from typing import Any

from tests.emulator.billing import BYTES_PER_TOKEN, Bill, text_tokens
from tests.emulator.requests import GenerateRequest

# Fixed amounts, which tests can expect.
THINKING_TOKENS = 100
CACHED_TOKENS = 40

MODEL_VERSION_SUFFIX = "-001"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of status 200."""

    body: dict[str, Any]
    bill: Bill
    outcome: str


def reply(
    kind: str, request: GenerateRequest, text: str, model: str, *, use_whole_budget: bool
) -> Reply:
    """Answer with the text, changed as the kind of fault says.

    An answer that does not fit the output budget is cut, as Gemini does: MAX_TOKENS. With
    ``use_whole_budget`` thinking takes what the answer leaves of it.
    """
    prompt = Bill(text=text_tokens(request.text), images=request.image_tokens)
    match kind:
        case "blocked_prompt":
            body: dict[str, Any] = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
            return Reply(_metered(body, prompt, model), prompt, kind)
        case "no_candidates":
            return Reply(_metered({}, prompt, model), prompt, kind)
        case "safety" | "recitation":
            body = {"candidates": [{"finishReason": kind.upper(), "index": 0}]}
            return Reply(_metered(body, prompt, model), prompt, kind)
        case "wrong_schema":
            text = "{}"
        case "unknown_field":
            text = text[:-1] + ', "surprise": true}'
        case "not_json":
            text = "Here is your invoice."
    output = text_tokens(text)
    thinking = THINKING_TOKENS
    if use_whole_budget:
        thinking = max(0, request.output_budget - output)
    finish = "STOP"
    if kind == "max_tokens" or output + thinking > request.output_budget:
        kind, finish = "max_tokens", "MAX_TOKENS"
        thinking = min(thinking, request.output_budget)
        output = request.output_budget - thinking
        text = text.encode()[: output * BYTES_PER_TOKEN // 2].decode(errors="ignore")
    bill = Bill(
        text=prompt.text,
        images=prompt.images,
        answer=output,
        thinking=thinking,
        cached=min(CACHED_TOKENS, prompt.text),
    )
    candidate = {
        "content": {"role": "model", "parts": [{"text": text}]},
        "finishReason": finish,
        "index": 0,
    }
    answer = _metered({"candidates": [candidate]}, bill, model)
    if kind == "no_usage":
        del answer["usageMetadata"]
    return Reply(answer, bill, kind)


def _metered(body: dict[str, Any], bill: Bill, model: str) -> dict[str, Any]:
    return {
        **body,
        "usageMetadata": bill.as_usage_metadata(),
        "modelVersion": model + MODEL_VERSION_SUFFIX,
    }
