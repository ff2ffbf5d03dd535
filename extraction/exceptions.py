"""Why a document is not extracted, as people and programs are told."""

CANNOT_CONVERT = "Failed to convert PDF"
CANNOT_PROCESS = "Failed to process invoice"
PROCESSED = "Invoice processed successfully"


class DocumentRejected(Exception):
    """A document that cannot be read by anybody: wrong type, broken, locked or too large.

    ``code`` is stable and for machines; ``detail`` says what happened and what to do, without
    internals. ``http_status`` is 413, 415 or 422. The message is always ``CANNOT_CONVERT``.
    """

    def __init__(self, code: str, detail: str, http_status: int = 422) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.http_status = http_status
