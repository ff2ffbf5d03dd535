"""What callers outside the sandbox get of the e-invoices inside a PDF."""

from pathlib import Path
from typing import Any

import pytest

from extraction.documents import sandbox
from extraction.documents.sandbox import ChildDied, OutOfCpu, OutOfTime
from extraction.exceptions import ExtractionFailed, RenderBusy
from extraction.invoices.schema import InvoiceFields
from extraction.models import ReaderChoice
from extraction.readers.einvoice.embedded import (
    _may_have_attachments,
    embedded_einvoices,
    is_complete,
)
from extraction.readers.einvoice.first import has_einvoice_to_read, read_first
from extraction.readers.einvoice.reader import fields_of
from ocrsite.lib.errors import StorageUnavailable
from tests.extraction.readers.einvoice.einvoices import cii, cii_without_lines, pdf, ubl

PDF = "application/pdf"


def einvoice(**changes: object) -> InvoiceFields:
    fields = fields_of(cii())
    assert fields is not None
    return fields.model_copy(update=changes)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules of the children that a test starts."""
    modules = []
    run_child = sandbox.run_child

    def record(module: str, *arguments: str, **options: Any) -> Any:
        modules.append(module)
        return run_child(module, *arguments, **options)

    monkeypatch.setattr(sandbox, "run_child", record)
    return modules


def test_einvoices_are_read_in_a_child_once_for_several_callers(
    tmp_path: Path, children: list[str]
) -> None:
    path = pdf(tmp_path, attachments={"factur-x.xml": cii(), "b.xml": ubl()})

    found = [embedded_einvoices(path) for _ in range(3)]

    assert [fields.invoice_number for fields in found[0]] == ["RE-17", "INV/8"]
    assert found[0] == found[1] == found[2]
    assert children == ["extraction.readers.einvoice.child"]


def test_another_file_at_the_same_place_is_read_anew(tmp_path: Path) -> None:
    one = embedded_einvoices(pdf(tmp_path, attachments={"factur-x.xml": cii()}))
    other = embedded_einvoices(pdf(tmp_path, "text", attachments={"factur-x.xml": ubl()}))

    assert [one[0].invoice_number, other[0].invoice_number] == ["RE-17", "INV/8"]


def test_a_pdf_that_can_hold_no_file_starts_no_child(tmp_path: Path, children: list[str]) -> None:
    assert embedded_einvoices(pdf(tmp_path, "Invoice No: 7")) == []
    assert children == []


@pytest.mark.parametrize("problem", [OutOfCpu, ChildDied])
def test_a_hostile_pdf_has_none(
    problem: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr(sandbox, "run_child", fail)

    assert embedded_einvoices(pdf(tmp_path, attachments={"factur-x.xml": cii()})) == []


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, True),
        ({"line_items": []}, False),
        ({"invoice_number": None}, False),
        ({"invoice_date": None}, False),
        ({"total_amount": None}, False),
        ({"currency": None}, False),
        ({"supplier": einvoice().customer.model_copy(update={"name": None})}, False),
    ],
)
def test_an_einvoice_is_complete_with_all_that_an_invoice_must_have(
    changes: dict[str, object], complete: bool
) -> None:
    assert is_complete(einvoice(**changes)) is complete


@pytest.mark.parametrize(
    ("xml", "choice", "einvoice_first", "is_read"),
    [
        (cii(), "auto", True, True),
        (cii(), "auto", False, False),
        (cii(), "einvoice", False, True),
        (cii(), "model", True, False),
        (cii_without_lines(), "auto", True, False),
        (cii_without_lines(), "einvoice", True, True),
        (b"<Invoice/>", "auto", True, False),
    ],
)
def test_an_einvoice_is_read_first_where_that_is_wanted(
    xml: bytes, choice: str, einvoice_first: bool, is_read: bool, tmp_path: Path, settings: Any
) -> None:
    settings.EINVOICE_FIRST = einvoice_first
    path = pdf(tmp_path, "text", {"factur-x.xml": xml})

    reading = read_first(path, PDF, choice)

    assert has_einvoice_to_read(path, PDF, choice) is is_read
    assert (reading is not None and reading.model) == ("e-invoice" if is_read else False)


@pytest.mark.parametrize("media_type", [PDF, "image/png"])
def test_a_document_without_an_einvoice_fails_where_only_that_is_wanted(
    media_type: str, tmp_path: Path
) -> None:
    with pytest.raises(ExtractionFailed) as caught:
        read_first(pdf(tmp_path, "text"), media_type, ReaderChoice.EINVOICE)

    assert (caught.value.code, caught.value.http_status) == ("no_einvoice", 422)


def test_a_document_that_is_not_there_has_no_verdict(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pdf"

    assert read_first(missing, PDF, ReaderChoice.AUTO) is None
    with pytest.raises(StorageUnavailable):
        read_first(missing, PDF, ReaderChoice.EINVOICE)


@pytest.mark.parametrize(
    ("problem", "fault"), [(OutOfTime, RenderBusy), (OSError, StorageUnavailable)]
)
def test_what_this_machine_cannot_do_now_is_no_verdict_on_the_document(
    problem: type[Exception],
    fault: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr(sandbox, "run_child", fail)

    with pytest.raises(fault):
        read_first(pdf(tmp_path, attachments={"factur-x.xml": cii()}), PDF, ReaderChoice.AUTO)


@pytest.mark.parametrize(
    "stream",
    [
        b"<</Type/EmbeddedFile/Length 9>>stream",
        b"<</Params<</Size 9>>/Length 9>>stream",
        b"<</Subtype/text#2Fxml/Length 9>>stream",
        b"<</Subtype /application#2fxml/Length 9>>stream",
    ],
)
def test_a_file_is_suspected_although_what_refers_to_it_is_compressed(stream: bytes) -> None:
    assert _may_have_attachments(b"%PDF-1.7 " + stream)
    assert not _may_have_attachments(b"%PDF-1.7 <</DecodeParms<</Columns 4>>/Length 9>>stream")
