"""The ledger's journal on disk: what calls cost that were made while the database was unreachable.

One file per attempt under ``DATA_DIR/journal`` (mode 600), written atomically. The record of a call
is on disk before the call is made, so that a crash loses none, and is removed when its charge is in
TokenUsageLogs, where the attempt's id is unique: a record ingested twice is charged once. One that
cannot be charged is kept in ``DATA_DIR/journal/rejected``, and staff are told.
"""

import logging
import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from ocrsite.lib.database import deadlocks_retried, is_unreachable
from ocrsite.lib.files import atomic_write, make_folder, sync_folder
from tokens import encryption, ledger, usage_days
from tokens.costs import cost_fields
from tokens.models import LedgerAlert, ModelPrice, TokenMaster, TokenUsageLog
from tokens.unpriced import UnpricedModel
from tokens.usage import NO_USAGE, Requester, Usage

logger = logging.getLogger(__name__)

# No call bills so many LLM tokens: what says so is no record of ours.
MOST_TOKENS = 10**9
# As long as the columns for it.
LONGEST_MODEL = 100
# What the record is to blame for. ValueError is pydantic's, too, and that of drivers for text that
# a database cannot hold; OverflowError is SQLite's for a large number.
_BAD_RECORD = (ValueError, OverflowError, IsADirectoryError, DataError, IntegrityError)

# Files that this process could not read, or set aside, and has logged already.
_reported: set[Path] = set()


class Record(BaseModel):
    """One call. One that never ended is charged after ``leased_until``, at its ceiling."""

    model_config = ConfigDict(frozen=True)

    attempt_id: uuid.UUID
    company_id: str = Field(max_length=50)
    branch: str = Field(max_length=50)
    requested_by: str = Field(max_length=100)
    key_fingerprint: str = Field(max_length=64)
    ceiling: int = Field(ge=0, le=MOST_TOKENS)  # LLM tokens: the most that the call can cost
    # Of it for the output with thinking. Records of earlier versions name neither this nor a model.
    output_budget: int | None = Field(default=None, ge=0, le=MOST_TOKENS)
    model: str | None = Field(default=None, max_length=LONGEST_MODEL)
    called_at: AwareDatetime
    leased_until: AwareDatetime
    ended: bool = False
    usage: Usage | None = None  # None: not known

    @field_validator("usage")
    @classmethod
    def _is_possible(cls, usage: Usage | None) -> Usage | None:
        if usage is not None and not all(
            0 <= count <= MOST_TOKENS for count in asdict(usage).values()
        ):
            raise ValueError("a count of LLM tokens is out of range")
        return usage


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that could not be charged, as the audit finds it."""

    name: str

    @property
    def identity(self) -> str:
        """The name of its file."""
        return self.name

    def __str__(self) -> str:
        return (
            f"A call is not charged: DATA_DIR/journal/rejected/{self.name} cannot be ingested. "
            "Mend it and move it back to DATA_DIR/journal, or remove it."
        )


def begin(
    *,
    company_id: str,
    branch: str,
    requested_by: str,
    api_key: str,
    ceiling: int,
    output_budget: int,
    model: str,
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
        output_budget=output_budget,
        model=model[:LONGEST_MODEL],
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
    """Charge the recorded calls, except those that may still run; return how many were new.

    A record that cannot be charged is set aside: see ``rejected``. Raises django.db.Error when the
    database takes none.
    """
    return sum(map(_ingest, sorted(_folder().glob("*.json"))))


def rejected() -> list[RejectedRecord]:
    """Return the records that were set aside because they could not be charged."""
    return [RejectedRecord(path.name) for path in sorted(_rejected_folder().glob("*.json"))]


def _ingest(path: Path) -> bool:
    """Charge the call of one record, and remove it; False when there was nothing to charge."""
    try:
        record = Record.model_validate_json(path.read_bytes())
        if not (record.ended or record.leased_until <= timezone.now()):
            return False
        is_new = _charge(record)
    except FileNotFoundError:  # another process has just ingested it
        return False
    except _BAD_RECORD as error:
        if is_unreachable(error):
            raise
        _reject(path, error)
        return False
    except OSError as error:
        _report(path, error)
        return False
    # After the commit: after a crash in between, the charge is found and not made again.
    path.unlink(missing_ok=True)
    return is_new


def _reject(path: Path, error: Exception) -> None:
    """Set a record aside that cannot be charged, and tell staff."""
    finding = RejectedRecord(path.name)
    # First: after a crash in between it is done again.
    LedgerAlert.objects.raise_once([finding.identity], str(finding))
    try:
        path.replace(make_folder(_rejected_folder()) / path.name)
        sync_folder(_rejected_folder())
    except OSError as failure:
        _report(path, failure)
    else:
        logger.error("%s (%s)", finding, type(error).__name__)


def _report(path: Path, error: OSError) -> None:
    if path not in _reported:
        _reported.add(path)
        logger.error("%s cannot be read or moved (%s).", path, type(error).__name__)


@deadlocks_retried
def _charge(record: Record) -> bool:
    """Charge one call; False when that was done before."""
    requester = Requester(
        company_id=record.company_id,
        branch=record.branch,
        requested_by=record.requested_by,
    )
    tokens = TokenMaster.objects.for_company(record.company_id)
    token = tokens.filter(key_fingerprint=record.key_fingerprint).order_by("token_id").first()
    with transaction.atomic():
        if token is None:
            new = _book_without_key(record, requester)
        elif record.usage is None:
            new = ledger.settle_unknown(
                record.attempt_id,
                token.pk,
                record.ceiling,
                **requester,
                model=record.model,
                output_budget=record.output_budget,
                called_at=record.called_at,
            )
        else:
            new = ledger.settle(
                record.attempt_id,
                token.pk,
                record.usage,
                **requester,
                model=record.model,
                called_at=record.called_at,
            )
        if new:
            TokenUsageLog.objects.filter(attempt_id=record.attempt_id).update(
                key_fingerprint=record.key_fingerprint, logged_at=record.called_at
            )
    return new


def _book_without_key(record: Record, requester: Requester) -> bool:
    """Book a call whose key is in no row; False when that was done before."""

    def priced(price: ModelPrice) -> Decimal:
        if record.usage is None:
            return price.ceiling(record.ceiling, record.output_budget)
        return price.cost(record.usage)

    cost = cost_fields(record.model, record.called_at, priced)
    total = record.usage.total if record.usage else record.ceiling
    row, new = TokenUsageLog.objects.get_or_create(
        attempt_id=record.attempt_id,
        defaults={
            "logged_at": record.called_at,
            **requester,
            **asdict(record.usage or NO_USAGE),
            **cost,
            "total_tokens_used": total,
            "estimated": record.usage is None,
            "began_at": record.called_at,
        },
    )
    if new:
        usage_days.book(row)
    if new and record.model and total and cost["cost"] is None:
        UnpricedModel(record.model).raise_alert()
    return new


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "journal"


def _rejected_folder() -> Path:
    return _folder() / "rejected"


def _path(record: Record) -> Path:
    return _folder() / f"{record.attempt_id}.json"


def _write(record: Record) -> None:
    """Replace the earlier record; a crash leaves the earlier or the new one, complete."""
    with atomic_write(_path(record)) as file:
        file.write(record.model_dump_json().encode())
