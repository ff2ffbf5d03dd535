"""What is plain is counted as pdfinfo counts it, and what pdfinfo might see differently is not."""

import random
import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from extraction.documents import sandbox
from extraction.documents.plain_pdf_child import answer
from tests.extraction import sample_documents
from tests.shared_files import SHARED

needs_poppler = pytest.mark.skipif(
    not sandbox.poppler_installed(), reason="poppler is not installed"
)

CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
ONE_PAGE = {
    1: CATALOG,
    2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] >>",
}


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), entries, content)


def with_table(
    objects: Mapping[int, bytes], trailer: bytes = b"", start: bytes = b"%PDF-1.7\n"
) -> bytes:
    """A PDF with these objects, and a table of cross-references."""
    written, offsets = start, {}
    for number, value in objects.items():
        offsets[number] = len(written)
        written += b"%d 0 obj\n%b\nendobj\n" % (number, value)
    size = max(objects) + 1
    rows = [
        b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 65535 f \n"
        for number in range(size)
    ]
    table = b"xref\n0 %d\n%b" % (size, b"".join(rows))
    ending = b"trailer\n<< /Size %d /Root 1 0 R %b >>\n" % (size, trailer)
    return b"%b%b%bstartxref\n%d\n%%%%EOF\n" % (written, table, ending, len(written))


def with_stream(
    objects: Mapping[int, bytes], *, entries: bytes = b"", predicted: bool = True
) -> bytes:
    """A PDF with these objects in a stream of objects, and a stream of cross-references."""
    pairs, values = b"", b""
    for number, value in objects.items():
        pairs += b"%d %d " % (number, len(values))
        values += value + b"\n"
    packed = zlib.compress(pairs + values)
    of_objects, of_references = max(objects) + 1, max(objects) + 2
    head = b"%PDF-1.7\n"
    about = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(objects), len(pairs))
    first = b"%d 0 obj\n%b\nendobj\n" % (of_objects, stream(packed, about))
    start = len(head) + len(first)
    rows = [
        b"\2" + of_objects.to_bytes(2, "big") + bytes([list(objects).index(number)])
        if number in objects
        else b"\0\0\0\0"
        for number in range(of_objects)
    ]
    rows += [b"\1" + len(head).to_bytes(2, "big") + b"\0", b"\1" + start.to_bytes(2, "big") + b"\0"]
    size = of_references + 1
    about = b"/Type /XRef /Size %d /W [1 2 1] /Root 1 0 R /Filter /FlateDecode %b" % (size, entries)
    content = b"".join(rows)
    if predicted:
        about += b"/DecodeParms << /Predictor 12 /Columns 4 >>"
        content = b"".join(
            b"\2" + bytes((one - other) % 256 for one, other in zip(row, above, strict=True))
            for row, above in zip(rows, [bytes(4), *rows], strict=False)
        )
    last = b"%d 0 obj\n%b\nendobj\n" % (of_references, stream(zlib.compress(content), about))
    return b"%b%b%bstartxref\n%d\n%%%%EOF\n" % (head, first, last, start)


def counted(content: bytes, folder: Path, most: int = 50) -> int | None:
    document = folder / "document"
    document.write_bytes(content)
    return answer([str(document), str(most)])


def pdfinfo(document: Path) -> int | None:
    limits = sandbox.Limits(cpu=5, wall=60)
    try:
        done = sandbox.run("pdfinfo", str(document), limits=limits)
    except sandbox.OutOfCpu:
        return None
    found = re.search(rb"^Pages: +(\d+)$", done.stdout, re.MULTILINE)
    return int(found[1]) if found else None


@pytest.mark.parametrize("pages", [1, 2, 50])
def test_pages_are_counted(pages: int, tmp_path: Path) -> None:
    assert counted(sample_documents.pdf(*map(str, range(pages))), tmp_path) == pages


