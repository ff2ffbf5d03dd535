"""What is found of an invoice on its document, as JSON: the child process answers with it."""

from collections.abc import Sequence
from typing import TypedDict


class Found(TypedDict):
    """Evidence as JSON."""

    source: str
    page: int | None
    box: Sequence[float] | None


class Doubt(TypedDict):
    """Something that speaks against a value; ``said`` is what the document says instead."""

    path: str
    code: str
    said: str | None


class Proof(TypedDict):
    """What was found: evidence by path, and the doubts about values by path."""

    evidence: dict[str, Found]
    doubts: list[Doubt]
