"""The child process of our own parsers, here without a process."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from extraction.documents import child
from extraction.evidence import proof
from extraction.exceptions import DocumentRejected
from extraction.readers import offline_child
from extraction.readers.einvoice import child as einvoice_child
from tests.extraction.readers.einvoice.einvoices import cii, pdf


def answer_with(outcome: object, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return what is written for a module that returns, or raises, the outcome."""
    module = ModuleType("hostile")

    def answer(arguments: list[str]) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return [outcome, *arguments]

    module.answer = answer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hostile", module)
    return child.main(["hostile", "a", "b"])


def test_an_answer_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer_with(1, monkeypatch) == {"answer": [1, "a", "b"]}


def test_a_rejection_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    rejection = DocumentRejected("corrupt_file", "It is damaged.")

    assert answer_with(rejection, monkeypatch) == {
        "rejected": {"code": "corrupt_file", "detail": "It is damaged.", "http_status": 422}
    }


def test_a_fault_of_the_machine_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer_with(OSError(28, "No space left"), monkeypatch) == {"errno": 28}


def test_any_other_fault_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="of no kind"):
        answer_with(OSError("of no kind"), monkeypatch)


def test_the_children_of_the_readers_answer_with_fields(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("Invoice No: 4711\nTotal: 144.90", "utf-8")

    assert offline_child.answer([str(text)])["invoice_number"] == "4711"
    [einvoice] = einvoice_child.answer([str(pdf(tmp_path, "a page", {"factur-x.xml": cii()}))])
    assert einvoice["invoice_number"] == "RE-17"


def test_the_child_of_the_evidence_answers_with_a_proof(tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    job.write_text(
        '{"invoice": {"invoice_number": "4711", "iban": null,'
        ' "supplier": {"name": null, "tax_id": null},'
        ' "customer": {"name": null, "tax_id": null}}, "einvoice": null, "is_einvoice": false,'
        ' "pages": [[1, "text", [["4711", 0.1, 0.2, 0.3, 0.4]], 0]]}',
        "utf-8",
    )

    assert proof.answer([str(job)])["evidence"] == {
        "invoice_number": {"source": "text", "page": 1, "box": [0.1, 0.2, 0.3, 0.4]}
    }