def test_cross_references_may_be_a_table_or_a_stream(tmp_path: Path) -> None:
    assert counted(with_table(ONE_PAGE), tmp_path) == 1
    assert counted(with_stream(ONE_PAGE), tmp_path) == 1
    assert counted(with_stream(ONE_PAGE, predicted=False), tmp_path) == 1


def test_the_newest_cross_references_count(tmp_path: Path) -> None:
    before = with_table(ONE_PAGE)
    added = b"4 0 obj\n<< /Type /Page /Parent 2 0 R >>\nendobj\n"
    pages = b"2 0 obj\n<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>\nendobj\n"
    place, start = len(before), len(before) + len(pages)
    table = b"xref\n2 1\n%010d 00000 n \n4 1\n%010d 00000 n \n" % (place, start)
    previous = before.rindex(b"xref\n0")
    trailer = b"trailer\n<< /Size 5 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n"
    content = before + pages + added + table
    content += trailer % (previous, start + len(added))

    assert counted(content, tmp_path) == 2
    (tmp_path / "document").write_bytes(content)
    circle = content.replace(b"/Prev %d" % previous, b"/Prev %d" % (start + len(added)))
    assert counted(circle, tmp_path) is None


@pytest.mark.parametrize(
    "objects",
    [
        {1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [] >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction [3 0 R /Fit] >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /GoTo /D [3 0 R /Fit] >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /Metadata 4 0 R >>", 4: stream(b"<xmp>")},
        {1: b"<< /Type /Catalog % a comment >>\n/Pages 2 0 R /Names << /Dests 3 0 R >> >>"},
        {1: b"<</Type/Catalog/Pages 2 0 R/Lang(de\\)-DE)/ViewerPreferences<</A true/B null>>>>"},
        {4: b"<< /Kids [<feff> -1.5 .5 +3 (a(\\(b)] >>"},  # which nothing leads to
        {2: b"<< /Type /Pages /Kids 4 0 R /Count 1 >>", 4: b"[3 0 R]"},
        {3: b"<< /Type /Page /Annots [4 0 R] >>", 4: b"<< /Subtype /Link >>"},
    ],
)
@needs_poppler
def test_what_is_usual_is_plain(objects: dict[int, bytes], tmp_path: Path) -> None:
    assert counted(with_table(ONE_PAGE | objects), tmp_path) == 1
    assert pdfinfo(tmp_path / "document") == 1


BOMB = zlib.compress(bytes(110_000_000))


@pytest.mark.parametrize(
    "objects",
    [
        {1: b"<< /Type /Catalog >>"},
        {1: b"<< /Type /Other /Pages 2 0 R >>"},
        {1: b"<< /Type /Catalog /Pages 9 0 R >>"},
        {1: b"<< /Type /Catalog /Pages << /Type /Pages /Kids [3 0 R] /Count 1 >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /Collection << >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /C#6fllection << >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /Pages 2 0 R >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [3 0 R] >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [] /XFA [] >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm 9 0 R >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /AA << >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /Names << /JavaScript 3 0 R >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /GoTo /Next 3 0 R >> >>"},
        {1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction 7 >>"},
        {
            1: b"<< /Type /Catalog /Pages 2 0 R /Metadata 4 0 R >>",
            4: stream(BOMB, b"/Filter /FlateDecode"),
        },
        {
            1: b"<< /Type /Catalog /Pages 2 0 R /Metadata 4 0 R >>",
            4: stream(b"", b"/Filter [/FlateDecode /FlateDecode]"),
        },
        {1: CATALOG[:-2] + b"/Lang (nested (twice)) >>"},
        {1: CATALOG[:-2] + b"/Deep " + 40 * b"[" + 40 * b"]" + b" >>"},
        {1: CATALOG[:-2] + b"/Odd"},
        {1: CATALOG[:-2] + b"7 8 >>"},
        {1: CATALOG[:-2] + b"/No keyword >>"},
        {2: b"<< /Type /Pages /Kids [3 0 R] /Count 2 >>"},
        {2: b"<< /Type /Pages /Kids [3 0 R] /Count 1.0 >>"},
        {2: b"<< /Type /Pages /Kids [3 0 R] /Count true >>"},
        {2: b"<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 2 >>"},
        {2: b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"},
        {2: b"<< /Type /Pages /Kids [] /Count 0 >>"},
        {2: b"<< /Type /Pages /Kids 3 0 R /Count 1 >>"},
        {2: b"<< /Type /Pages /Kids [<< /Type /Page >>] /Count 1 >>"},
        {2: b"<< /Type /Other /Kids [3 0 R] /Count 1 >>"},
        {2: b"<< /Type /Pages /Kids [3 1 R] /Count 1 >>"},
        {3: b"<< /Type /Page /AA << >> >>"},
        {3: b"<< /Type /Page /Annots 1 0 R >>"},
        {3: b"<< /Type /Page /Annots [" + 1001 * b"4 0 R " + b"] >>"},
        {3: b"[ /Type /Page ]"},
        {3: b"<< /Type /Page >> what"},
    ],
)
def test_what_pdfinfo_might_see_differently_is_left_to_it(
    objects: dict[int, bytes], tmp_path: Path
) -> None:
    assert counted(with_table(ONE_PAGE | objects), tmp_path) is None


def test_more_pages_than_accepted_are_left_to_pdfinfo(tmp_path: Path) -> None:
    kids = b"".join(b"%d 0 R " % number for number in range(3, 300))
    pages = dict.fromkeys(range(3, 300), ONE_PAGE[3])
    pages |= {1: CATALOG, 2: b"<< /Type /Pages /Kids [%b] /Count 297 >>" % kids}

    assert counted(with_table(pages), tmp_path) is None
    assert counted(with_table(pages), tmp_path, most=300) == 297


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7\n",
        b"x" + with_table(ONE_PAGE),
        with_table(ONE_PAGE)[:-20],
        with_table(ONE_PAGE) + b"appended",
        with_table(ONE_PAGE) + bytes(2000),
        with_table(ONE_PAGE, trailer=b"/Encrypt 3 0 R"),
        with_table(ONE_PAGE, trailer=b"/XRefStm 9"),
        with_table(ONE_PAGE, trailer=b"/Prev 0"),
        with_table(ONE_PAGE, trailer=b"/Prev 99999"),
        with_table(ONE_PAGE, trailer=b"/Prev (text)"),
        with_table(ONE_PAGE).replace(b"/Size 4", b"/Size 3"),
        with_table(ONE_PAGE).replace(b"/Size 4", b"/Size -4"),
        with_table(ONE_PAGE).replace(b"/Root 1 0 R", b"/Root 1 1 R"),
        with_table(ONE_PAGE).replace(b"/Root 1 0 R", b"/Root 99 0 R"),
        with_table(ONE_PAGE).replace(b"xref\n0 4", b"xref\n0 9"),
        with_table(ONE_PAGE).replace(b"xref\n0 4", b"xref\n0 999999"),
        with_table(ONE_PAGE).replace(b"xref\n0 4", b"xref\n1 4"),
        with_table(ONE_PAGE).replace(b" n \n", b" f \n"),
        with_table(ONE_PAGE).replace(b" n \n", b" n\n"),
        with_table(ONE_PAGE).replace(b"3 0 obj", b"4 0 obj"),
        with_table(ONE_PAGE).replace(b"trailer", b"Trailer"),
        with_table({4: b"<< /Linearized 1 /N 2 >>", **ONE_PAGE}),
        with_stream(ONE_PAGE, entries=b"/Encrypt 3 0 R"),
        with_stream(ONE_PAGE, entries=b"/Index [0 5]"),
        with_stream(ONE_PAGE, entries=b"/Index [0 7]"),
        with_stream(ONE_PAGE, entries=b"/Index [0]"),
        with_stream(ONE_PAGE).replace(b"/W [1 2 1]", b"/W [1 2]"),
        with_stream(ONE_PAGE).replace(b"/W [1 2 1]", b"/W [1 9 1]"),
        with_stream(ONE_PAGE).replace(b"/Columns 4", b"/Columns 3"),
        with_stream(ONE_PAGE).replace(b"/Type /XRef", b"/Type /Xref"),
        with_stream(ONE_PAGE).replace(b"/Type /ObjStm", b"/Type /Objstm"),
        with_stream(ONE_PAGE).replace(b"/N 3", b"/N 4"),
        with_stream(ONE_PAGE).replace(b"/FlateDecode", b"/LZWDecode  "),
        with_stream(ONE_PAGE).replace(b"x\x9c", b"y\x9c"),
        with_stream(ONE_PAGE).replace(b"endstream", b"Endstream"),
        with_stream({**ONE_PAGE, 3: b"<< /Type /Page >> << >"}).replace(b"/N 3", b"/N 2"),
    ],
)
def test_what_is_out_of_order_is_left_to_pdfinfo(content: bytes, tmp_path: Path) -> None:
    if content:
        assert counted(content, tmp_path) is None
    else:
        with pytest.raises(ValueError, match="empty"):
            counted(content, tmp_path)


def test_streams_of_objects_that_need_each_other_are_left_to_pdfinfo(tmp_path: Path) -> None:
    content = with_stream(ONE_PAGE)
    circle = re.sub(rb"/Length (\d+) /Type /ObjStm", rb"/Length 3 0 R /Type /ObjStm", content)
    moved = len(circle) - len(content)
    start = content.rindex(b"startxref\n") + len(b"startxref\n")
    place = int(content[start:].split()[0])
    circle = circle.replace(b"startxref\n%d" % place, b"startxref\n%d" % (place + moved))

    assert counted(circle, tmp_path) is None


def test_a_document_prepared_for_the_web_states_its_number_of_pages(tmp_path: Path) -> None:
    assert counted(with_table({4: b"<< /Linearized 1 /N 1 >>", **ONE_PAGE}), tmp_path) == 1
    assert counted(with_table({4: b"<< /Other 1 /N 2 >>", **ONE_PAGE}), tmp_path) == 1
    assert counted(with_table({4: b"[1 2]", **ONE_PAGE}), tmp_path) == 1


@needs_poppler
@pytest.mark.skipif(SHARED is None, reason="../shared is not there")
def test_real_documents_have_as_many_pages_as_pdfinfo_says() -> None:
    assert SHARED is not None
    documents = [*SHARED.rglob("*.pdf")]
    plain = {
        document: answer([str(document), "50"]) for document in documents if document.stat().st_size
    }

    assert sum(count is not None for count in plain.values()) > 40
    for document, count in plain.items():
        assert count in (None, pdfinfo(document)), document


SPLIT = re.compile(rb"(\d+|/?[A-Za-z]+|[<>\[\]()]+)")


@needs_poppler
@pytest.mark.parametrize("make", [with_table, with_stream])
@pytest.mark.parametrize("seed", range(5))
def test_damaged_documents_have_as_many_pages_as_pdfinfo_says(
    make: Callable[[Mapping[int, bytes]], bytes], seed: int, tmp_path: Path
) -> None:
    chosen = random.Random(seed)
    parts = SPLIT.split(make(ONE_PAGE))
    words = [part for part in parts if part.strip()]
    plain = 0
    for _ in range(150):
        damaged = [*parts]
        for _ in range(chosen.choice([1, 1, 2])):
            damaged[chosen.randrange(len(damaged))] = chosen.choice([*words, b"", b"0", b"-1"])
        count = counted(b"".join(damaged), tmp_path)
        if count is not None:
            plain += 1
            assert pdfinfo(tmp_path / "document") == count, b"".join(damaged)
    assert plain < 100
