"""What a ``generateContent`` body asks for, rejected where Gemini would reject it."""

import base64
import hashlib
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from PIL import Image as Pillow

from tests.emulator.billing import IMAGE_TOKENS


class InvalidRequest(Exception):
    """Gemini answers this body with 400 INVALID_ARGUMENT, or the project must not send it."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image part as it arrived."""

    sha256: str
    media_type: str
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """The parts of a request that decide its answer and its price."""

    text: str
    images: tuple[Image, ...]
    document: str
    schema: dict[str, Any]
    image_tokens: int
    output_budget: int
    temperature: float | None


def parse(body: Any) -> GenerateRequest:
    """Read a body. Raises InvalidRequest with the reason."""
    body = _camel_case(body)
    if not isinstance(body, dict) or not isinstance(body.get("contents"), list):
        raise InvalidRequest("contents is required.")
    text, images, document = _parts(body)
    config = body.get("generationConfig")
    if not isinstance(config, dict):
        raise InvalidRequest("generationConfig is required.")
    if config.get("responseMimeType") != "application/json":
        raise InvalidRequest("responseMimeType must be application/json for a schema.")
    schema = config.get("responseJsonSchema")
    if not isinstance(schema, dict):
        raise InvalidRequest("responseJsonSchema is required.")
    check_schema(schema)
    budget = config.get("maxOutputTokens")
    if not isinstance(budget, int) or budget < 1:
        raise InvalidRequest("maxOutputTokens must be a positive integer.")
    resolution = config.get("mediaResolution", "MEDIA_RESOLUTION_UNSPECIFIED")
    if resolution not in IMAGE_TOKENS:
        raise InvalidRequest(f"Invalid mediaResolution: {resolution}.")
    if not images:
        raise InvalidRequest("No image part.")
    return GenerateRequest(
        text=text + json.dumps(schema),
        images=images,
        document=document,
        schema=schema,
        image_tokens=IMAGE_TOKENS[resolution] * len(images),
        output_budget=budget,
        temperature=config.get("temperature"),
    )


def contents_text(body: Any) -> str:
    """Read the text of a body that has contents and nothing else. Raises InvalidRequest."""
    if not isinstance(body, dict) or body.keys() != {"contents"} or not body["contents"]:
        raise InvalidRequest("contents is required, and nothing else is known.")
    text, images, _ = _parts(body)
    if images:
        raise InvalidRequest("Count images with a generateContentRequest.")
    return text


def _parts(body: dict[str, Any]) -> tuple[str, tuple[Image, ...], str]:
    texts: list[str] = []
    images: list[Image] = []
    document = hashlib.sha256()
    for content in [body.get("systemInstruction", {}), *body["contents"]]:
        for part in content.get("parts", []):
            if "text" in part:
                texts.append(part["text"])
            elif "inlineData" in part:
                data = _bytes(part["inlineData"].get("data", ""))
                images.append(_image(part["inlineData"].get("mimeType", ""), data))
                document.update(data)
            else:
                raise InvalidRequest(f"Unsupported part: {sorted(part)}.")
    return "".join(texts), tuple(images), document.hexdigest()


def _camel_case(value: Any) -> Any:
    """Return field names in camel case; protobuf's JSON accepts the SDK's snake_case as well."""
    if isinstance(value, list):
        return [_camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        (name := re.sub(r"_(.)", lambda found: found[1].upper(), key)): (
            item if name == "responseJsonSchema" else _camel_case(item)
        )
        for key, item in value.items()
    }


def _bytes(data: str) -> bytes:
    """Decode base64 of either alphabet, as protobuf's JSON does."""
    try:
        return base64.b64decode(data.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        raise InvalidRequest("Invalid base64 in inlineData.") from None


def _image(media_type: str, data: bytes) -> Image:
    try:
        with Pillow.open(io.BytesIO(data)) as image:
            width, height = image.size
            image_type = image.get_format_mimetype()
    except OSError:
        raise InvalidRequest("Unable to process input image.") from None
    if image_type != media_type:
        raise InvalidRequest(f"The image is {image_type}, not {media_type}.")
    return Image(hashlib.sha256(data).hexdigest(), media_type, len(data), width, height)


def check_schema(schema: Any) -> None:
    """Reject a schema that lets fields be invented, or that Gemini rejects."""
    if isinstance(schema, list):
        for item in schema:
            check_schema(item)
    if not isinstance(schema, dict):
        return
    if "$ref" in schema and any(not name.startswith("$") for name in schema):
        raise InvalidRequest("A $ref can have no other properties beside it.")
    if schema.get("type") == "object":
        if not set(schema.get("required", [])) <= set(schema.get("properties", {})):
            raise InvalidRequest("Only a property can be required.")
        if schema.get("additionalProperties") is not False:
            raise InvalidRequest("additionalProperties must be false.")
    for name, value in schema.items():
        if name in ("properties", "$defs"):
            check_schema(list(value.values()))
        else:
            check_schema(value)
