"""Cases of public bug reports that the offline reader has to read right, or to flag."""

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extraction.documents import rendering
from extraction.documents.document import Document
from extraction.documents.media_types import PDF
from extraction.evidence.collection import collect, compare
from extraction.evidence.verdict import judge
from extraction.exceptions import DocumentRejected
from extraction.readers.offline import OfflineReader
from tests.shared_files import SHARED, needs_shared

CASES = ("33", "36", "38", "40", "41", "43", "45", "46", "48", "51")
NEED_OCR = ("36", "40", "41")


def reported() -> list[Any]:
    if SHARED is None:
        return []
    cases = json.loads((SHARED / "reports" / "cases.json").read_text("utf-8"))
    return [
        pytest.param(
            case,
            id=case["id"],
            marks=pytest.mark.skipif(
                case["id"] in NEED_OCR and shutil.which("tesseract") is None,
                reason="tesseract is not installed",
            ),
        )
        for case in cases
        if case["id"] in CASES
    ]


def answer(path: Path, folder: Path) -> dict[str, Any]:
    """Return what is answered for a file, or what is said when it is rejected."""
    try:
        if path.suffix == ".pdf":
            media_type, count = PDF, rendering.count_pdf_pages(path)
        else:
            found, count = rendering.examine_image(path, None, 50)
            assert found is not None
            media_type = found
    except DocumentRejected as rejected:
        return {"says": rejected.detail}
    document = Document(path, media_type, rendering.render(path, media_type, count, folder))
    reading = OfflineReader().read(document, api_key="", model="", output_budget=0)
    invoice = judge(reading, compare(reading, collect(document)), date(2026, 11, 24))
    return invoice.model_dump(mode="json")


def value_at(answered: dict[str, Any], path: str) -> Any:
    value: Any = answered
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value.get(part)
    return value


def is_met(answered: dict[str, Any], expected: dict[str, Any]) -> bool:
    for path, wanted in expected.items():
        if path == "says":
            if wanted not in answered.get("says", ""):
                return False
        elif "says" in answered:
            return False
        else:
            found = value_at(answered, path)
            if isinstance(found, str) and path.endswith("amount"):
                found, wanted = Decimal(found), Decimal(wanted)
            if found != wanted:
                return False
    return True


@needs_shared
@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("case", reported())
def test_a_reported_document_is_read_as_expected(case: dict[str, Any], tmp_path: Path) -> None:
    assert SHARED is not None

    answered = answer(SHARED / "reports" / case["file"], tmp_path)

    assert any(is_met(answered, expected) for expected in case["expect_any_of"]), answered
