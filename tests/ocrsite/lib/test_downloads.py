"""What becomes of a file that is sent while it is written, when that fails or takes long."""

from collections.abc import Iterator

import pytest

from ocrsite.lib import downloads
from ocrsite.lib.downloads import DownloadBusy, begun, in_chunks


@pytest.fixture(autouse=True)
def _all_free() -> Iterator[None]:
    yield
    assert downloads._places._value == downloads.MOST_AT_ONCE


def lines(*, fail_at: int | None = None) -> Iterator[bytes]:
    for number in range(5):
        if number == fail_at:
            raise OSError("No space left on device")
        yield b"%d\n" % number


def test_a_file_is_sent_as_it_is_written() -> None:
    assert b"".join(begun(lines())) == b"0\n1\n2\n3\n4\n"
    assert list(begun(iter(()))) == [b""]


def test_a_fault_at_its_beginning_is_raised_before_anything_is_sent() -> None:
    with pytest.raises(OSError, match="No space"):
        begun(in_chunks(lines(fail_at=3)))


def test_a_later_fault_breaks_it_off() -> None:
    file = begun(lines(fail_at=3))

    with pytest.raises(OSError, match="No space"):
        list(file)


def test_only_so_many_are_sent_at_once() -> None:
    sent = [begun(lines()) for _ in range(downloads.MOST_AT_ONCE)]

    with pytest.raises(DownloadBusy) as refused:
        begun(lines())
    assert refused.value.headers() == {"Retry-After": "30"}

    sent.pop().close()  # its reader went away before the first byte
    next(sent[-1])
    sent.pop().close()  # and this one after it
    sent += [begun(lines()), begun(lines())]
    with pytest.raises(DownloadBusy):
        begun(lines())

    for file in sent:
        assert b"".join(file) == b"0\n1\n2\n3\n4\n"


def test_a_file_that_nobody_sends_leaves_its_place() -> None:
    """An answer that a middleware replaced is closed by nobody."""
    for _ in range(downloads.MOST_AT_ONCE + 1):
        begun(lines())
