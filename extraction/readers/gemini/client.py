"""One HTTP request to Gemini: its client, its deadline and its errors.

No retry, no continuation and no function call by the SDK: each would be a paid call that the
ledger does not see.
"""

import asyncio
import os
import ssl
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import Any, TypeVar

import httpx2
from django.conf import settings
from google import genai
from google.genai import types
from pydantic import BaseModel

from extraction.readers.base import ReadingError
from extraction.readers.gemini import answers, errors
from tokens import encryption

T = TypeVar("T")

# v1 lacks the ``-latest`` model aliases.
API_VERSION = "v1beta"

# Of the time-out. The SDK's own time-outs (connect, each read) come first, since they tell whether
# the request was sent; the deadline ends an answer that keeps arriving in small pieces.
DEADLINE_FACTOR = 1.1
_CLIENTS_PER_PROCESS = 32
# The SDK builds each of its models when it is first used: some 60 ms of CPU for those of a call.
_MODELS_OF_A_CALL: tuple[type[BaseModel], ...] = (
    types.HttpOptions,
    types.GenerateContentConfig,
    types.Content,
    types.Part,
    types.GenerateContentResponse,
    types.Candidate,
    types.CountTokensResponse,
)


def can_be_sent(api_key: str) -> bool:
    """Whether a header can carry the key; for an empty one the SDK would take its environment's."""
    return bool(api_key.strip()) and api_key.isascii() and api_key.isprintable()


def outcome_of(
    call: Callable[[], Coroutine[Any, Any, T]], api_key: str, seconds: float
) -> T | ReadingError:
    """Make a call, end it after so many seconds, and return its answer or its ReadingError.

    Raises nothing: an exception of the SDK holds the request's headers, and with them the key.
    """

    async def within_deadline() -> T:
        # Cancelling closes the connection, whatever the socket waits for.
        async with asyncio.timeout(seconds):
            return await call()

    try:
        # A thread of its own: asyncio.run fails where an event loop is running.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gemini") as executor:
            return executor.submit(copy_context().run, asyncio.run, within_deadline()).result()
    except Exception as error:  # whatever it is: nothing of the SDK may leave this package
        failure = errors.failure(error)
        # Google names the key in some of its messages.
        failure.provider_message = failure.provider_message.replace(
            api_key, encryption.mask(api_key)
        )
        return failure


def preload() -> None:
    """Make what each process needs for its first call, so that those forked later share it."""
    tls_context()
    for model in _MODELS_OF_A_CALL:
        model.model_rebuild()


def client_for(api_key: str) -> genai.Client:
    """Return this process's client for a key."""
    timeout_ms = int(settings.GEMINI_TIMEOUT_SECONDS * 1000)
    return _client(os.getpid(), api_key, settings.GEMINI_BASE_URL, timeout_ms)


# pid: a client must not be used after a fork. The base URL and time-out are part of the client.
@lru_cache(maxsize=_CLIENTS_PER_PROCESS)
def _client(_pid: int, api_key: str, base_url: str, timeout_ms: int) -> genai.Client:
    return genai.Client(
        api_key=api_key,
        vertexai=False,
        http_options=types.HttpOptions(
            api_version=API_VERSION,
            base_url=base_url or None,
            timeout=timeout_ms,
            retry_options=types.HttpRetryOptions(attempts=1),
            client_args={"verify": tls_context()},
            async_client_args={
                "verify": tls_context(),
                # Of web sockets, which we never open: the SDK would make one for each client.
                "ssl": tls_context(),
                # The key's header would be sent to the other host as well.
                "follow_redirects": False,
                "event_hooks": {"response": [answers.sanitise]},
                "headers": {"Accept-Encoding": answers.ACCEPT_ENCODING},
                # No connection is kept open between calls: they are seconds apart, their event
                # loop ends with them, and a connection that the server closed while it was idle
                # looks like one dropped after sending, which is charged.
                "limits": httpx2.Limits(max_keepalive_connections=0),
            },
        ),
    )


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return the one TLS context; making it takes longer than the rest of a client."""
    return httpx2.create_ssl_context()
