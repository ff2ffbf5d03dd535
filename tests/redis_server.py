"""A Redis server of the test run's own; never the one that the system may run."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as NoConnection

from tests.running_site import eventually, free_port


class RedisMissing(Exception):
    """No server can be started here; the text says why."""


class Server:
    """A server that listens on 127.0.0.1 and keeps nothing on disk."""

    def __init__(self, program: str, folder: Path, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = Redis.from_url(self.url)
        options = {"port": str(port), "bind": "127.0.0.1", "save": "", "dir": str(folder)}
        self._command = [
            program,
            *(word for name in options for word in (f"--{name}", options[name])),
        ]
        self.start()

    def start(self) -> None:
        """Start it, after ``kill`` too, and return when it answers."""
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        for _ in eventually(60):
            try:
                if self.client.ping():
                    return
            except NoConnection:
                continue

    def kill(self) -> None:
        """kill -9: what it held is gone."""
        self._process.kill()
        self._process.wait()


@contextmanager
def running_redis() -> Iterator[Server]:
    """Start a server with a folder and a port of its own.

    Raises RedisMissing where it is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise RedisMissing("redis-server is not installed; make test says how to get it")
    with tempfile.TemporaryDirectory(prefix="ocrsite-redis-") as folder:
        server = Server(program, Path(folder), free_port())
        try:
            yield server
        finally:
            server.client.close()
            server.kill()
