"""The database's own name, to which each DATA_DIR is bound."""

import uuid

from django.db import models

_ONLY = 1


class InstallationManager(models.Manager["Installation"]):
    def named(self, new_id: uuid.UUID) -> "Installation":
        """Return the one row, made with this id where it is missing."""
        row, _ = self.get_or_create(pk=_ONLY, defaults={"installation_id": new_id})
        return row


class Installation(models.Model):
    """The one row that tells this database from those of other installations."""

    key = models.PositiveSmallIntegerField(db_column="Key", primary_key=True, default=_ONLY)
    installation_id = models.UUIDField(db_column="InstallationID")

    objects = InstallationManager()

    class Meta:
        db_table = "Installation"

    def __str__(self) -> str:
        return str(self.installation_id)
