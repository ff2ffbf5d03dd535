"""What Gemini's answers are reduced to before anything else reads them: bounded, sane JSON.

Nothing in an answer is trusted: neither its size nor its encoding, texts or numbers.
"""

import json
import re
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2

# Bytes, unpacked. The longest answer (65,536 LLM tokens) has less than one in ten of them.
LARGEST = 8 * 2**20
# JSON takes up to 60 times its size in memory when it is nothing but brackets.
MOST_VALUES = 200_000
# What we unpack; httpx2 would announce others, too.
ACCEPT_ENCODING = "gzip, deflate"
# A count that is none: no call costs this.
NO_COUNT = -1
# Digits of an integer beyond which it is cut, since Python converts no more than 4,300.
_DIGITS = 40

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<bad>u[dD][89a-fA-F][0-9a-fA-F]{2}|u0000)|.)",
    re.DOTALL,
)
_REPLACEMENT = "\ufffd"


class AnswerTooLarge(Exception):
    """An answer is larger than any that was asked for."""


def clean(text: str) -> str:
    """Return a text that every database stores: no NUL, no lone surrogates."""
    return text.encode(errors="replace").decode().replace("\0", _REPLACEMENT)


def clean_json(text: str) -> str:
    """Return a JSON text whose strings are ``clean``, escapes included."""
    return _ESCAPE.sub(
        lambda escape: r"\ufffd" if escape["bad"] else escape[0],
        clean(text),
    )


async def sanitise(response: httpx2.Response) -> None:
    """Have a response's body bounded and made sane while it is read; a hook of httpx2."""
    encoding = response.headers.pop("content-encoding", "")
    response.stream = _SaneBody(response.stream, encoding, response.status_code)


class _SaneBody(httpx2.AsyncByteStream):
    """A body in one piece. Reading it raises AnswerTooLarge and DecodingError for status 200."""

    def __init__(self, stream: Any, encoding: str, status: int) -> None:
        self._stream = stream
        self._encoding = encoding.strip().lower()
        self._status = status

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            body = sane_body(await self._unpacked())
        except (AnswerTooLarge, httpx2.DecodingError):
            if self._status == 200:
                raise
            body = b""  # an error's status says enough
        yield body

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def _unpacked(self) -> bytes:
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise httpx2.DecodingError("an encoding that was not asked for")
        # gzip or zlib, as the data say.
        unpacker = zlib.decompressobj(47) if self._encoding not in ("", "identity") else None
        body, received = bytearray(), 0
        async for piece in self._stream:
            received += len(piece)
            if unpacker is None:
                body += piece
            else:
                try:
                    body += unpacker.decompress(piece, LARGEST + 1 - len(body))
                except zlib.error:
                    raise httpx2.DecodingError("the answer cannot be unpacked") from None
            if max(received, len(body)) > LARGEST:
                raise AnswerTooLarge
        if unpacker is not None and not unpacker.eof:
            raise httpx2.DecodingError("the answer is cut off")
        return bytes(body)


def sane_body(body: bytes) -> bytes:
    """Return a JSON body with clean texts and whole numbers as counts of LLM tokens.

    A body that is no JSON stays a text. Raises AnswerTooLarge for one with too many values.
    """
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > MOST_VALUES:
        raise AnswerTooLarge
    text = body.decode(errors="replace")
    try:
        answer = _sane(json.loads(text, parse_int=lambda digits: int(digits[:_DIGITS])))
        if isinstance(answer, dict) and isinstance(answer.get("usageMetadata"), dict):
            answer["usageMetadata"] = _sane_usage(answer["usageMetadata"])
        return json.dumps(answer).encode()
    except json.JSONDecodeError:
        return clean(text).encode()
    except RecursionError:
        return b""


def _sane(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case list():
            return [_sane(item) for item in value]
        case dict():
            return {clean(key): _sane(item) for key, item in value.items()}
    return value


def _sane_usage(usage: dict[str, Any]) -> dict[str, Any]:
    sane: dict[str, Any] = {}
    for name, value in usage.items():
        if name.endswith("TokenCount"):
            sane[name] = None if value is None else _count(value)
        elif name.endswith("TokensDetails"):
            sane[name] = [
                {"modality": entry["modality"], "tokenCount": _count(entry.get("tokenCount", 0))}
                for entry in (value if isinstance(value, list) else [])
                if isinstance(entry, dict) and isinstance(entry.get("modality"), str)
            ]
    return sane


def _count(value: Any) -> int:
    """Return a count as protobuf's JSON may write it (5, "5", 5.0), or NO_COUNT."""
    match value:
        case bool():
            return NO_COUNT
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case str() if value.isascii() and value.isdecimal():
            return int(value[:_DIGITS])
    return NO_COUNT
