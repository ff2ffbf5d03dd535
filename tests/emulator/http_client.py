"""Calls of the emulator by plain HTTP, for its tests."""

import base64
import http.client
import io
import json
from typing import Any

from PIL import Image

from extraction.invoices.schema import InvoiceFields
from tests.emulator import Emulator

PATH = "/v1beta/models/gemini-3.8-flash:generateContent"
SCHEMA = InvoiceFields.model_json_schema()


def jpeg(colour: str = "red", size: tuple[int, int] = (40, 50)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "JPEG")
    return data.getvalue()


def request_body(*images: bytes, **config: object) -> dict[str, Any]:
    parts: list[dict[str, object]] = [
        {"inlineData": {"mimeType": "image/jpeg", "data": base64.b64encode(image).decode()}}
        for image in images
    ]
    return {
        "systemInstruction": {"parts": [{"text": "Read."}]},
        "contents": [{"role": "user", "parts": parts}],
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
            "maxOutputTokens": 2000,
            **config,
        },
    }


def send(
    emulator: Emulator, method: str, path: str, body: object = None, key: str = "key-1"
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://").strip("/"))
    try:
        headers = {"x-goog-api-key": key} if key else {}
        payload = body if isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, payload, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def generate(emulator: Emulator, *images: bytes, key: str = "key-1", **config: object) -> Any:
    status, answer = send(emulator, "POST", PATH, request_body(*images, **config), key)
    assert status == 200
    return answer


def text_of(answer: Any) -> Any:
    return json.loads(answer["candidates"][0]["content"]["parts"][0]["text"])
