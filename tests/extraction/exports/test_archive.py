"""Documents and e-invoices as ZIP files."""

import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from lxml import etree

from extraction.documents.intake import documents_folder
from extraction.exports.archive import MISSING, REFUSED, documents, einvoices, name_of
from extraction.exports.values import Exported
from ocrsite.lib.downloads import CHUNK_BYTES
from tests.extraction.exports.made_up import make_exported
from tests.extraction.exports.trade import make_trade


def stored(data_dir: Path, content: bytes, file_name: str = "invoice.pdf") -> Exported:
    exported = make_exported(file_name=file_name)
    pk = exported.extraction.pk
    exported.extraction.file = f"{str(pk)[:2]}/{pk}/document.pdf"
    path = data_dir / "files" / exported.extraction.file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return exported


def opened(chunks: list[bytes]) -> zipfile.ZipFile:
    file = zipfile.ZipFile(BytesIO(b"".join(chunks)))
    assert file.testzip() is None
    return file


def test_archive_holds_the_documents_as_they_were_uploaded(data_dir: Path) -> None:
    contents = [b"%PDF-1.7 one", bytes(3 * CHUNK_BYTES) + b"two"]
    exported = [stored(data_dir, content) for content in contents]

    file = opened(list(documents(exported)))

    assert file.namelist() == [f"invoice-{each.extraction.pk}.pdf" for each in exported]
    assert [file.read(name) for name in file.namelist()] == contents


def test_archive_can_be_read_while_it_arrives(data_dir: Path) -> None:
    """Each entry is deflated, so that its end shows without the list at the end of the file."""
    file = opened(list(documents([stored(data_dir, b"x" * 100)])))

    assert [info.compress_type for info in file.infolist()] == [zipfile.ZIP_DEFLATED]


@pytest.mark.parametrize(
    ("file_name", "stem"),
    [
        ("invoice.pdf", "invoice"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\evil.exe", "C-Windows-evil"),
        ("..", "document"),
        (".htaccess", "htaccess"),
        ("a\nb\u202e<i>.pdf", "a-b-i"),
        ("Rechnung Müller & Söhne.pdf", "Rechnung-Müller-Söhne"),
        ("x" * 255, "x" * 80),
        ("", "document"),
    ],
)
def test_names_are_safe_and_their_own(file_name: str, stem: str) -> None:
    extraction = make_exported(file_name=file_name).extraction

    assert name_of(extraction, "pdf") == f"{stem}-{extraction.pk}.pdf"


def test_missing_documents_are_told_and_the_others_come(data_dir: Path) -> None:
    gone, removed = make_exported(file_name="gone\n.pdf"), make_exported(file_name="old.pdf")
    for each in (gone, removed):
        each.extraction.file = f"{each.extraction.pk}/document.pdf"
    removed.extraction.files_removed_at = datetime(2026, 10, 1, tzinfo=UTC)

    file = opened(list(documents([gone, stored(data_dir, b"here"), removed])))

    assert len(file.namelist()) == 2
    assert file.read(MISSING).decode() == (
        f"{gone.extraction.pk}\tgone .pdf\tnot found\n"
        f"{removed.extraction.pk}\told.pdf\tremoved on 2026-10-01, when its time was over\n"
    )


def test_nothing_exported_is_an_empty_archive(data_dir: Path) -> None:
    assert opened(list(documents([]))).namelist() == []
    assert opened(list(einvoices([]))).namelist() == []


def test_einvoices_come_as_xml_and_refusals_say_what_is_missing() -> None:
    good = Exported(make_exported().extraction, make_trade())
    bad = make_exported(file_name="bad.pdf")

    file = opened(list(einvoices([good, bad])))

    name, refused = file.namelist()
    assert name == f"invoice-{good.extraction.pk}.xml"
    assert etree.QName(etree.fromstring(file.read(name))).localname == "Invoice"
    assert refused == REFUSED
    lines = file.read(REFUSED).decode().splitlines()
    assert f"{bad.extraction.pk}\tbad.pdf\tcustomer.name is missing (BR-07)" in lines


def test_einvoices_are_made_of_approved_ones_only() -> None:
    fields = dict(make_trade())
    approved, open_, rejected = (
        make_exported(file_name=f"{name}.pdf", **fields) for name in ("yes", "open", "no")
    )
    open_.extraction.reviewed_at = None
    rejected.extraction.rejection = "Not ours"

    file = opened(list(einvoices([open_, approved, rejected])))

    assert file.namelist() == [f"yes-{approved.extraction.pk}.xml", REFUSED]
    sentence = "is not approved, and e-invoices are made of approved ones only"
    assert file.read(REFUSED).decode().splitlines() == [
        f"{open_.extraction.pk}\topen.pdf\t{sentence}",
        f"{rejected.extraction.pk}\tno.pdf\t{sentence}",
    ]


def test_documents_whose_disk_is_away_are_not_missing(data_dir: Path) -> None:
    exported = stored(data_dir, b"x")
    documents_folder()
    (data_dir / "files").rename(data_dir / "elsewhere")

    with pytest.raises(OSError, match="files"):
        list(documents([exported]))


def test_fault_of_the_disk_is_no_missing_document(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = stored(data_dir, b"x")
    (data_dir / "files" / exported.extraction.file).unlink()
    (data_dir / "files" / exported.extraction.file).mkdir()  # opening it raises an OSError

    with pytest.raises(OSError, match="directory"):
        list(documents([exported]))
