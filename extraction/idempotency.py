"""What a caller asks for with one Idempotency-Key is done once.

Keys are kept for 24 hours (``worker.row_retention``), as digests: databases that compare text
without regard to case would take two keys for one.
"""

import hashlib
from collections.abc import Callable, Mapping
from http import HTTPStatus

from django.db import IntegrityError, transaction

from extraction.models import Extraction, IdempotencyKey
from ocrsite.lib.database import deadlocks_retried
from ocrsite.lib.errors import UserFacingError


class IdempotencyConflict(UserFacingError):
    """The same Idempotency-Key came with another document, company, reader or request."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency_conflict",
            HTTPStatus.CONFLICT.phrase,
            "This Idempotency-Key was already used with another document, company or reader, or "
            "for another request. Send a new key with everything new.",
            409,
        )


class AlreadyMade(UserFacingError):
    """What a repeated request made was answered with a secret, which is kept nowhere (409)."""

    def __init__(self, made: str) -> None:
        super().__init__(
            "already_made",
            HTTPStatus.CONFLICT.phrase,
            f"This Idempotency-Key was used already, and made {made}. Its secret was in that answer"
            " alone and is kept nowhere: where it was lost, remove what was made, or replace the "
            "secret, with a new Idempotency-Key.",
            HTTPStatus.CONFLICT,
        )


def digest_of(key: str) -> str:
    """Return what stands for a key in the database."""
    return hashlib.sha256(key.encode()).hexdigest()


def once(
    act: Callable[[], object],
    *,
    client: str,
    key: str | None,
    request: str,
    extraction: Extraction,
) -> None:
    """Do something to an extraction, unless the client's key did the same before.

    ``request`` says what is asked for. Raises IdempotencyConflict where the key was used for
    anything else, and what ``act`` raises; then nothing is kept, and the key may come again.
    """
    if key is None:
        act()
        return
    kept = {"client": client, "key": digest_of(key)}
    _once(act, kept, {"extraction_id": extraction.pk, "request": digest_of(request)})


@deadlocks_retried
def _once(act: Callable[[], object], kept: Mapping[str, str], done: Mapping[str, object]) -> None:
    """Keep the key and act in one transaction: neither is there without the other.

    The key comes first, so that of two requests at one time the second waits for the first.
    """
    with transaction.atomic():
        row, is_new = IdempotencyKey.objects.get_or_create(**kept, defaults=done)
        if is_new:
            act()
    if any(getattr(row, name) != value for name, value in done.items()):
        raise IdempotencyConflict


@deadlocks_retried
def require_same(client: str, key: str, request: str) -> None:
    """Raise IdempotencyConflict where the client's key was used for anything but this request.

    A key whose extraction was deleted may be used again.
    """
    kept = IdempotencyKey.objects.filter(client=client, key=digest_of(key))
    kept.filter(extraction__deleted_at__isnull=False).delete()
    before = kept.values_list("request", flat=True).first()
    if before not in (None, digest_of(request)):
        raise IdempotencyConflict


def keep(client: str, key: str, request: str, extraction: Extraction) -> None:
    """Have ``require_same`` know what a key was used for, as long as there is the extraction."""
    kept = {"client": client, "key": digest_of(key)}
    done = {"extraction": extraction, "request": digest_of(request)}
    IdempotencyKey.objects.get_or_create(**kept, defaults=done)


@deadlocks_retried
def made_once(make: Callable[[], str], *, client: str, key: str | None, request: str) -> str | None:
    """Make something and return None, or the id of what the client's key made before.

    ``make`` returns the id of what it makes, in one transaction with the row that remembers it; of
    ``request``, which may hold a secret, that row has a digest alone. Raises IdempotencyConflict
    where the key was used for anything else, and what ``make`` raises; then nothing is kept.
    """
    if key is None:
        make()
        return None
    kept = {"client": client, "key": digest_of(key)}
    digest = digest_of(request)
    before = IdempotencyKey.objects.filter(**kept).first()
    if before is None:
        try:
            with transaction.atomic():
                # First: of two that come at once, the second waits here.
                row = IdempotencyKey.objects.create(**kept, request=digest)
                made = make()
                IdempotencyKey.objects.filter(pk=row.pk).update(made=made)
            return None
        except IntegrityError:
            before = IdempotencyKey.objects.filter(**kept).first()
            if before is None:
                raise  # it was ``make`` that met something
    if before.extraction_id is not None or before.request != digest:
        raise IdempotencyConflict
    return before.made
