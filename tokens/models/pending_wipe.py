"""What remembers, across crashes, that overwritten keys may still be on disk."""

from django.db import connection, models
from django.utils import timezone


class PendingWipeManager(models.Manager["PendingWipe"]):
    def remember(self) -> None:
        """Record that this transaction overwrites a key. Only SQLite keeps a log to be emptied."""
        if connection.vendor == "sqlite":
            self.create()


class PendingWipe(models.Model):
    """A key was overwritten, and SQLite's write-ahead log may still hold it.

    The row is committed with what overwrites the key, and deleted when a log that held both was
    emptied.
    """

    wipe_id = models.BigAutoField(db_column="WipeID", primary_key=True)
    created_at = models.DateTimeField(db_column="CreatedAt", default=timezone.now)

    objects = PendingWipeManager()

    class Meta:
        db_table = "PendingWipes"

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} UTC"
