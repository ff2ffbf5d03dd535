"""Encryption of stored keys: of those inserted in clear, and with a new encryption key.

Every row changes by an UPDATE on the value that was read: a key that staff replaced in the
meantime is never overwritten, and an interrupted run continues where it ended.
"""

import logging
from collections import Counter
from collections.abc import Callable

from django.db import transaction
from django.db.models import Max, Q

from ocrsite.lib.database import empty_write_ahead_log
from tokens import encryption, services
from tokens.models import PendingWipe, TokenMaster, TokenStatus

logger = logging.getLogger(__name__)

# What else is encrypted, by apps that this one does not know: each as ``rotate_keys``.
_others: list[Callable[[], Counter[str]]] = []

TOO_LONG = "The key is too long to be stored. Enter the right one."


def also(rotate: Callable[[], Counter[str]]) -> None:
    """Have other secrets rotated with the keys from now on."""
    if rotate not in _others:
        _others.append(rotate)


def encrypt_clear_keys() -> int:
    """Encrypt the keys that were inserted in clear by SQL and return how many.

    On SQLite no byte of them remains on disk afterwards; what prevents that, a crash or somebody
    who reads for long, is made up for by later calls. A key too long to be stored encrypted is
    disabled with the reason.
    """
    encrypted = 0
    clear_rows = TokenMaster.objects.exclude(
        Q(api_key="") | Q(api_key__startswith=encryption.PREFIX)
    ).values_list("pk", "api_key")
    for token_id, stored in clear_rows:
        clear = encryption.decrypt(stored, token_id)
        try:
            replacement = encryption.encrypt(clear, token_id)
        except ValueError:
            row = TokenMaster.objects.filter(pk=token_id, api_key=stored)
            if services.change_status(tokens=row, status=TokenStatus.DISABLED, reason=TOO_LONG):
                logger.exception("Key %s is disabled: it is too long.", token_id)
            continue
        fingerprint = encryption.fingerprint(clear)
        encrypted += _overwrite(token_id, stored, api_key=replacement, key_fingerprint=fingerprint)
    _wipe_overwritten(is_retry=not encrypted)
    return encrypted


def rotate_keys() -> Counter[str]:
    """Encrypt every stored secret with the first encryption key; return rows per id of their key.

    Values that cannot be decrypted stay as they are and are counted under their old id. May be
    repeated: it changes only what another key than the first encrypted.
    """
    encrypt_clear_keys()
    outdated = (
        TokenMaster.objects.filter(api_key__startswith=encryption.PREFIX)
        .exclude(api_key__startswith=f"{encryption.PREFIX}{encryption.writing_key_id()}:")
        .values_list("pk", "api_key")
    )
    rotated = 0
    for token_id, stored in outdated:
        try:
            clear = encryption.decrypt(stored, token_id)
        except encryption.UndecryptableKey as error:
            logger.error("%s", error)
            continue
        rotated += _overwrite(token_id, stored, api_key=encryption.encrypt(clear, token_id))
    _wipe_overwritten(is_retry=not rotated)
    stored_keys = TokenMaster.objects.exclude(api_key="").values_list("api_key", flat=True)
    keys = Counter(encryption.key_id_of(stored) for stored in stored_keys)
    return sum((rotate() for rotate in _others), start=keys)


def _overwrite(token_id: int, stored: str, **fields: str) -> int:
    with transaction.atomic():
        overwritten = TokenMaster.objects.filter(pk=token_id, api_key=stored).update(**fields)
        if overwritten:
            PendingWipe.objects.remember()
    return overwritten


def _wipe_overwritten(*, is_retry: bool) -> None:
    """Wipe what any process has overwritten and not wiped yet."""
    # Read first: what is overwritten from now on may come too late to be in the emptied log.
    newest = PendingWipe.objects.aggregate(newest=Max("pk"))["newest"]
    if newest is None:
        return
    if empty_write_ahead_log():
        PendingWipe.objects.filter(pk__lte=newest).delete()
        if is_retry:
            logger.info("Overwritten keys have left the database's write-ahead log.")
    elif not is_retry:  # not every two seconds
        logger.warning("A long read kept overwritten keys in the database's write-ahead log.")
