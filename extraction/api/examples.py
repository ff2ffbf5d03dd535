"""Examples of answers in the OpenAPI description, as tests got them: extraction/api/examples.json.

``tests/extraction/api/test_examples.py`` compares them with what is answered, and writes them anew.
"""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("examples.json")


def exemplify(result: dict[str, Any]) -> dict[str, Any]:
    """Put each example beside the shape of its answer; the same object is returned."""
    examples = json.loads(FILE.read_text("utf-8"))
    for methods in result["paths"].values():
        for operation in methods.values():
            for status, example in examples.get(operation["operationId"], {}).items():
                answer = operation["responses"][status]["content"]["application/json"]
                answer["example"] = example
    return result
