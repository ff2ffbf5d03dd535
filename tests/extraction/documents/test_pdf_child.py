"""The child's work, done in this process; that it runs as a child is tested by its callers."""

import base64
import io
import json
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

from extraction.documents import pdf_child
from tests.extraction import sample_documents
from tests.extraction.readers.einvoice.einvoices import cii, pdf


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (sample_documents.pdf("one", "two"), "2"),
        (sample_documents.locked_pdf(user="user", owner="owner"), "password_protected"),
        (b"%PDF-1.7", "corrupt_file"),
    ],
)
def test_count_answers_with_a_count_or_a_code(content: bytes, answer: str, tmp_path: Path) -> None:
    document = tmp_path / "document.pdf"
    document.write_bytes(content)

    assert pdf_child.main(["count", str(document)]) == answer


def test_render_draws_bounded_jpegs(tmp_path: Path) -> None:
    document = tmp_path / "document.pdf"
    document.write_bytes(sample_documents.pdf("one"))

    assert pdf_child.main(["render", str(document), str(tmp_path), "90", "78"]) == "1"
    with Image.open(tmp_path / "001.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (90, 60))


def test_render_draws_one_page_alone(tmp_path: Path) -> None:
    document = tmp_path / "document.pdf"
    document.write_bytes(sample_documents.pdf("one", "two", "three"))

    assert pdf_child.main(["render", str(document), str(tmp_path), "90", "78", "2"]) == "3"

    assert [path.name for path in tmp_path.glob("*.jpg")] == ["002.jpg"]


def test_attachments_are_the_xml_files_einvoices_by_name_first(tmp_path: Path) -> None:
    attachments = {"a.xml": b"<a/>", "b.pdf": b"%PDF-", "Factur-X.xml": cii()}

    answer = pdf_child.main(["attachments", str(pdf(tmp_path, attachments=attachments))])

    assert [base64.b64decode(xml) for xml in json.loads(answer)] == [cii(), b"<a/>"]


def test_a_pdf_with_attachments_is_no_portfolio(tmp_path: Path) -> None:
    document = pdf(tmp_path, attachments={"b.pdf": b"%PDF-"})

    assert pdf_child.main(["portfolio", str(document)]) == "no"


def test_text_is_the_text_layer(tmp_path: Path) -> None:
    answer = pdf_child.main(["text", str(pdf(tmp_path, "Total  67,83\nMünchen"))])

    assert [" ".join(line.split()) for line in answer.split("\n")] == ["Total 67,83", "München"]


@pytest.mark.parametrize(
    ("password", "answer"),
    [("üser", "unlocked"), ("owner", "unlocked"), ("wrong", "password_protected")],
)
def test_unlock_saves_the_pdf_without_its_password(
    password: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, target = tmp_path / "document.pdf", tmp_path / "unlocked"
    document.write_bytes(sample_documents.locked_pdf(user="üser", owner="owner"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(password.encode())))

    assert pdf_child.main(["unlock", str(document), str(target)]) == answer

    assert target.exists() == (answer == "unlocked")
    assert not target.exists() or not PdfReader(target).is_encrypted


def test_an_unknown_command_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown command: print"):
        pdf_child.main(["print", "document.pdf"])
