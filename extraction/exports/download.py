"""An export as the file that a browser saves."""

from collections.abc import Iterator
from http import HTTPStatus

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from extraction.exports.formats import WRITERS, Format
from extraction.exports.layout import Layout
from extraction.exports.source import exported
from extraction.models import Extraction, State
from ocrsite.lib.errors import UserFacingError


class TooManyChosen(UserFacingError):
    """More than one export can hold: 422."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "too_many_chosen",
            "Too much for one file",
            f"This export holds at most {most:,} documents. Choose fewer, or filter.",
            HTTPStatus.UNPROCESSABLE_ENTITY,
        )


def download(
    extractions: QuerySet[Extraction], format_: Format, layout: Layout | None = None
) -> StreamingHttpResponse:
    """Return those that have succeeded as a file. Raises TooManyChosen."""
    writer = WRITERS[format_]
    extractions = extractions.filter(state=State.SUCCEEDED)
    # Only so many are counted.
    if writer.most is not None and extractions.order_by()[: writer.most + 1].count() > writer.most:
        raise TooManyChosen(writer.most)
    name = f"invoices-{timezone.now():%Y%m%d-%H%M%S}.{writer.extension}"
    return StreamingHttpResponse(
        _begun(writer.write(exported(extractions), layout)),
        content_type=writer.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Have the first bytes written now, so that a fault of disk or database is answered as one."""
    first = next(chunks, b"")
    return _resumed(first, chunks)


def _resumed(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks
