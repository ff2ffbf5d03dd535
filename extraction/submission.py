"""A document comes in: from an endpoint to a queued extraction, for pages and API alike."""

import logging
import shutil
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from extraction import clients
from extraction.access import Principal
from extraction.documents import intake
from extraction.documents.intake import AcceptedDocument
from extraction.idempotency import IdempotencyConflict, digest_of
from extraction.labels import rows_of
from extraction.models import (
    ApiClient,
    Channel,
    Correction,
    Extraction,
    IdempotencyKey,
    Label,
    ReaderChoice,
    Right,
    State,
)
from extraction.models.extraction_queryset import dedup_key
from extraction.readers.registry import least_cost
from extraction.tasks import wake
from logs import context
from ocrsite.lib import audit, clock
from ocrsite.lib.audit import Action
from ocrsite.lib.database import deadlocks_retried, retry_deadlocks
from tokens import selection
from tokens.models import Provider, TokenMaster
from tokens.selection import NoUsableKey

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submission:
    """The extraction that answers for a document; ``created`` is False for an earlier one."""

    extraction: Extraction
    created: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Through what a document came, and from which IP address."""

    channel: Channel
    address: str


def submit(
    upload: "UploadedFile[bytes]",
    *,
    company_id: str,
    requested_by: str,
    branch: str,
    client: str,
    licence_id: str = "",
    force: bool = False,
    reader: str = ReaderChoice.AUTO,
    password: str = "",
    batch: uuid.UUID | None = None,
    idempotency_key: str | None = None,
    labels: Mapping[str, str] | None = None,
    origin: Origin | None = None,
    limited: ApiClient | None = None,
) -> Submission:
    """Accept a document and queue its extraction, or find the one that already answers for it.

    The same bytes of one company are read once by each ``reader`` of ReaderChoice, unless
    ``force`` asks for more. ``password`` opens a locked PDF and is kept nowhere. An earlier
    extraction that answers keeps its ``labels``. ``limited`` is the API client that sends it, where
    that may have so many documents at a time. Raises DocumentRejected for a document that cannot
    be read, ServiceFault when this machine cannot take it now, NoUsableKey when the company has no
    usable key or is closed, TooManyDocuments, and IdempotencyConflict; nothing is stored or queued
    then.
    """
    extraction_id = uuid.uuid4()
    company_id = company_id.strip()
    with context.bound(extraction_id=str(extraction_id), company_id=company_id):
        selection.require_open(company_id)
        document = intake.receive(upload, extraction_id, password=password)
        key = None if idempotency_key is None else digest_of(idempotency_key)
        identity = _Identity(company_id, document.sha256, client, key, force, reader)
        with ExitStack() as unused_files:
            unused_files.callback(_remove_files, extraction_id)
            _forget_deleted(identity)
            extraction = _earlier(identity)
            if extraction is not None:  # seldom: most documents are new
                _forget_offline_reading(identity)
                extraction = _earlier(identity)
            if extraction is None:
                _require_key(company_id, document, reader)
                extraction = Extraction(
                    id=extraction_id,
                    company_id=company_id,
                    branch=branch,
                    requested_by=requested_by,
                    licence_id=licence_id,
                    client=client,
                    batch=batch,
                    channel=origin.channel if origin else "",
                    received_from=(origin.address[:45] or None) if origin else None,
                    received_in=context.current().request_id,
                    dedup_key=identity.dedup_key,
                    reader=reader,
                    file=document.file,
                    file_name=document.file_name,
                    sha256=document.sha256,
                    media_type=document.media_type,
                    size=document.size,
                    page_count=document.page_count,
                    due_at=clock.now(),
                )
            # Where the database is lost at the commit, the row may be there and need its file. If
            # it is not, the file goes at night.
            extraction = _record(
                extraction,
                identity,
                labels or {},
                limited=limited,
                before_commit=unused_files.pop_all,
            )
    created = extraction.pk == extraction_id
    if not created:
        _remove_files(extraction_id)
    return Submission(extraction, created)


@deadlocks_retried
def retry(extraction: Extraction, *, by: Principal, why: str = "") -> bool:
    """Queue one that failed or was cancelled again; False when it is neither (any more).

    Raises NotAllowed, and TooManyDocuments for an API client whose own document it is.
    """
    by.demand(Right.RETRY, extraction.company_id)
    with transaction.atomic():
        if isinstance(by.actor, ApiClient) and extraction.client == by.label:
            clients.take_room(by.actor)
        queued = Extraction.objects.requeue(extraction.pk)
        if queued:
            audit.record(
                Action.RETRIED,
                who=by.who,
                what=extraction.audited_as,
                before=_ended_as(extraction),
                why=why,
            )
            wake(extraction.pk)
    if queued:
        with context.bound(extraction_id=str(extraction.pk), company_id=extraction.company_id):
            logger.info("%s queued %s again", by.label, extraction.pk)
    return queued


@deadlocks_retried
def read_again(
    extraction: Extraction,
    *,
    by: Principal,
    reader: str = "",
    key: TokenMaster | None = None,
) -> bool:
    """Queue an ended extraction again, to be read as a person chose; False when it is not as given.

    Another person may have changed or deleted it, or its document is removed. Without a choice it
    is read as it was sent. An earlier result stays until the new one replaces it, with what people
    corrected and decided: a Correction keeps it. Raises NotAllowed.
    """
    by.demand(Right.CORRECT, extraction.company_id)
    unchanged = Extraction.objects.filter(version=extraction.version)
    with transaction.atomic():
        if not unchanged.requeue(
            extraction.pk, State.ended(), chosen_reader=reader, chosen_key=key
        ):
            return False
        if extraction.has_result:
            Correction.objects.create(
                extraction=extraction,
                version=extraction.version + 1,
                path="",
                old_value={"result": extraction.result, "original": extraction.original},
                corrected_by=by.name[:100],
                client=by.label,
            )
        how = f"with key {key.pk}" if key else f"by {reader or extraction.reader}"
        audit.record(
            Action.READ_AGAIN,
            who=by.who,
            what=extraction.audited_as,
            before=_ended_as(extraction),
            after=how,
        )
        wake(extraction.pk)
    with context.bound(extraction_id=str(extraction.pk), company_id=extraction.company_id):
        logger.info("%s had %s read again %s", by.label, extraction.pk, how)
    return True


def _ended_as(extraction: Extraction) -> str:
    """Its state and error, as the caller read them."""
    return " ".join(filter(None, [extraction.state, extraction.error_code]))


@dataclass(frozen=True, slots=True)
class _Identity:
    """What makes two submissions the same one."""

    company_id: str
    sha256: str
    client: str
    idempotency_key: str | None
    force: bool
    reader: str

    @property
    def dedup_key(self) -> str | None:
        """Company, bytes and reader; None when ``force`` asks for another reading."""
        return None if self.force else dedup_key(self.company_id, self.sha256, self.reader)

    def is_of(self, extraction: Extraction) -> bool:
        """Whether an extraction reads the same document in the same way."""
        theirs = (extraction.company_id, extraction.sha256, extraction.reader)
        return theirs == (self.company_id, self.sha256, self.reader)


def _require_key(company_id: str, document: AcceptedDocument, reader: str) -> None:
    """Raise NoUsableKey unless the company, which is open, has a key or can do without one.

    A company whose keys are used up has its e-invoices read: they cost nothing.
    """
    try:
        selection.require_usable(company_id, cost_of=least_cost, known_open=True)
    except NoUsableKey:
        selection.require_unblocked(company_id)
        # Imported when asked for: web processes hardly ever read.
        from extraction.readers.einvoice.first import has_einvoice_to_read

        path = intake.documents_folder() / document.file
        if not has_einvoice_to_read(path, document.media_type, reader):
            raise


def _earlier(identity: _Identity) -> Extraction | None:
    """The extraction that already answers, by its Idempotency-Key or by its bytes."""
    if same_key := _same_key(identity):
        extraction = same_key.extraction
        if extraction is None or same_key.request or not identity.is_of(extraction):
            raise IdempotencyConflict
        return extraction
    if identity.dedup_key is not None:
        same = Extraction.objects.filter(dedup_key=identity.dedup_key)
        # Most documents are new: to ask for all columns would take five times as long.
        return same.first() if same.exists() else None
    return None


def _same_key(identity: _Identity) -> IdempotencyKey | None:
    """What the caller's Idempotency-Key, if there is one, was used for."""
    if identity.idempotency_key is None:
        return None
    used = IdempotencyKey.objects.filter(client=identity.client, key=identity.idempotency_key)
    return used.filter(extraction__deleted_at=None).select_related("extraction").first()


