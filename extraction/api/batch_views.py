"""Many documents in one request, and how far they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from extraction import idempotency
from extraction.access import KnownClient, Principal, principal_of
from extraction.api import documentation
from extraction.api.batches import Batch, answered, progress, written
from extraction.api.serializers import MOST_FILES, BatchInput
from extraction.api.views import POLL_AFTER, ApiView, idempotency_key, require_upload
from extraction.documents.archive import Packed, is_zip, unpacked
from extraction.models import Channel, EarlierDocument, Extraction
from extraction.models.batch import in_batch
from extraction.submission import Origin
from logs import context
from ocrsite.lib.addresses import client_address
from ocrsite.lib.errors import DatabaseUnavailable
from tokens import selection


class BatchesView(ApiView):
    """Accept many documents, each by itself."""

    parser_classes = (MultiPartParser,)

    @documentation.new_batch
    def post(self, request: Request) -> Response:
        """Submit the files of the form, or those in its ZIP, and answer what became of each."""
        principal, values = principal_of(request), _form(request)
        uploads: list[UploadedFile[bytes]] = values.pop("file")
        require_upload(principal, values["company_id"])
        context.add(company_id=values["company_id"])
        if isinstance(principal.actor, KnownClient):
            raise DatabaseUnavailable
        selection.require_open(values["company_id"])
        origin = Origin(Channel.API, client_address(request))
        batch = Batch(principal, origin, idempotency_key(request), values)
        same = written(values, uploads) if batch.key else ""
        if batch.key:
            idempotency.require_same(batch.client, batch.key, same)
        id_ = batch.id()
        with _files(uploads) as files:
            outcomes = batch.submit(id_, files)
        done = [outcome.submitted.extraction for outcome in outcomes if outcome.submitted]
        if batch.key and done:
            idempotency.keep(batch.client, batch.key, same, done[0])
        body, status, headers = answered(id_, outcomes)
        return Response(body, status=status, headers=headers)


class BatchView(ApiView):
    """The extractions that were submitted together."""

    @documentation.batch
    def get(self, request: Request, batch_id: UUID) -> Response:
        """Answer how many are in which state, and a line of each."""
        principal = principal_of(request)
        body = progress(batch_id, principal.visible(Extraction.objects.filter(in_batch(batch_id))))
        if not body["documents"] and not _has_sent(principal, batch_id):
            raise Http404
        headers = {} if body["ended"] else {"Retry-After": str(POLL_AFTER)}
        return Response(body, headers=headers)


def _has_sent(principal: Principal, batch: UUID) -> bool:
    """Whether it sent documents in this batch that had come before, maybe of others."""
    return EarlierDocument.objects.filter(batch=batch, client=principal.label).exists()


def _form(request: Request) -> dict[str, Any]:
    """Return the fields. Raises ValidationError."""
    try:
        form = BatchInput(data=request.data)
    except TooManyFilesSent as error:
        raise ValidationError({"file": [f"at most {MOST_FILES} files in a batch."]}) from error
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


@contextmanager
def _files(uploads: list["UploadedFile[bytes]"]) -> Iterator[list[Packed]]:
    """Give the files of a batch: those of the form, or those in the one ZIP."""
    if len(uploads) == 1 and is_zip(uploads[0]):
        with unpacked(uploads[0], MOST_FILES) as files:
            yield files
    else:
        yield [Packed(upload.name or "", upload, None) for upload in uploads]
