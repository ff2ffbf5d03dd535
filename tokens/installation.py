"""Whether DATA_DIR, its secrets and the database belong together.

``DATA_DIR/installation`` holds the id of the database and its keyed digest, so that neither another
database nor other secrets pass. The worker writes it where it is missing and where the secrets open
the database's keys.
"""

import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from ocrsite.lib.database_guard import refuse, require_accepted
from ocrsite.lib.files import atomic_write
from ocrsite.lib.sqlite import base as sqlite
from tokens import encryption
from tokens.models import Installation, TokenMaster

# How often a process that connects reads id and file again, in seconds.
VERIFY_SECONDS = 5.0
# Of the stored keys so many are tried, the newest.
KEYS_TRIED = 20

_ADVICE = "Nothing is written to it. Set DATA_DIR and DATABASE_URL to what belongs together"
OTHER_DATABASE = (
    f"The database is not the one of this DATA_DIR ({{}}). {_ADVICE}, or, if these do, run "
    "manage.py adopt_database."
)
OTHER_SECRETS = (
    f"The secrets of this installation do not fit the database of {{}}. {_ADVICE}, or, if the "
    "right secrets are lost, run manage.py adopt_database, then enter all keys again."
)

_verify_at = 0.0


def guard() -> None:
    """Verify at every new connection of this process, at most every five seconds.

    From then on a database that does not belong to DATA_DIR is refused: see
    ``ocrsite.lib.database_guard``. Nor does this process make a database file that is missing.
    """
    sqlite.require_existing_file()
    connection_created.connect(_verify_connection)


def verify() -> None:
    """Raise DatabaseRefused where DATA_DIR and database do not belong together.

    Raises django.db.Error when the database cannot be asked.
    """
    if reason := problem():
        refuse(reason)
    require_accepted()


def problem() -> str | None:
    """Return why DATA_DIR and database do not belong together, None where they do."""
    bound = _read()
    if bound is None:
        return None if _secrets_fit() else OTHER_SECRETS.format(settings.DATA_DIR)
    installation_id, digest = bound
    if digest != encryption.fingerprint(str(installation_id)):
        return OTHER_SECRETS.format(settings.DATA_DIR)
    row = Installation.objects.first()
    if row is None:  # a new database, or one that no worker has used since it has ids
        return None if _secrets_fit() else OTHER_SECRETS.format(settings.DATA_DIR)
    if row.installation_id != installation_id:
        return OTHER_DATABASE.format(settings.DATA_DIR)
    return None


def bind() -> None:
    """Bind DATA_DIR and database to each other where they are not yet.

    Raises DatabaseRefused where they do not belong together, and OSError.
    """
    verify()
    bound = _read()
    row = Installation.objects.named(bound[0] if bound else uuid.uuid4())
    if bound is None:
        _write(row)


def adopt() -> None:
    """Bind DATA_DIR to the database whatever its secrets open. Raises OSError."""
    _write(Installation.objects.named(uuid.uuid4()))


def _secrets_fit() -> bool:
    """Whether any of the newest stored keys is opened by our secrets, or there is none."""
    rows = TokenMaster.objects.filter(
        api_key__startswith=encryption.PREFIX, key_fingerprint__isnull=False
    ).order_by("-pk")[:KEYS_TRIED]
    stored = list(rows.values_list("pk", "api_key", "key_fingerprint"))
    return not stored or any(_fits(*row) for row in stored)


def _fits(token_id: int, api_key: str, fingerprint: str | None) -> bool:
    with suppress(encryption.UndecryptableKey):
        return encryption.fingerprint(encryption.decrypt(api_key, token_id)) == fingerprint
    return False


def _verify_connection(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    global _verify_at
    try:
        require_accepted()
        if time.monotonic() >= _verify_at:
            with suppress(Error, OSError):  # it has no tables yet, or is away again
                reason = problem()
                _verify_at = time.monotonic() + VERIFY_SECONDS
                if reason:
                    refuse(reason)
        require_accepted()
    except Error:
        connection.close()
        raise


def _path() -> Path:
    return Path(settings.DATA_DIR) / "installation"


def _read() -> tuple[uuid.UUID, str] | None:
    """Return the id to which DATA_DIR is bound, and its digest."""
    try:
        installation_id, digest = _path().read_text(encoding="ascii").split()
        return uuid.UUID(installation_id), digest
    except (FileNotFoundError, ValueError):  # not bound, or not by us
        return None


def _write(row: Installation) -> None:
    with atomic_write(_path()) as file:
        digest = encryption.fingerprint(str(row.installation_id))
        file.write(f"{row.installation_id} {digest}\n".encode("ascii"))
