"""A document comes in: the one way from a door to a queued extraction."""

import logging
import shutil
import uuid
from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction

from extraction import intake
from extraction.intake import AcceptedDocument
from extraction.models import Extraction, State
from extraction.tasks import wake
from tokens import selection
from tokens.models import Provider, TokenMaster

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submission:
    """The extraction that answers for a document; ``created`` is False for an earlier one."""

    extraction: Extraction
    created: bool


class IdempotencyConflict(Exception):
    """The same Idempotency-Key came with another document."""


def submit(
    upload: UploadedFile,
    *,
    company_id: str,
    requested_by: str,
    branch: str,
    client: str,
    licence_id: str = "",
    force: bool = False,
    idempotency_key: str | None = None,
) -> Submission:
    """Accept a document and queue its extraction, or find the one that already answers for it.

    The same bytes of one company are read once, unless ``force`` asks for more. Raises Refusal
    for a document that cannot be read, NoToken when the company has no usable key, and
    IdempotencyConflict; nothing is stored or queued then.
    """
    extraction_id = uuid.uuid4()
    company_id = company_id.strip()
    document = intake.receive(upload, extraction_id)
    try:
        _forget_offline_reading(company_id, document)
        submission = _earlier(company_id, document, client, force, idempotency_key)
        if submission is None:
            selection.require_usable(company_id)
            submission = _create(
                extraction_id,
                document,
                company_id=company_id,
                requested_by=requested_by,
                branch=branch,
                client=client,
                licence_id=licence_id,
                dedup_key=None if force else _dedup_key(company_id, document),
                idempotency_key=idempotency_key,
            )
        if submission is None:
            # Another request with the same bytes or key came in between.
            submission = _earlier(company_id, document, client, force, idempotency_key)
            assert submission is not None
    except BaseException:
        shutil.rmtree(intake.folder_of(extraction_id), ignore_errors=True)
        raise
    if not submission.created:
        shutil.rmtree(intake.folder_of(extraction_id), ignore_errors=True)
    return submission


def retry(extraction: Extraction) -> bool:
    """Queue a failed extraction again; False when it is not failed (any more)."""
    with transaction.atomic():
        queued = Extraction.objects.requeue(extraction.pk)
        if queued:
            wake(extraction.pk)
    return queued


def _create(
    extraction_id: uuid.UUID,
    document: AcceptedDocument,
    *,
    company_id: str,
    requested_by: str,
    branch: str,
    client: str,
    licence_id: str,
    dedup_key: str | None,
    idempotency_key: str | None,
) -> Submission | None:
    """Write the row and its wake-up together; None when a unique key was taken meanwhile."""
    try:
        with transaction.atomic():
            extraction = Extraction.objects.create(
                id=extraction_id,
                company_id=company_id,
                branch=branch,
                requested_by=requested_by,
                licence_id=licence_id,
                client=client,
                dedup_key=dedup_key,
                idempotency_key=idempotency_key,
                file=document.file,
                file_name=document.file_name,
                sha256=document.sha256,
                media_type=document.media_type,
                size=document.size,
                page_count=document.page_count,
            )
            wake(extraction.pk)
    except IntegrityError:
        return None
    logger.info("Queued %s of %s for %s.", extraction_id, document.media_type, company_id)
    return Submission(extraction, created=True)


def _earlier(
    company_id: str,
    document: AcceptedDocument,
    client: str,
    force: bool,
    idempotency_key: str | None,
) -> Submission | None:
    """The extraction that already answers, by its Idempotency-Key or by its bytes."""
    if idempotency_key is not None:
        same_key = Extraction.objects.filter(client=client, idempotency_key=idempotency_key)
        if extraction := same_key.first():
            if (extraction.sha256, extraction.company_id) != (document.sha256, company_id):
                raise IdempotencyConflict
            return Submission(extraction, created=False)
    if not force:
        same_bytes = Extraction.objects.filter(dedup_key=_dedup_key(company_id, document))
        if extraction := same_bytes.first():
            return Submission(extraction, created=False)
    return None


def _dedup_key(company_id: str, document: AcceptedDocument) -> str:
    return f"{company_id}:{document.sha256}"


def _forget_offline_reading(company_id: str, document: AcceptedDocument) -> None:
    """A company that has a Gemini key by now gets a better answer than its offline reading."""
    better = TokenMaster.objects.for_company(company_id).usable().exclude(provider=Provider.OFFLINE)
    if better.exists():
        Extraction.objects.filter(
            dedup_key=_dedup_key(company_id, document),
            state=State.SUCCEEDED,
            token__provider=Provider.OFFLINE,
        ).update(dedup_key=None)
