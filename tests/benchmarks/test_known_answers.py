"""Documents are found with their right answers, and compared with what was read of them."""

import shutil
from pathlib import Path

import pytest

from benchmarks.known_answers import SAMPLES, complete, known_documents, without_xml
from benchmarks.readings import fields_read
from extraction.readers.einvoice.reader import einvoices_in
from tests.extraction.readers.einvoice.einvoices import cii, pdf

NAME = "acme-invoice.pdf"


def test_a_folder_is_taken_with_answers_beside_or_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(SAMPLES / NAME, folder / "a.pdf")
    shutil.copy(SAMPLES / "answers" / f"{NAME}.json", folder / "a.pdf.json")
    shutil.copy(pdf(tmp_path, "Rechnung RE-17", {"factur-x.xml": cii()}), folder / "b.pdf")
    shutil.copy(SAMPLES / "stark-photo.jpg", folder / "c.jpg")

    found = [known for known in known_documents(tmp_path, folder) if known.group == "folder"]

    assert [(known.name, known.answer["invoice_number"]) for known in found] == [
        ("a.pdf", "INV-2026-0417"),
        ("b.pdf", "RE-17"),
    ]
    assert [(known.has_xml, known.is_scan) for known in found] == [(False, False), (True, False)]
    assert "c.jpg is left out" in capsys.readouterr().out


def test_our_samples_are_known_without_the_shared_invoices(tmp_path: Path) -> None:
    scans = {known.name: known.is_scan for known in known_documents(tmp_path, None)}

    assert scans == {
        "acme-invoice.pdf": False,
        "globex-3-pages.pdf": False,
        "himal-tax-invoice.pdf": False,
        "hooli-scan.pdf": True,
        "stark-photo.jpg": True,
    }


def test_an_einvoice_is_taken_out_of_its_pdf(tmp_path: Path) -> None:
    path = pdf(tmp_path, "Rechnung RE-17", {"factur-x.xml": cii()})
    [known] = [one for one in known_documents(tmp_path, tmp_path) if one.group == "folder"]

    stripped = without_xml(known)

    assert len(list(einvoices_in(path))) == 1
    path.write_bytes(stripped.content)
    assert list(einvoices_in(path)) == []
    assert (stripped.has_xml, stripped.is_stripped, stripped.answer) == (False, True, known.answer)


def test_what_was_read_is_right_wrong_or_missing() -> None:
    right = {
        "supplier": {"name": "Acme Office Supplies Ltd", "tax_id": "GB 123 456 789"},
        "due_date": "2026-05-17",
        "tax_total": "154.68",
        "total_amount": "928.08",
        "charge_total": "0.00",
        "line_items": [{"description": "Copy paper", "amount": "444.00"}],
    }
    read = complete(
        right
        | {"supplier": {"name": "ACME  Office Supplies Ltd", "tax_id": "GB123456789"}}
        | {"due_date": None, "tax_total": "154.680", "total_amount": "928.80"}
        | {"charge_total": None, "line_items": []}
    )
    paths = ("supplier.name", "supplier.tax_id", "tax_total", "total_amount")
    evidence = {path: {"source": "text"} for path in paths}
    reasons = [{"path": "total_amount"}, {"path": "line_items"}]

    fields = fields_read({**read, "evidence": evidence, "reasons": reasons}, complete(right))

    assert {field.path: (field.outcome, field.source, field.flagged) for field in fields} == {
        "due_date": ("missing", "", False),
        "supplier.name": ("right", "text", False),
        "supplier.tax_id": ("right", "text", False),
        "line_items.0.description": ("missing", "", True),
        "line_items.0.amount": ("missing", "", True),
        "tax_total": ("right", "text", False),
        "total_amount": ("wrong", "text", True),
    }
    assert {field.name for field in fields} >= {"line_items[].amount", "supplier.name"}
