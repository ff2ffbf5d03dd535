"""What tests of the log handler share."""

import logging
from pathlib import Path

from django.db import connection


def flush(logger: logging.Logger) -> None:
    for each in logger.handlers:
        each.flush()


def kept(data_dir: Path) -> str:
    """The contents of all files of the spool."""
    return "".join(path.read_text() for path in (data_dir / "unwritten-logs").glob("*"))


class no_log_table:  # noqa: N801 - used like a function
    """Within it the database cannot take log records."""

    def __enter__(self) -> None:
        self._rename("ApplicationLogs", "Elsewhere")

    def __exit__(self, *_: object) -> None:
        self._rename("Elsewhere", "ApplicationLogs")

    def _rename(self, old: str, new: str) -> None:
        with connection.cursor() as cursor:
            # Or SQLite refuses: the view names the table.
            cursor.execute("PRAGMA legacy_alter_table = ON")
            cursor.execute(f'ALTER TABLE "{old}" RENAME TO "{new}"')
