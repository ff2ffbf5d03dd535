"""``manage.py serve``: the whole site under one parent; what ``make run`` starts."""

import contextlib
import http.client
import json
import socket
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseProblem
from django.db import connections

from extraction import first_steps
from extraction.management.commands.demo import credentials_file
from ocrsite.supervisor import Supervisor
from tokens import installation

# The port of a site that was killed is free only a moment later.
_PORT_FREE_WITHIN_SECONDS = 5.0
# After STOP_SECONDS the worker requeues what it interrupted, and ends its housekeeping.
_STOP_MARGIN_SECONDS = 15.0


class Command(BaseCommand):
    help = "Migrate, create demo data on first start, and run web and worker until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped. Raises CommandError when the port is taken."""
        require_free_port(settings.PORT, _PORT_FREE_WITHIN_SECONDS)
        require_own_database()
        url = f"http://{settings.HOST}:{settings.PORT}"
        self._tell(f"Preparing database and files in {settings.DATA_DIR} …")
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("demo", url=url, verbosity=0)
        steps = first_steps.lines(url)
        connections.close_all()
        self._tell("Starting web and worker …")
        supervisor = Supervisor(
            {
                "web": web_command(),
                "worker": [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"],
            },
            grace_seconds=settings.STOP_SECONDS + _STOP_MARGIN_SECONDS,
            announce=self._tell,
        )
        supervisor.run(lambda: answers(settings.PORT), lambda: self._tell(greeting(url, steps)))
        self._tell("Stopped.")

    def _tell(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def require_own_database() -> None:
    """Raise CommandError when the database is another installation's: migrating writes to it."""
    with contextlib.suppress(DatabaseProblem):  # there is none yet, or it is away
        if problem := installation.problem():
            raise CommandError(problem)


def greeting(url: str, steps: list[str]) -> str:
    """Return what people need to begin: the address, the first credentials and ``steps``."""
    lines = ["", f"ocrsite is ready: {url}/"]
    path = credentials_file()
    if path.exists():
        first = json.loads(path.read_text(encoding="utf-8"))
        lines += [
            f"  user      {first['username']}",
            f"  password  {first['password']}",
            f"  API key   {first['api_key']} (company {first['company_id']})",
            f"These were made on the first start and are kept in {path}",
        ]
    return "\n".join([*lines, *steps, "Ctrl-C stops everything."])


def web_command() -> list[str]:
    """Return the web server's command line; gunicorn does not run on Windows."""
    if sys.platform == "win32":
        return [sys.executable, "-m", "ocrsite.web_server"]
    return [sys.executable, "-m", "gunicorn", "--config=python:ocrsite.gunicorn"]


def require_free_port(port: int, within_seconds: float) -> None:
    """Return once nobody listens on the port; raise CommandError when that takes too long."""
    give_up_at = time.monotonic() + within_seconds
    while True:
        with socket.socket() as probe:
            if sys.platform != "win32":  # there it would share the port with its listener
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.HOST, port))
            except OSError as error:
                if time.monotonic() >= give_up_at:
                    raise CommandError(
                        f"Port {port} cannot be used ({error.strerror}). "
                        f"Choose another: PORT={port + 1} make run"
                    ) from error
            else:
                return
        time.sleep(0.1)


def answers(port: int) -> bool:
    """Whether the site answers at /healthz, with anything but a server error."""
    connection = http.client.HTTPConnection(settings.HOST, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
