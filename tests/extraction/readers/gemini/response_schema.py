"""The schema that Gemini gets, made from the canonical invoice.

``python -m tests.extraction.readers.gemini.response_schema`` writes the file anew; the prompt's
version then changes by itself, since it is a digest.
"""

import json
from pathlib import Path
from typing import Any

from extraction.invoices.schema import InvoiceFields

FILE = Path(__file__).parents[4] / "extraction/readers/gemini/prompts" / "invoice_schema_v2.json"
# Titles repeat the names and defaults are what a key left out means anyway. Patterns and lengths
# have no effect on Gemini (ai.google.dev/gemini-api/docs/structured-output).
LEFT_OUT = frozenset({"title", "default", "pattern", "minLength", "maxLength"})


def response_schema() -> dict[str, Any]:
    """Return pydantic's schema of the invoice, without what costs LLM tokens and does nothing."""
    return _short(InvoiceFields.model_json_schema())


def _short(schema: dict[str, Any]) -> dict[str, Any]:
    short = {name: value for name, value in schema.items() if name not in LEFT_OUT}
    for named in ("properties", "$defs"):
        if named in short:
            short[named] = {name: _short(inner) for name, inner in short[named].items()}
    if "items" in short:
        short["items"] = _short(short["items"])
    match short.pop("anyOf", None):
        case [dict() as scalar, {"type": "null"}]:
            value = _short(scalar)
            short = {**value, "type": [value["type"], "null"], **short}
        case None:
            pass
        case other:
            raise ValueError(f"No short form of {other}.")
    return short


if __name__ == "__main__":
    FILE.write_text(json.dumps(response_schema(), indent=1) + "\n", encoding="utf-8")
