"""Reading inside the request, with the key of ``appSetting.txt``, while the database is away.

Nothing is stored but the journal's record of each call, which is charged when the database is back.
"""

import logging
import threading
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from extraction.documents import intake, rendering
from extraction.documents.document import Document
from extraction.documents.storage import storage_faults
from extraction.documents.temp_dirs import temp_dir
from extraction.evidence.collection import compare, start_collecting
from extraction.evidence.verdict import judge
from extraction.exceptions import ExtractionFailed
from extraction.invoices.messages import NOT_STORED
from extraction.invoices.schema import Invoice
from extraction.models import ReaderChoice
from extraction.readers.base import (
    RECITATION,
    SERVICE_FAULTS,
    Billing,
    Failure,
    KeyEffect,
    Reader,
    Reading,
    ReadingError,
    credible,
)
from extraction.readers.registry import output_max, reader_for
from ocrsite.lib.errors import DatabaseUnavailable
from tokens import app_setting, journal
from tokens.models import Provider
from tokens.selection import NoUsableKey
from tokens.usage import Requester, Usage

logger = logging.getLogger(__name__)

# Requests of one process that read at once: each holds a thread, and its pages are drawn on the
# cores that serve the web.
AT_ONCE = 4
# The wait that a caller is told when the key is blocked. For how long is not known here.
RETRY_AFTER = timedelta(seconds=30)

_places = threading.BoundedSemaphore(AT_ONCE)


class NotServed(DatabaseUnavailable):
    """Degraded mode is off, all its places are taken, or its journal cannot be written."""


def extract(
    upload: "UploadedFile[bytes]",
    *,
    company_id: str,
    branch: str,
    requested_by: str,
    reader: str = ReaderChoice.AUTO,
    password: str = "",
) -> Invoice:
    """Read a document now and return what was read, checked.

    It takes at most the time of drawing the pages, EXTRACT_WAIT_SECONDS and one call. Raises
    NotServed, ExtractionFailed, DocumentRejected for a document that cannot be read, and
    NoUsableKey when the key is rejected.
    """
    api_key = app_setting.degraded_key()
    if api_key is None:
        raise NotServed
    if not _places.acquire(blocking=False):
        logger.warning("Degraded mode is busy: a request was turned away.")
        raise NotServed
    requester = Requester(company_id=company_id.strip(), branch=branch, requested_by=requested_by)
    try:
        with temp_dir() as folder:
            document = _prepare(upload, folder, password)
            collected = start_collecting(document)
            reading = _read_einvoice(document, reader) or _read(document, api_key, requester)
            comparison = compare(reading, collected.result())
    finally:
        _places.release()
    logger.warning("Read an invoice of %s without the database.", company_id)
    reading = replace(reading, warnings=(*reading.warnings, NOT_STORED))
    return judge(reading, comparison, timezone.now().date())


def _prepare(upload: "UploadedFile[bytes]", folder: Path, password: str) -> Document:
    """Check the document and draw its pages, in a folder that is removed with the request."""
    with storage_faults():
        draft = intake.examine(upload, folder / "document", password=password)
    return rendering.render_document(draft.path, draft.media_type, draft.page_count, folder)


def _read_einvoice(document: Document, reader: str) -> Reading | None:
    """Return what the document's e-invoice says, where that is read instead of its pages."""
    # Imported when asked for: web processes hardly ever read.
    from extraction.readers.einvoice.first import read_first

    return read_first(document.path, document.media_type, reader)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that can be made, and made again. ``ceiling`` is the most that one can cost."""

    document: Document
    api_key: str
    output_budget: int
    ceiling: int
    requester: Requester

    def make(self, *, varied: bool = False) -> Reading:
        """Make it, and record it in the journal before and after.

        Raises ReadingError and NotServed.
        """
        try:
            record = journal.begin(
                **self.requester,
                api_key=self.api_key,
                ceiling=self.ceiling,
                output_budget=self.output_budget,
                model=settings.GEMINI_MODEL,
                # A worker's task may take this long, and no call takes longer.
                lease=timedelta(seconds=settings.Q_CLUSTER["timeout"]),
            )
        except OSError as error:
            logger.exception("The journal cannot be written, so no call is made.")
            raise NotServed from error
        try:
            reading = _reader().read(
                self.document,
                api_key=self.api_key,
                model=settings.GEMINI_MODEL,
                output_budget=self.output_budget,
                varied=varied,
            )
        except ReadingError as error:
            _settle(record, error.billing, error.usage)
            raise
        _settle(record, reading.billing, reading.usage)
        return reading


def _reader() -> Reader:
    return reader_for(Provider.GEMINI)


def _read(document: Document, api_key: str, requester: Requester) -> Reading:
    """Call once, and a second time without a wait where that may help."""
    began = time.monotonic()
    reader = _reader()
    request = reader.request_cost(document, api_key=api_key, model=settings.GEMINI_MODEL)
    budget = output_max(document, reader)
    call = _Call(document, api_key, budget, request.most + budget, requester)
    try:
        try:
            return call.make()
        except ReadingError as error:
            in_time = time.monotonic() - began < settings.EXTRACT_WAIT_SECONDS
            may_help = error.failure is Failure.RETRY and not (error.timed_out or error.retry_after)
            if not (may_help and in_time):
                raise
            return call.make(varied=error.code == RECITATION)
    except ReadingError as error:
        level = logging.ERROR if error.for_staff else logging.WARNING
        logger.log(level, "Reading without the database failed: %s (%s)", error.detail, error.code)
        raise _outcome_of(error) from None


def _settle(record: journal.Record, billing: Billing, usage: Usage) -> None:
    billing, usage = credible(billing, usage, reserve=record.ceiling, attempt_id=record.attempt_id)
    try:
        match billing:
            case Billing.NONE:
                journal.release(record)
            case Billing.KNOWN:
                journal.settle(record, usage)
            case Billing.UNKNOWN:
                journal.settle_unknown(record)
    except OSError:
        # The record from before the call stays in the journal, and is charged at its ceiling.
        logger.exception("What call %s cost could not be recorded.", record.attempt_id)


def _outcome_of(error: ReadingError) -> ExtractionFailed | NoUsableKey:
    """What a failed call is answered with: there is no other key, and no retry later."""
    if error.key_effect is KeyEffect.REJECTED:
        return NoUsableKey(
            "token_exceeded",
            "Your AI token is no longer available or has been disabled. Please contact support.",
            "The key that serves while the database is away is rejected. Ask support to check it.",
        )
    match error.failure:
        case Failure.FINAL:
            return ExtractionFailed(error.code, error.detail, 422)
        case Failure.OTHER_KEY:
            detail = f"{error.detail} Try again later."
            return ExtractionFailed("no_key_free", detail, 503, retry_after=RETRY_AFTER)
        case Failure.RETRY if error.code in SERVICE_FAULTS:
            return ExtractionFailed(error.code, error.detail, 503, retry_after=RETRY_AFTER)
        case Failure.RETRY | Failure.REPAIR:
            return ExtractionFailed(error.code, error.detail, 504 if error.timed_out else 502)
