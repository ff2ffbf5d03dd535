import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from extraction.documents import kept_children, sandbox
from extraction.documents.kept_children import KeptChildren
from tests.extraction.documents.test_sandbox import ANSWERING, gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits resources")


def children_of(*, cpu: int = 10, memory: int = sandbox.MEMORY) -> KeptChildren:
    return KeptChildren(ANSWERING, cpu=cpu, wall=60, memory=memory)


@pytest.fixture
def children() -> Iterator[KeptChildren]:
    kept = children_of()
    yield kept
    kept.close()


def test_one_child_answers_one_question_after_the_other(children: KeptChildren) -> None:
    first, second = children.ask("processes"), children.ask("processes")

    assert first == second
    assert first[1] == str(os.getpid())
    assert children.ask("repeat", "ä\n", "b") == ["ä\n", "b"]


def test_a_child_ends_with_its_owner(children: KeptChildren) -> None:
    [child, _] = children.ask("processes")

    children.close()

    gone(int(child))


@pytest.mark.parametrize("way", ["die", "raise", "raise without number", "reject", "fill the disk"])
def test_there_is_no_answer_where_the_module_gives_none(children: KeptChildren, way: str) -> None:
    assert children.ask(way) is None
    assert children.ask("repeat", "a") == ["a"]


def test_there_is_no_answer_from_a_child_that_was_killed(children: KeptChildren) -> None:
    [child, _] = children.ask("processes")
    os.kill(int(child), signal.SIGKILL)
    gone(int(child))

    assert children.ask("repeat", "a") is None
    assert children.ask("repeat", "a") == ["a"]


def test_there_is_no_answer_where_no_process_can_be_started(
    children: KeptChildren, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    assert children.ask("repeat", "a") is None


def test_a_document_that_uses_up_its_cpu_time_ends_its_child_alone() -> None:
    children = children_of(cpu=1)
    [child, _] = children.ask("processes")

    assert children.ask("spin") is None
    gone(int(child))
    assert children.ask("repeat", "a") == ["a"]
    children.close()


def test_what_earlier_documents_used_does_not_count() -> None:
    children = children_of(cpu=1)

    [before, *_] = children.ask("processes")
    for _ in range(4):
        assert children.ask("work", "0.7") == ["0.7"]

    assert children.ask("processes")[0] == before
    children.close()


def test_a_document_is_denied_more_memory() -> None:
    children = children_of(memory=250_000_000)

    assert children.ask("repeat", "a") == ["a"]
    assert children.ask("allocate") is None
    children.close()


def test_nothing_is_written_to_a_file(children: KeptChildren, tmp_path: Path) -> None:
    assert children.ask("write a file", str(tmp_path / "file")) is None
    assert (tmp_path / "file").read_bytes() == b""


def test_a_document_that_takes_too_long_ends_its_child(children: KeptChildren) -> None:
    [child, _] = children.ask("processes")
    children._wall = 0.1

    assert children.ask("hang") is None
    gone(int(child))


def test_nobody_waits_long_for_children_that_are_all_at_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kept_children, "_FREE_WITHIN", 0.01)
    children = KeptChildren(ANSWERING, cpu=10, wall=60, memory=sandbox.MEMORY, most=1)
    os.mkfifo(tmp_path / "held")
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(children.ask, "wait for", str(tmp_path / "held"))
        with (tmp_path / "held").open("w") as held:  # opens once the child reads
            assert children.ask("repeat", "a") is None
            held.write("go")
        assert asked.result() == [str(tmp_path / "held")]
    assert children.ask("repeat", "a") == ["a"]
    children.close()


def test_documents_at_one_time_have_children_of_their_own(children: KeptChildren) -> None:
    barrier = threading.Barrier(2)

    def ask(_: int) -> str:
        barrier.wait()
        return str(children.ask("processes")[0])

    with ThreadPoolExecutor(2) as threads:
        asked = set(threads.map(ask, range(2)))

    assert children.ask("processes")[0] in asked


def test_a_child_is_replaced_after_so_many_documents(
    children: KeptChildren, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_children, "_MOST_DOCUMENTS", 2)

    first, second, third = (children.ask("processes")[0] for _ in range(3))

    assert first == second != third
    gone(int(first))


def test_a_child_knows_no_secret(children: KeptChildren, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")

    assert "SECRET_KEY" not in children.ask("environment")
    assert len(children.ask("files")) <= 4


_shared = children_of()


def _asked() -> str:
    return str(_shared.ask("processes")[0])


def test_a_forked_process_has_children_of_its_own() -> None:
    before = _asked()
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        assert pool.submit(_asked).result() != before

    assert _asked() == before
    _shared.close()