def _record(
    extraction: Extraction,
    identity: _Identity,
    labels: Mapping[str, str],
    *,
    limited: ApiClient | None,
    before_commit: Callable[[], object],
) -> Extraction:
    """Commit row, labels, wake-up and Idempotency-Key together, or return the row that was first.

    ``before_commit`` is called when only the commit of a new row is left to do.
    """
    is_new = extraction._state.adding

    def commit() -> None:
        with transaction.atomic():
            if is_new:
                if limited is not None:
                    clients.take_room(limited)
                extraction.save(force_insert=True)
                if labels:
                    Label.objects.bulk_create(rows_of(extraction, labels))
                wake(extraction.pk)
            if identity.idempotency_key is not None:
                IdempotencyKey.objects.create(
                    client=identity.client, key=identity.idempotency_key, extraction=extraction
                )
            if is_new:
                before_commit()

    try:
        retry_deadlocks(commit)
    except IntegrityError:
        # These bytes or this key belong to an extraction that was committed meanwhile.
        first = _earlier(identity)
        if first is None:
            raise
        return first
    if is_new:
        logger.info("Queued %s, %s.", extraction.pk, extraction.media_type)
    return extraction


def _remove_files(extraction_id: uuid.UUID) -> None:
    shutil.rmtree(intake.folder_of(extraction_id), ignore_errors=True)


@deadlocks_retried
def _forget_deleted(identity: _Identity) -> None:
    """Let an Idempotency-Key be used again whose extraction was deleted."""
    if identity.idempotency_key is not None:
        IdempotencyKey.objects.filter(
            client=identity.client,
            key=identity.idempotency_key,
            extraction__deleted_at__isnull=False,
        ).delete()


@deadlocks_retried
def _forget_offline_reading(identity: _Identity) -> None:
    """Have an offline reading done again once the company has a Gemini key, which reads better."""
    better = TokenMaster.objects.for_company(identity.company_id).usable()
    better = better.exclude(provider=Provider.OFFLINE)
    if identity.dedup_key is not None and better.exists():
        Extraction.objects.filter(
            dedup_key=identity.dedup_key,
            state=State.SUCCEEDED,
            token__provider=Provider.OFFLINE,
        ).update(dedup_key=None)
