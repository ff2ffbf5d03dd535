"""The ledger's journal on disk: what calls cost that were made while the database was unreachable.

One file per attempt under ``DATA_DIR/journal`` (mode 600), written atomically. The record of a call
is on disk before the call is made, so that a crash loses none, and is removed when its charge is in
TokenUsageLogs, where the attempt's id is unique: a record ingested twice is charged once.
"""

import logging
import uuid
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pydantic
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field

from ocrsite.lib.database import deadlocks_retried
from ocrsite.lib.files import atomic_write
from tokens import encryption, ledger
from tokens.models import TokenMaster, TokenUsageLog
from tokens.usage import NO_USAGE, Usage

logger = logging.getLogger(__name__)

# Unreadable files that this process has logged already.
_reported: set[Path] = set()


class Record(BaseModel):
    """One call. One that never ended is charged after ``leased_until``, at its ceiling."""

    model_config = ConfigDict(frozen=True)

    attempt_id: uuid.UUID
    company_id: str = Field(max_length=50)
    branch: str = Field(max_length=50)
    requested_by: str = Field(max_length=100)
    key_fingerprint: str = Field(max_length=64)
    ceiling: int  # LLM tokens: the most that the call can cost
    called_at: datetime
    leased_until: datetime
    ended: bool = False
    usage: Usage | None = None  # None: not known


def begin(
    *,
    company_id: str,
    branch: str,
    requested_by: str,
    api_key: str,
    ceiling: int,
    lease: timedelta,
) -> Record:
    """Record a call that is about to be made. The lease must be longer than the longest call.

    Raises OSError; the call must not be made then.
    """
    now = timezone.now()
    record = Record(
        attempt_id=uuid.uuid4(),
        company_id=company_id,
        branch=branch,
        requested_by=requested_by,
        key_fingerprint=encryption.fingerprint(api_key),
        ceiling=ceiling,
        called_at=now,
        leased_until=now + lease,
    )
    _write(record)
    return record


def settle(record: Record, usage: Usage) -> None:
    """Record what the provider billed. Raises OSError; the call is charged at its ceiling then."""
    _write(record.model_copy(update={"ended": True, "usage": usage}))


def settle_unknown(record: Record) -> None:
    """Record that the call has ended and its bill cannot be known. Raises OSError."""
    _write(record.model_copy(update={"ended": True}))


def release(record: Record) -> None:
    """Remove the record of a call that cost nothing. Raises OSError; it stays charged then."""
    _path(record).unlink()


def ingest() -> int:
    """Charge the recorded calls, except those that may still run; return how many were new."""
    ingested = 0
    for path in sorted(_folder().glob("*.json")):
        record = _read(path)
        if record is None or not (record.ended or record.leased_until <= timezone.now()):
            continue
        ingested += _charge(record)
        # After the commit: after a crash in between, the charge is found and not made again.
        path.unlink(missing_ok=True)
    return ingested


@deadlocks_retried
def _charge(record: Record) -> bool:
    """Charge one call; False when that was done before."""
    requester = {
        "company_id": record.company_id,
        "branch": record.branch,
        "requested_by": record.requested_by,
    }
    tokens = TokenMaster.objects.for_company(record.company_id)
    token = tokens.filter(key_fingerprint=record.key_fingerprint).order_by("token_id").first()
    with transaction.atomic():
        if token is None:
            usage = record.usage or NO_USAGE
            _, new = TokenUsageLog.objects.get_or_create(
                attempt_id=record.attempt_id,
                defaults={
                    **requester,
                    **asdict(usage),
                    "total_tokens_used": record.usage.total if record.usage else record.ceiling,
                    "estimated": record.usage is None,
                },
            )
        elif record.usage is None:
            new = ledger.settle_unknown(record.attempt_id, token.pk, record.ceiling, **requester)
        else:
            new = ledger.settle(record.attempt_id, token.pk, record.usage, **requester)
        if new:
            TokenUsageLog.objects.filter(attempt_id=record.attempt_id).update(
                key_fingerprint=record.key_fingerprint, logged_at=record.called_at
            )
    return new


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "journal"


def _path(record: Record) -> Path:
    return _folder() / f"{record.attempt_id}.json"


def _write(record: Record) -> None:
    """Replace the earlier record; a crash leaves the earlier or the new one, complete."""
    with atomic_write(_path(record)) as file:
        file.write(record.model_dump_json().encode())


def _read(path: Path) -> Record | None:
    """The record in a file; None for a file that holds none, with one ERROR in the log."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:  # another process has just ingested it
        return None
    except (OSError, pydantic.ValidationError) as error:
        if path not in _reported:
            _reported.add(path)
            logger.error(
                "%s cannot be ingested into the ledger (%s). Look into it, then remove it.",
                path,
                type(error).__name__,
            )
        return None
