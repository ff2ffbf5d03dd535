"""What anybody can have logged without being signed in, kept within bounds.

Wrong addresses, wrong Host headers, forms without CSRF token, failed log-ins: of each kind the
first NOISE_LIMIT records of a minute are logged, and then one that says how many more there were.
"""

import atexit
import logging
import os
import sys
import threading
from http import HTTPStatus

from logs import context

logger = logging.getLogger(__name__)

# Per kind, process and minute.
NOISE_LIMIT = 20
PERIOD_SECONDS = 60.0

_SECURITY = "django.security"


class NoiseFilter(logging.Filter):
    """Drops, and counts, what goes beyond the limit of its kind."""

    def __init__(self) -> None:
        super().__init__()
        self._start_afresh()
        atexit.register(self.report)
        if sys.platform != "win32":  # Windows cannot fork
            os.register_at_fork(after_in_child=self._start_afresh)

    def _start_afresh(self) -> None:
        """Leave what was counted to the parent: after a fork it still has it."""
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged. What callers do wrong is no ERROR of ours."""
        if record.name.startswith(_SECURITY) and record.levelno > logging.WARNING:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info = record.exc_text = None
        kind = _kind(record)
        if kind is None:
            return True
        with self._lock:
            if not self._counts:
                timer = threading.Timer(PERIOD_SECONDS, self.report)
                timer.daemon = True
                timer.start()
            self._counts[kind] = self._counts.get(kind, 0) + 1
            return self._counts[kind] <= NOISE_LIMIT

    def report(self) -> None:
        """End the minute: say of each kind how many records were dropped."""
        with self._lock:
            counts, self._counts = self._counts, {}
        for kind, count in counts.items():
            if count > NOISE_LIMIT:
                logger.warning(
                    "%s more records of this kind within %.0f seconds: %s",
                    *(count - NOISE_LIMIT, PERIOD_SECONDS, kind),
                )


def _kind(record: logging.LogRecord) -> str | None:
    """What a record is one of many of; None when it does not come from a stranger."""
    if context.current().user is not None:
        return None
    if kind := getattr(record, "noise", None):
        return str(kind)
    status = getattr(record, "status_code", 0)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"{record.name}, {status}"
    return record.name if record.name.startswith(_SECURITY) else None
