"""The files of a batch, submitted one after the other: each is accepted or refused by itself."""

import hashlib
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Q
from django.urls import reverse

from extraction import clients, idempotency, submission
from extraction.access import Principal
from extraction.api.representations import LISTED_COLUMNS, line
from extraction.documents.archive import Packed, is_zip
from extraction.documents.intake import shown_name
from extraction.exceptions import CANNOT_CONVERT, DocumentRejected
from extraction.listing.conditions import Rows
from extraction.models import ApiClient, State
from extraction.models.batch import note_earlier
from extraction.submission import Origin
from ocrsite.lib.errors import ServiceFault, UserFacingError

# No file is begun later: a caller waits for the answer, and one of the web server's threads works.
SECONDS = 60.0
# Extractions that a batch's answer has lines of.
MOST_LINES = 100


class NotInTime(ServiceFault):
    """The files before it took the time of the request (503)."""

    def __init__(self) -> None:
        super().__init__(
            "not_in_time",
            CANNOT_CONVERT,
            f"The files before it took {SECONDS:.0f} seconds. Send the same batch with the same "
            "Idempotency-Key again, or this file in another one.",
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: a submission, or why there is none."""

    name: str
    submitted: submission.Submission | None
    refusal: UserFacingError | None

    def represented(self) -> dict[str, Any]:
        """Return it as the API tells it."""
        done, refusal = self.submitted, self.refusal
        return {
            "name": shown_name(self.name),
            "extraction": done and reverse("api-extraction", args=[done.extraction.pk]),
            "came_before": done is not None and not done.created,
            "code": refusal and refusal.code,
            "detail": refusal and refusal.detail,
            "http_status": refusal and refusal.http_status,
        }


@dataclass(frozen=True)
class Batch:
    """Who sends a batch, how, and with which fields of the form; ``key``: its Idempotency-Key."""

    principal: Principal
    origin: Origin
    key: str | None
    values: dict[str, Any]

    @property
    def client(self) -> str:
        """Who sends it, as its extractions name that."""
        return self.principal.label

    def id(self) -> uuid.UUID:
        """Return a new id, or the one that belongs to the Idempotency-Key."""
        if self.key is None:
            return uuid.uuid4()
        digest = idempotency.digest_of(f"{self.client}\n{self.key}")
        return uuid.UUID(hex=digest[:32], version=4)

    def submit(self, batch: uuid.UUID, files: Iterable[Packed]) -> list[Outcome]:
        """Submit every file, for SECONDS; what is left then is refused with NotInTime."""
        give_up_at = time.monotonic() + SECONDS
        outcomes = []
        for number, file in enumerate(files, start=1):
            try:
                if file.upload is None or time.monotonic() >= give_up_at:
                    raise file.refusal or NotInTime()
                outcomes.append(Outcome(file.name, self._submit(batch, number, file.upload), None))
            except UserFacingError as error:
                outcomes.append(Outcome(file.name, None, error))
        done = [outcome.submitted.extraction for outcome in outcomes if outcome.submitted]
        note_earlier(batch, done, self.client)
        return outcomes

    def _submit(
        self, batch: uuid.UUID, number: int, upload: "UploadedFile[bytes]"
    ) -> submission.Submission:
        if is_zip(upload):
            raise DocumentRejected(
                "unsupported_media_type",
                "It is a ZIP. Send it by itself; what is packed in it must be the documents.",
                415,
            )
        actor = self.principal.actor
        limited = actor if isinstance(actor, ApiClient) else None
        if limited is not None:
            clients.require_room(limited)
        return submission.submit(
            upload,
            client=self.client,
            batch=batch,
            # No key that is sent has a line break.
            idempotency_key=None if self.key is None else f"{self.key}\n{number}",
            origin=self.origin,
            limited=limited,
            **self.values,
        )


def written(values: dict[str, Any], uploads: list["UploadedFile[bytes]"]) -> str:
    """Return what makes two batches the same: company, reader, and the bytes of what was sent."""
    digests = []
    for upload in uploads:
        digest = hashlib.sha256()
        for chunk in upload.chunks():
            digest.update(chunk)
        digests.append(digest.hexdigest())
    return json.dumps([values["company_id"], values["reader"], digests])


def answered(
    batch: uuid.UUID, outcomes: list[Outcome]
) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return body, status and headers of the answer to a batch that was sent."""
    accepted = [done.submitted.extraction for done in outcomes if done.submitted]
    address = reverse("api-batch", args=[batch])
    body = {
        "batch": batch,
        "address": address if accepted else None,
        "accepted": len(accepted),
        "refused": len(outcomes) - len(accepted),
        "files": [outcome.represented() for outcome in outcomes],
    }
    if accepted:
        return body, HTTPStatus.ACCEPTED, {"Location": address}
    refusals = [outcome.refusal for outcome in outcomes if outcome.refusal]
    if len({refusal.http_status for refusal in refusals}) > 1:
        return body, HTTPStatus.UNPROCESSABLE_ENTITY, {}
    waits = [refusal.retry_after for refusal in refusals if refusal.retry_after]
    last = max(refusals, key=lambda refusal: refusal.retry_after or timedelta(0))
    return body, refusals[0].http_status, last.headers() if waits else {}


def progress(batch: uuid.UUID, rows: Rows) -> dict[str, Any]:
    """Return how far the rows are, which are those of a batch that the caller may see."""
    states = {str(state): Count("pk", filter=Q(state=state)) for state in State}
    found = rows.order_by().aggregate(
        documents=Count("pk"), review=Count("pk", filter=Q(needs_review=True)), **states
    )
    lines = rows.order_by("created_at", "pk").only(*LISTED_COLUMNS).prefetch_related("labels")
    return {
        "batch": batch,
        "documents": found["documents"],
        "counts": {name: found[name] for name in states},
        "needs_review": found["review"],
        "ended": sum(found[state] for state in State.ended()) == found["documents"],
        "extractions": [line(extraction) for extraction in lines[:MOST_LINES]],
    }
