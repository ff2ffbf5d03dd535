"""A real site for tests and benchmarks: web and worker as processes of their own.

The same commands that ``manage.py serve`` starts, on a data folder and port of their own.
"""

import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import httpx2
import psutil

from tests import preloaded
from tests.made_once import made_once, migrated_database
from tests.preloaded import Started

ROOT = preloaded.ROOT


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# What ``serve`` does before it starts the processes, in one process as well. A third of the time of
# migrating would go to garbage collections, which find next to nothing.
_SET_UP = """
import gc
import django
from django.core.management import call_command
from ocrsite.lib.files import restrict_umask
gc.set_threshold(10_000, 10, 10)
restrict_umask()
django.setup()
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
call_command("demo", verbosity=0)
"""


def _installation() -> Path:
    """The data folder of a new installation on SQLite, made once in each run of tests."""
    return made_once("installation", _install)


def _install(data_dir: Path) -> None:
    shutil.copy(migrated_database(), data_dir)
    RunningSite(data_dir, fresh=True).client.close()


class RunningSite:
    """One installation with the demo company; start what the test needs, then ``stop``.

    On SQLite it is a copy, with the same secrets and credentials, unless it is to be ``fresh``.
    What it starts is forked (``tests.preloaded``), unless interpreters of their own are to be
    ``executed``.
    """

    def __init__(
        self, data_dir: Path, *, fresh: bool = False, executed: bool = False, **environment: str
    ) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            # Without coverage: what only a process of its own shows, tests/extraction/test_commands
            # measures.
            **{name: value for name, value in os.environ.items() if not name.startswith("COV")},
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "WORKERS": "2",
            "RETRY_JITTER": "False",
            "DJANGO_SETTINGS_MODULE": "ocrsite.settings",
            # gunicorn's titles would overwrite what ``processes`` knows them by.
            "SPT_NOENV": "1",
            **environment,
        }
        self._executed = executed
        self._processes: list[Started] = []
        self._workers: list[Started] = []
        if fresh or environment.get("DATABASE_URL", "sqlite").partition(":")[0] != "sqlite":
            self._run("-c", _SET_UP)
        else:
            shutil.copytree(_installation(), data_dir)
        self.credentials: dict[str, str] = json.loads(
            (data_dir / "initial-credentials.json").read_text()
        )
        self.client = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Api-Key {self.credentials['api_key']}"},
            timeout=120,
        )

    def manage(self, *arguments: str, at: datetime | None = None) -> str:
        """Run a manage.py command to its end and return what it printed.

        ``at``: where its clock begins.
        """
        program = [*_clock(at), "-m", "manage"] if at else ["manage.py"]
        return self._run(*program, *arguments)

    def _run(self, *arguments: str) -> str:
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            code = self._begin(arguments, stdout, stderr).wait()
            said = []
            for file in (stdout, stderr):
                file.seek(0)
                said.append(file.read().decode())
        if code != 0:
            raise subprocess.CalledProcessError(code, arguments, *said)
        return said[0]

    def start(self, *arguments: str, console: Path | None = None) -> Started:
        """Start a Python command of the project as a process of its own.

        What it says goes to the end of the file ``console``.
        """
        with Path(console or os.devnull).open("ab") as output:
            process = self._begin(arguments, output, output)
        self._processes.append(process)
        return process

    def _begin(self, arguments: Sequence[str], stdout: IO[bytes], stderr: IO[bytes]) -> Started:
        if not self._executed and preloaded.can_fork(arguments, self._environment):
            return preloaded.fork(arguments, self._environment, stdout, stderr)
        return preloaded.execute(arguments, self._environment, stdout, stderr)

    def start_web(self, at: datetime | None = None) -> Started:
        """Start gunicorn as ``serve`` does, and return when it answers.

        ``at``: where its clock begins.
        """
        gunicorn = ["-m", "gunicorn", "--config", "python:ocrsite.gunicorn", "ocrsite.wsgi"]
        process = self.start(*_clock(at), *gunicorn)
        for _ in eventually(120):
            try:
                if self.client.get("/healthz").status_code == 200:
                    break
            except httpx2.TransportError:
                continue
        return process

    def start_worker(self) -> Started:
        """Start ``manage.py worker``."""
        worker = self.start("manage.py", "worker")
        self._workers.append(worker)
        return worker

    def kill_workers(self) -> None:
        """kill -9 every worker that was started, with all its children."""
        for worker in self._workers:
            kill_tree(worker)

    def post(
        self, path: Path, *, prefer: str = "", idempotency_key: str = "", **form: str
    ) -> httpx2.Response:
        """Send a file to ``/extract`` as the demo company's API client."""
        headers = {"Prefer": prefer, "Idempotency-Key": idempotency_key}
        with path.open("rb") as file:
            return self.client.post(
                "/extract",
                files={"file": (path.name, file)},
                data={"companyID": self.credentials["company_id"], "username": "test", **form},
                headers={name: value for name, value in headers.items() if value},
            )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the site's SQLite database beside the running processes."""
        connection = sqlite3.connect(self.data_dir / "db.sqlite3", timeout=20)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def execute(self, sql: str, *parameters: object) -> None:
        """Write to the site's database, as staff do by hand."""
        connection = sqlite3.connect(self.data_dir / "db.sqlite3", timeout=20)
        try:
            with connection:
                connection.execute(sql, parameters)
        finally:
            connection.close()

    def stop(self) -> None:
        """Kill everything that was started, children and orphans included."""
        self.client.close()
        for process in self._processes:
            kill_tree(process)
        for orphan in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.kill()

    def processes(self) -> list[psutil.Process]:
        """All that run for this site now, whoever their parents are.

        Tools and parsers have an environment of their own; they name a file of the site. The kernel
        shows no environment of what was forked; it is in the session of what was started.
        """
        folder = str(self.data_dir)
        sessions = {process.pid for process in self._processes}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if (
                    process.environ().get("DATA_DIR") == folder
                    or folder in str(process.cmdline())
                    or os.getsid(process.pid) in sessions
                ):
                    found.append(process)
        return found


def _clock(at: datetime | None) -> list[str]:
    """What comes before a program whose clock is to begin at this time."""
    return ["-m", "tests.moved_clock", at.isoformat()] if at else []


def kill_tree(process: Started) -> None:
    """kill -9 a process with all its children, as a machine that loses power does."""
    if process.poll() is not None:
        return  # its number may be another's by now
    try:
        family = [psutil.Process(process.pid)]
        family += family[0].children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()


def eventually(seconds: float) -> Iterator[None]:
    """Yield again and again until the caller breaks off; fail after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.1)
    raise AssertionError(f"did not happen within {seconds} s")


@contextmanager
def running_site(
    data_dir: Path, *, fresh: bool = False, executed: bool = False, **environment: str
) -> Iterator[RunningSite]:
    """A site that is stopped whatever happens."""
    site = RunningSite(data_dir, fresh=fresh, executed=executed, **environment)
    try:
        yield site
    finally:
        site.stop()
