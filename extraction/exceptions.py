"""Why a document is not extracted, as people and programs are told."""

from datetime import timedelta
from http import HTTPStatus

from ocrsite.lib.errors import ServiceFault, UserFacingError

CANNOT_CONVERT = "Failed to convert PDF"
CANNOT_PROCESS = "Failed to process invoice"
PROCESSED = "Invoice processed successfully"


class DocumentRejected(UserFacingError):
    """Nobody can read the document: wrong type, broken, locked or too large (413, 415 or 422)."""

    def __init__(self, code: str, detail: str, http_status: int = 422) -> None:
        super().__init__(code, CANNOT_CONVERT, detail, http_status)


class RenderBusy(ServiceFault):
    """The document was not opened or drawn in time, without using up its CPU time (503)."""

    def __init__(self) -> None:
        super().__init__(
            "render_busy",
            CANNOT_CONVERT,
            "The service was too busy to open the file in time. Try again later.",
        )


class ExtractionCancelled(UserFacingError):
    """A person had it not read (409)."""

    def __init__(self, by: str) -> None:
        super().__init__(
            "cancelled",
            "Invoice processing was cancelled",
            f"It was cancelled by {by} before it was read. Send it again to have it read.",
            409,
        )


class ExtractionFailed(UserFacingError):
    """No call read the document (422, 502 or 504), or no key was free to make one (503)."""

    def __init__(
        self, code: str, detail: str, http_status: int, *, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(code, CANNOT_PROCESS, detail, http_status, retry_after=retry_after)


class NotRetried(UserFacingError):
    """What neither failed nor was cancelled, or has no document any more, is not retried (409)."""

    def __init__(self, *, document_removed: bool) -> None:
        detail = (
            "The document was removed when its time was over. Send it again."
            if document_removed
            else "Only a failed or cancelled extraction can be tried again."
        )
        super().__init__("not_failed", HTTPStatus.CONFLICT.phrase, detail, HTTPStatus.CONFLICT)


class UnderWay(UserFacingError):
    """What is being read, or has been read, is neither cancelled nor deleted meanwhile (409)."""

    def __init__(self) -> None:
        super().__init__(
            "not_possible_now",
            HTTPStatus.CONFLICT.phrase,
            "It is being read, or that has ended. Ask for its state, and decide again.",
            HTTPStatus.CONFLICT,
        )
