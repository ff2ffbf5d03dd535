"""``manage.py backup``: a copy of the installation that can be restored."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error, connection

from extraction.backup import BackupFailed, back_up

TOOLS = {
    "microsoft": "BACKUP DATABASE … WITH CHECKSUM",
    "postgresql": "pg_dump --format=custom",
}


class Command(BaseCommand):
    help = (
        "Copy SQLite's database, the documents and the archive into BACKUP_FOLDER, while the site "
        "runs. The secrets are not copied: keep them elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", help="another folder than BACKUP_FOLDER")
        parser.add_argument("--keep", type=int, default=settings.BACKUP_KEEP, help="backups kept")

    def handle(self, *_args: Any, to: str | None, keep: int, **_options: Any) -> None:
        """Write one, and say what another tool has to do."""
        folder = to or settings.BACKUP_FOLDER
        if not folder:
            raise CommandError("Set BACKUP_FOLDER, or name a folder: manage.py backup --to …")
        if keep < 1:
            raise CommandError("At least one backup is kept.")
        try:
            written = back_up(Path(folder).absolute(), keep)
        except (BackupFailed, OSError, Error) as error:
            raise CommandError(f"There is no new backup. {error}") from error
        self.stdout.write(
            f"{written.folder}: {'database and ' if written.has_database else ''}"
            f"{written.files:,} files, {written.linked:,} of them as in the backup before."
        )
        if not written.has_database:
            tool = TOOLS.get(connection.vendor, "its own tool")
            self.stderr.write(
                f"The database is not in it: back it up before, with {tool}, into {folder} as a "
                "file, so that the alert about old backups sees it."
            )
