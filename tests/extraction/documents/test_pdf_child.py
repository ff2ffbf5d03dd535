"""The child's work, done here; that it runs as a child is tested by its callers."""

import base64
import json
from pathlib import Path

import pytest

from extraction.readers import pdf_child
from tests.extraction.readers.einvoice.einvoices import cii, pdf


def test_the_xml_attachments_are_printed_einvoices_by_name_first(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    attachments = {"a.xml": b"<a/>", "b.pdf": b"%PDF-", "Factur-X.xml": cii()}

    pdf_child.main("attachments", str(pdf(tmp_path, attachments=attachments)))

    printed = json.loads(capfdbinary.readouterr().out)
    assert [base64.b64decode(xml) for xml in printed] == [cii(), b"<a/>"]


def test_the_text_layer_is_printed(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    pdf_child.main("text", str(pdf(tmp_path, "Total  67,83\nMünchen")))

    lines = capfdbinary.readouterr().out.decode().split("\n")
    assert [" ".join(line.split()) for line in lines] == ["Total 67,83", "München"]
