"""How gunicorn's processes serve: with ocrsite.web_server instead of gunicorn's own workers.

gunicorn starts the processes, starts the dead ones again and stops them all.
"""

import os
from types import FrameType

from gunicorn.workers.base import Worker

from ocrsite.web_server import GRACE_SECONDS, Server, keep_temporary_files_in_data_dir


class WebWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """One of gunicorn's processes."""

    _server: Server | None = None

    def run(self) -> None:
        """Serve until a signal, or until gunicorn's main process is gone."""
        # Not before Django is set up, which it is once the application is loaded.
        from extraction.webhooks.without_worker import watch_workers_in_thread

        keep_temporary_files_in_data_dir()
        watch_workers_in_thread()
        (listener,) = self.sockets
        self._server = Server(self.wsgi, listener.dup())
        listener.close()
        self._server.run_while(self._goes_on)
        self._server.stop(GRACE_SECONDS, self.notify)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop (SIGTERM)."""
        super().handle_exit(sig, frame)
        if self._server is not None:
            self._server.wake()

    def _goes_on(self) -> bool:
        self.notify()
        return bool(self.alive) and os.getppid() == self.ppid
