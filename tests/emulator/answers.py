"""Which answer a document gets: from files, from the test, or made up from the schema."""

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.emulator.requests import GenerateRequest

_SHA256 = re.compile(r"[0-9a-f]{64}")

# A consistent invoice by field name, so that an answer made up by hand passes the checks.
_EXAMPLES: Mapping[str, object] = {
    "document_type": "invoice",
    "invoice_date": "2026-01-15",
    "invoice_miti": "2082-10-01",
    "due_date": "2026-02-14",
    "transaction_date": "2026-01-15",
    "currency": "NPR",
    "name": "Emulated Traders Pvt. Ltd.",
    "tax_id": "600123456",
    "address": "Kathmandu, Nepal",
    "quantity": "2",
    "unit": "PCS",
    "unit_price": "50.00",
    "discount": "0.00",
    "mrp": "60.00",
    "alternate_quantity": "2",
    "shortage": "0",
    "breakage": "0",
    "leakage": "0",
    "amount": "100.00",
    "rate": "13",
    "tax_rate": "13",
    "taxable_amount": "100.00",
    "tax_amount": "13.00",
    "tax_total": "13.00",
    "subtotal": "100.00",
    "discount_total": "0.00",
    "charge_total": "0.00",
    "total_amount": "113.00",
    "withholding_total": "0.00",
    "prepaid_amount": "0.00",
    "rounding_amount": "0.00",
    "amount_due": "113.00",
    "price_base_quantity": "1",
    "percent": "2",
    "until": "2026-01-25",
    "iban": "DE89370400440532013000",
}


class Answers:
    """Answers by document. Safe to change while the emulator runs.

    A document is identified by the SHA-256 of its first image, or of all its images' bytes in
    order. Unknown documents take the answers added without a key, in order of
    arrival, and then a made-up invoice. A str is sent unchanged, anything else as JSON.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_hash: dict[str, object] = {}
        self._in_order: list[object] = []

    @classmethod
    def load(cls, path: Path) -> "Answers":
        """Read a file or a folder.

        A file maps hashes to answers. A folder holds ``<name>.json`` per document; its
        ``index.json`` maps hashes to names. Files that the index leaves out are the answers
        to unknown documents, in the order of their names.
        """
        answers = cls()
        if path.is_file():
            for sha256, answer in _read(path).items():
                answers.add(answer, sha256)
            return answers
        index_file = path / "index.json"
        index: dict[str, str] = _read(index_file) if index_file.exists() else {}
        for sha256, name in index.items():
            answers.add(_read(path / f"{name}.json"), sha256)
        for file in sorted(path.glob("*.json")):
            if file != index_file and file.stem not in index.values():
                answers.add(_read(file))
        return answers

    def add(self, answer: object, sha256: str | None = None) -> None:
        """Answer the document of this hash, or else the next unknown one."""
        if sha256 is not None and not _SHA256.fullmatch(sha256):
            raise ValueError(f"Not a SHA-256 in lower case: {sha256}.")
        with self._lock:
            if sha256 is None:
                self._in_order.append(answer)
            else:
                self._by_hash[sha256] = answer

    def text_for(self, request: GenerateRequest) -> str:
        """Return the text that the model answers."""
        answer = self._answer(request)
        return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)

    def _answer(self, request: GenerateRequest) -> object:
        with self._lock:
            for sha256 in (request.images[0].sha256, request.document):
                if sha256 in self._by_hash:
                    return self._by_hash[sha256]
            if self._in_order:
                # Remembered, so that a retry is answered like the first call.
                self._by_hash[request.document] = self._in_order.pop(0)
                return self._by_hash[request.document]
        return made_up(request.schema, request.document)


def made_up(schema: dict[str, Any], document: str) -> Any:
    """Return a complete answer that satisfies the schema, with an invoice number per document."""
    examples = {**_EXAMPLES, "invoice_number": f"EMU-{document[:8].upper()}"}
    return _value(schema, "", schema.get("$defs", {}), examples)


def _value(
    schema: dict[str, Any], name: str, definitions: dict[str, Any], examples: Mapping[str, object]
) -> Any:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in schema:
        schema = next(option for option in schema["anyOf"] if option.get("type") != "null")
        return _value(schema, name, definitions, examples)
    if isinstance(schema["type"], list):
        kind = next(kind for kind in schema["type"] if kind != "null")
        return _value({**schema, "type": kind}, name, definitions, examples)
    if schema["type"] == "object":
        return {
            key: _value(inner, key, definitions, examples)
            for key, inner in schema["properties"].items()
        }
    if schema["type"] == "array":
        return [_value(schema["items"], name, definitions, examples)]
    return examples.get(name, f"{name.replace('_', ' ')} 1")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
