"""A running site whose processes are killed or stopped at random, and started again.

This does what the supervisor does, without its growing delays. Kills come when so many
extractions have ended, never after a time, so that no run depends on the machine's speed.
"""

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import psutil

from tests.extraction.sample_documents import pdf
from tests.preloaded import Started
from tests.running_site import RunningSite, eventually

# The document that is sent under a name.
Content = Callable[[str], bytes]
# Read the site's database, which can be away only while it is killed here.
Query = Callable[[str], list[tuple[Any, ...]]]
# Kill a server beside the site, call what is given, and start it again.
Outside = Callable[[Callable[[], None]], None]

# How far the client is ahead: enough for every process to be busy and some messages to wait.
AHEAD = 12
# Far beyond what anything takes, on a machine that is busy with something else.
PATIENCE = 300
# Seconds for which processes are stopped: longer than a lease, shorter than a call's time-out.
PAUSE = (25, 40)

_NOT_ENDED = (
    "SELECT file_name, state, due_at, deadline, leased_until, deaths, attempts, worker, "
    "error_code FROM extraction_extraction WHERE state NOT IN ('succeeded', 'failed')"
)


def invoice(name: str) -> bytes:
    """A document that says its name and nothing else."""
    return pdf(f"INVOICE {name}")


class Chaos:
    """Sends documents to a site while it kills; sees that what must die with a victim does.

    Only documents that are ``hostile`` by their names may be refused.
    """

    def __init__(
        self,
        site: RunningSite,
        folder: Path,
        random: Random,
        query: Query,
        outside: Mapping[str, Outside],
        content: Content = invoice,
        hostile: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._site = site
        self._folder = folder
        self._random = random
        self._query = query
        self._kills = {
            "process": self._kill_process,
            "sentinel": self._kill_sentinel,
            "main": self._kill_main,
            "web": self._kill_web,
            "stopped worker": self._stop_worker,
            "stopped process": self._stop_process,
            "stopped web": self._stop_web,
        }
        self._outside = outside
        self._content = content
        self._hostile = hostile
        self._to_send: deque[str] = deque()
        self._sent = 0
        self._refused = 0
        self._web = site.start_web()
        self._worker = site.start_worker()

    def run(self, names: list[str], victims: list[str]) -> None:
        """Send the documents, kill in mid-work, and return when every extraction has ended."""
        self._to_send.extend(names)
        # Nothing is left to kill in mid-work at the end.
        moments = sorted(self._random.randrange(len(names) * 4 // 5) for _ in victims)
        for moment, victim in zip(moments, victims, strict=True):
            self._go_on_until(moment)
            self._kill(victim)
        self._go_on_until(len(names))

    def end(self) -> None:
        """Kill the worker, stop web, and see that nothing of the site runs on."""
        running = {process.pid for process in self._site.processes()}
        assert running >= {self._worker.pid, self._web.pid}
        self._worker.kill()
        self._web.terminate()
        for process in (self._worker, self._web):
            process.wait(PATIENCE)
        for _ in eventually(PATIENCE):
            if not self._site.processes():
                return

    def _go_on_until(self, ended: int) -> None:
        try:
            self._go_on(ended)
        except AssertionError as error:
            error.add_note(f"Sent {self._sent}, refused {self._refused}, left {self._to_send}.")
            error.add_note(f"It is {time.time()} here. Not ended: {self._query(_NOT_ENDED)}")
            raise

    def _go_on(self, ended: int) -> None:
        for _ in eventually(PATIENCE):
            self._restart_the_dead()
            done = self._ended() + self._refused
            if done >= ended:
                return
            while self._to_send and self._sent - done < AHEAD and self._send():
                pass

    def _ended(self) -> int:
        """How many extractions nothing more will happen to."""
        ((count,),) = self._query(
            "SELECT count(*) FROM extraction_extraction WHERE state IN ('succeeded', 'failed')"
        )
        return int(count)

    def _send(self) -> bool:
        """Send the next document; one whose answer was lost is sent again, under the same key.

        False when nobody takes it now.
        """
        name = self._to_send[0]
        path = self._folder / f"{name}.pdf"
        path.write_bytes(self._content(name))
        try:
            response = self._site.post(path, prefer="respond-async", idempotency_key=name)
        except httpx2.TransportError:
            return False
        refused = response.status_code == 422 and self._hostile(name)
        assert refused or response.status_code in (202, 503), response.text
        if response.status_code == 503:
            return False
        self._refused += refused
        self._to_send.popleft()
        self._sent += 1
        return True

    def _send_one(self) -> None:
        if self._to_send:
            self._send()

    def _restart_the_dead(self) -> None:
        if self._web.poll() is not None:
            _kill_group(self._web)
            self._web = self._site.start_web()
        if self._worker.poll() is not None:
            self._worker = self._site.start_worker()

    def _kill(self, victim: str) -> None:
        if victim in self._outside:
            self._outside[victim](self._send_one)
            return
        for _ in eventually(PATIENCE):
            self._restart_the_dead()
            try:
                if self._kills[victim]():
                    return
            except psutil.NoSuchProcess:
                continue  # something else was about to end it

    def _kill_process(self) -> bool:
        """Kill one process under the sentinel, unless a document could lose its second to it.

        A document whose process died twice is failed by design.
        """
        family = [child for sentinel in self._sentinel() for child in sentinel.children()]
        if not family:
            return False
        process = self._random.choice(family)
        process.suspend()  # so that it takes nothing more
        try:
            harmless = not self._query(
                "SELECT 1 FROM extraction_extraction WHERE state = 'processing' AND deaths > 0"
            )
            if harmless:
                process.kill()
        finally:
            with suppress(psutil.NoSuchProcess):
                process.resume()
        return harmless

    def _kill_sentinel(self) -> bool:
        for sentinel in self._sentinel():
            family = sentinel.children()
            sentinel.kill()
            assert_gone(family)
            assert self._worker.wait(PATIENCE) == 1
            return True
        return False

    def _kill_main(self) -> bool:
        family = psutil.Process(self._worker.pid).children(recursive=True)
        self._worker.kill()
        self._worker.wait()
        assert_gone(family)
        return True

    def _kill_web(self) -> bool:
        """Kill gunicorn's main process, or one of those that serve."""
        main = psutil.Process(self._web.pid)
        self._random.choice([main, *main.children()]).kill()
        return True

    def _stop_worker(self) -> bool:
        return self._stop_family(self._worker)

    def _stop_web(self) -> bool:
        return self._stop_family(self._web)

    def _stop_process(self) -> bool:
        """Stop one process under the sentinel."""
        family = [child for sentinel in self._sentinel() for child in sentinel.children()]
        return bool(family) and self._stop_for_a_while([self._random.choice(family)])

    def _stop_family(self, process: Started) -> bool:
        """Stop a process with all its children, as a container is paused."""
        main = psutil.Process(process.pid)
        return self._stop_for_a_while([main, *main.children(recursive=True)])

    def _stop_for_a_while(self, family: list[psutil.Process]) -> bool:
        try:
            for member in family:
                member.suspend()
            time.sleep(self._random.uniform(*PAUSE))
        finally:
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.resume()
        return True

    def _sentinel(self) -> list[psutil.Process]:
        """The main process's child that is no other program; none while it starts or ends."""
        children = psutil.Process(self._worker.pid).children()
        return [each for each in children if "fork_server.py" not in " ".join(each.cmdline())]


def assert_gone(processes: list[psutil.Process]) -> None:
    """See that processes end by themselves, soon."""
    for _ in eventually(PATIENCE):
        if not any(_runs(process) for process in processes):
            return


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill_group(process: Started) -> None:
    """End what a dead process left behind, as the supervisor does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
