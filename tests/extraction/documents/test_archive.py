"""ZIPs, honest and hostile: what is unpacked of them, and what is refused."""

import io
import stat
import struct
import sys
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import pytest
from pytest_django import Settings

from extraction.documents import archive, sandbox, zip_child
from extraction.documents.archive import UnpackBusy, is_zip, unpacked
from extraction.exceptions import DocumentRejected
from tests.extraction.sample_documents import upload

MEGABYTE = 1024**2
Entry = tuple[str | ZipInfo, bytes]


def zipped(*entries: Entry, compression: int = ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two entries of one name
        with ZipFile(file, "w", compression) as packed:
            for name, content in entries:
                packed.writestr(name, content, compression)
    return file.getvalue()


def unpack(
    content: bytes,
    folder: Path,
    *,
    files: int = 100,
    each: int = 20 * MEGABYTE,
    every: int = 100 * MEGABYTE,
) -> list[tuple[str, bytes | str]]:
    """Names, with what was unpacked or the code of the refusal."""
    path = folder / "zip"
    path.write_bytes(content)
    rows = zip_child.answer([str(path), str(folder), str(files), str(each), str(every)])
    return [
        (
            row["name"],
            row["refused"][0] if row["refused"] else (folder / f"{row['file']}").read_bytes(),
        )
        for row in rows
    ]


def rejection(content: bytes, folder: Path, **limits: int) -> tuple[str, int]:
    with pytest.raises(DocumentRejected) as rejected:
        unpack(content, folder, **limits)
    return rejected.value.code, rejected.value.http_status


def of_kind(name: str, kind: int, *, system: int = 3) -> ZipInfo:
    info = ZipInfo(name)
    info.create_system = system
    info.external_attr = (kind | 0o777) << 16
    return info


def changed(content: bytes, old: bytes, new: bytes, count: int = -1) -> bytes:
    assert old in content
    return content.replace(old, new, count)


def directory_of(content: bytes) -> int:
    """Where the central directory begins."""
    return content.index(b"PK\1\2")


def patched(content: bytes, at: int, format_: str, value: int) -> bytes:
    """With one number of the first entry of the directory changed."""
    place = directory_of(content) + at
    size = struct.calcsize(format_)
    return content[:place] + struct.pack(format_, value) + content[place + size :]


@pytest.mark.parametrize("compression", [ZIP_STORED, ZIP_DEFLATED])
def test_files_are_unpacked_in_the_order_of_the_zip(compression: int, tmp_path: Path) -> None:
    sent = [("b.pdf", b"B"), ("a/a.pdf", b"A" * 1000), ("b.pdf", b"another B"), ("empty.pdf", b"")]

    assert unpack(zipped(*sent, compression=compression), tmp_path) == sent


def test_folders_and_the_system_s_own_files_are_left_out(tmp_path: Path) -> None:
    content = zipped(
        *(("a/", b""), ("a/1.pdf", b"1"), ("b\\", b""), ("a/.DS_Store", b"x")),
        *(("__MACOSX/a/._1.pdf", b"x"), ("Thumbs.db", b"x"), ("desktop.ini", b"x")),
    )

    assert unpack(content, tmp_path) == [("a/1.pdf", b"1")]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "/etc/passwd",
            "../a.pdf",
            "a/../../b.pdf",
            "..\\a.pdf",
            "\\a.pdf",
            "C:\\a.pdf",
            "c:a.pdf",
        ),
        *("//host/a.pdf", "a/..", ".", "a/.", ".."),
    ],
)
def test_name_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    content = zipped((name, b"x"), ("a.pdf", b"A"))

    assert unpack(content, tmp_path) == [(name, "unsafe_path"), ("a.pdf", b"A")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
@pytest.mark.parametrize("system", [0, 3])
def test_link_or_device_is_refused(kind: int, system: int, tmp_path: Path) -> None:
    content = zipped((of_kind("a.pdf", kind, system=system), b"/etc/passwd"))

    assert unpack(content, tmp_path) == [("a.pdf", "not_a_file")]


def test_regular_file_of_unix_is_unpacked(tmp_path: Path) -> None:
    assert unpack(zipped((of_kind("a", stat.S_IFREG), b"A")), tmp_path) == [("a", b"A")]


@pytest.mark.parametrize("flag", [1, 1 | 1 << 6, 1 << 13])
def test_encrypted_file_is_refused(flag: int, tmp_path: Path) -> None:
    content = patched(zipped(("a.pdf", b"A"), ("b.pdf", b"B")), 8, "<H", flag)

    assert unpack(content, tmp_path) == [("a.pdf", "password_protected"), ("b.pdf", b"B")]


@pytest.mark.parametrize("compression", [ZIP_BZIP2, ZIP_LZMA])
def test_other_compression_is_refused(compression: int, tmp_path: Path) -> None:
    content = zipped(("a.pdf", b"A"), compression=compression)

    assert unpack(content, tmp_path) == [("a.pdf", "unsupported_compression")]


@pytest.mark.parametrize("method", [9, 99, 65535])
def test_unknown_compression_is_refused(method: int, tmp_path: Path) -> None:
    content = patched(zipped(("a.pdf", b"A")), 10, "<H", method)

    assert unpack(content, tmp_path) == [("a.pdf", "unsupported_compression")]


def test_zip_in_a_zip_is_a_file_like_any_other(tmp_path: Path) -> None:
    inner = zipped(("a.pdf", b"A"))

    assert unpack(zipped(("inner.zip", inner)), tmp_path) == [("inner.zip", inner)]


def test_bomb_is_refused_and_the_rest_unpacked(tmp_path: Path) -> None:
    content = zipped(("bomb", bytes(10 * MEGABYTE)), ("a.pdf", b"A"))

    assert unpack(content, tmp_path) == [("bomb", "file_too_large"), ("a.pdf", b"A")]
    assert (tmp_path / "0").stat().st_size <= zip_child.SMALL


def test_small_blank_picture_is_no_bomb(tmp_path: Path) -> None:
    blank = bytes(3 * MEGABYTE)

    assert unpack(zipped(("blank.bmp", blank)), tmp_path) == [("blank.bmp", blank)]


def test_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    content = zipped(("large", bytes(1001)), ("exact", bytes(1000)))

    assert unpack(content, tmp_path, each=1000) == [
        ("large", "file_too_large"),
        ("exact", bytes(1000)),
    ]


@pytest.mark.parametrize("stated", [0, 10, 1000])
def test_size_that_is_stated_too_small_hides_nothing(stated: int, tmp_path: Path) -> None:
    content = patched(zipped(("bomb", bytes(10 * MEGABYTE))), 24, "<L", stated)

    [(_, got)] = unpack(content, tmp_path)

    assert got == "corrupt_file" or len(got) <= stated
    assert (tmp_path / "0").stat().st_size <= stated


@pytest.mark.parametrize("compression", [ZIP_STORED, ZIP_DEFLATED])
def test_size_that_is_stated_too_large_adds_nothing(compression: int, tmp_path: Path) -> None:
    sent = [("a", b"A" * 100)]
    content = patched(zipped(*sent, compression=compression), 24, "<L", 2**32 - 2)

    assert unpack(content, tmp_path) == sent


def test_all_files_together_have_a_limit_with_those_refused(tmp_path: Path) -> None:
    content = zipped(*((f"{number}", bytes(1500)) for number in range(10)))

    assert rejection(content, tmp_path, each=1000, every=14_999) == ("archive_too_large", 413)


@pytest.mark.parametrize(("names", "most"), [(["a", "b", "c"], 2), (["a/"] * 2001, 100)])
def test_number_of_files_and_of_folders_has_a_limit(
    names: list[str], most: int, tmp_path: Path
) -> None:
    content = zipped(*((name, b"") for name in names))

    assert rejection(content, tmp_path, files=most) == ("too_many_files", 413)


def test_memory_for_the_directory_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many(_file: object) -> Any:
        raise MemoryError

    monkeypatch.setattr(zip_child, "ZipFile", too_many)

    assert rejection(zipped(("a", b"A")), tmp_path) == ("too_many_files", 413)


def twice(content: bytes) -> bytes:
    """Have the directory list its one entry twice."""
    start, end = directory_of(content), content.index(b"PK\5\6")
    entry = content[start:end]
    told = struct.pack("<4s4xHHLLH", b"PK\5\6", 2, 2, 2 * len(entry), start, 0)
    return content[:start] + entry + entry + told


def quoted(content: bytes) -> bytes:
    """Have the first entry, which is stored, have the second one's bytes among its own."""
    start = content.index(b"PK\3\4", 1)
    longer = directory_of(content) - start
    return patched(content, 20, "<L", longer + 1)


@pytest.mark.parametrize(
    "broken",
    [
        twice,
        quoted,
        lambda content: patched(content, 42, "<L", 5),  # no local header there
        lambda content: patched(content, 42, "<L", directory_of(content) - 5),
        lambda content: patched(content, 42, "<L", 2**32 - 2),
        lambda content: patched(content, 20, "<L", 2**31),  # reaches beyond the file
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:40] + content[50:],
        lambda content: b"PK\3\4" + bytes(100),
        lambda content: b"PK\5\6" + b"\xff" * 18,
    ],
)
def test_zip_that_contradicts_itself_is_rejected(
    broken: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    content = zipped(("a.pdf", b"A" * 50), ("b.pdf", b"B" * 50), compression=ZIP_STORED)
    if broken is twice:
        content = zipped(("a.pdf", bytes(100_000)))

    assert rejection(broken(content), tmp_path) == ("corrupt_archive", 422)


@pytest.mark.parametrize("value", [0, 2**63, 2**64 - 1])
def test_sizes_of_64_bits_are_believed_no_more_than_others(value: int, tmp_path: Path) -> None:
    info = ZipInfo("a.pdf")
    info.extra = struct.pack("<HHQQ", 1, 16, value, value)
    content = patched(zipped((info, b"A" * 100)), 20, "<L", 2**32 - 1)
    content = patched(content, 24, "<L", 2**32 - 1)

    try:
        [(_, got)] = unpack(content, tmp_path)
    except DocumentRejected as error:
        got = error.code

    assert got in ("corrupt_archive", "corrupt_file")


def test_name_of_the_directory_and_of_the_file_must_be_one(tmp_path: Path) -> None:
    content = changed(zipped(("a.pdf", b"A")), b"a.pdf", b"b.pdf", 1)

    assert unpack(content, tmp_path) == [("a.pdf", "corrupt_file")]


def test_name_without_an_end_is_that_of_no_file(tmp_path: Path) -> None:
    content = patched(zipped(("a.pdf", b"A"), ("b.pdf", b"B")), 28, "<H", 60_000)

    [(name, got)] = unpack(content, tmp_path)

    assert (name[:5], got) == ("a.pdf", "corrupt_file")


def test_bytes_that_were_changed_are_noticed(tmp_path: Path) -> None:
    content = changed(zipped(("a.pdf", b"AAAA"), compression=ZIP_STORED), b"AAAA", b"AABA")

    assert unpack(content, tmp_path) == [("a.pdf", "corrupt_file")]


def test_bytes_that_deflate_did_not_write_are_noticed(tmp_path: Path) -> None:
    packed = zlib.compressobj(wbits=-15)
    stream = packed.compress(b"A" * 50) + packed.flush()
    content = changed(zipped(("a.pdf", b"A" * 50)), stream, b"\xff" * len(stream))

    assert unpack(content, tmp_path) == [("a.pdf", "corrupt_file")]


@pytest.mark.parametrize("says_so", [True, False])
def test_names_are_read_as_utf8_where_they_are_that(says_so: bool, tmp_path: Path) -> None:
    content = zipped(("रसिद-é.pdf", b"A"))
    if not says_so:
        place = directory_of(content) + 8
        content = content[:6] + b"\0\0" + content[8:place] + b"\0\0" + content[place + 2 :]

    assert unpack(content, tmp_path) == [("रसिद-é.pdf", b"A")]


def test_names_of_old_programs_are_read(tmp_path: Path) -> None:
    content = changed(zipped(("aXb.pdf", b"A")), b"aXb", b"a\x82b")

    assert unpack(content, tmp_path) == [("aéb.pdf", b"A")]


def test_end_of_a_long_name_is_told(tmp_path: Path) -> None:
    [(name, _)] = unpack(zipped(("x" * 60_000 + ".pdf", b"A")), tmp_path)

    assert len(name) == zip_child.NAME_LENGTH
    assert name.endswith("x.pdf")


def test_zip_without_files_is_rejected(tmp_path: Path) -> None:
    assert rejection(zipped(), tmp_path) == ("empty_file", 422)
    assert rejection(zipped(("a/", b"")), tmp_path) == ("empty_file", 422)


# From here on as the site does it, in a child process.


def leftovers(data_dir: Path) -> list[Path]:
    return list((data_dir / "tmp").iterdir())


def test_files_are_uploads_and_gone_afterwards(data_dir: Path) -> None:
    content = zipped(("a/b.pdf", b"A"), ("../c", b"C"))

    with unpacked(upload(content, "any.name"), 100) as files:
        first, second = files
        assert first.upload is not None
        assert (first.name, first.upload.name, first.upload.size) == ("a/b.pdf", "b.pdf", 1)
        assert first.upload.read() == b"A"
        assert second.upload is None
        assert second.refusal is not None
        assert second.refusal.code == "unsafe_path"
        assert len(leftovers(data_dir)) == 1

    assert leftovers(data_dir) == []


def test_limits_are_those_of_uploads(data_dir: Path, settings: Settings) -> None:
    settings.MAX_UPLOAD_MB = 1
    content = zipped(("a", bytes(MEGABYTE)), ("b", bytes(MEGABYTE + 1)))

    with unpacked(upload(content), 100) as files:
        assert [file.refusal and file.refusal.code for file in files] == [None, "file_too_large"]
    too_much = zipped(*((f"{number}", bytes(MEGABYTE)) for number in range(6)))
    with pytest.raises(DocumentRejected, match="archive_too_large"), unpacked(upload(too_much), 9):
        pass
    assert leftovers(data_dir) == []


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (sandbox.OutOfCpu("x"), "corrupt_archive"),
        (sandbox.ChildDied(1, b""), "corrupt_archive"),
        (sandbox.OutOfTime("x"), "unpack_busy"),
        (OSError(28, "no space"), "storage_unavailable"),
    ],
)
def test_what_becomes_of_the_child_is_told(
    raised: Exception, told: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_child(*_arguments: str, **_options: object) -> Any:
        raise raised

    monkeypatch.setattr(sandbox, "run_child", run_child)

    with pytest.raises(Exception, match=told), unpacked(upload(zipped(("a", b"A"))), 100):
        pass
    assert leftovers(data_dir) == []


def test_no_more_are_unpacked_at_once_than_there_is_room_for(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_room", threading.BoundedSemaphore(1))
    content = zipped(("a", b"A"))

    with unpacked(upload(content), 100), pytest.raises(UnpackBusy), unpacked(upload(content), 100):
        pass
    with unpacked(upload(content), 100) as files:
        assert len(files) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits")
def test_directory_of_many_entries_ends_within_limits(data_dir: Path) -> None:
    entry = zipped(("a/", b""))
    start, end = directory_of(entry), entry.index(b"PK\5\6")
    entries = entry[start:end] * 60_000
    told = struct.pack("<4s4xHHLLH", b"PK\5\6", 65_535, 65_535, len(entries), start, 0)

    with (
        pytest.raises(DocumentRejected, match="too_many_files"),
        unpacked(upload(entry[:start] + entries + told), 100),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "answer"),
    [(zipped(("a", b"A")), True), (zipped(), True), (b"%PDF-1.4", False), (b"", False)],
)
def test_zip_is_known_by_its_first_bytes(content: bytes, answer: bool) -> None:
    assert is_zip(upload(content, "a.zip")) is answer
