"""An export as the file that a browser saves."""

from collections.abc import Iterator
from http import HTTPStatus

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from extraction.access import Principal
from extraction.exports.formats import WRITERS, Format
from extraction.exports.layout import Layout
from extraction.exports.source import exported
from extraction.models import Extraction, State
from ocrsite.lib import audit
from ocrsite.lib.audit import Action, What
from ocrsite.lib.downloads import begun
from ocrsite.lib.errors import UserFacingError

# So many are counted for the audit list.
COUNTED = 10_000


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
    extractions: QuerySet[Extraction],
    format_: Format,
    layout: Layout | None = None,
    *,
    by: Principal,
) -> StreamingHttpResponse:
    """Return those that have succeeded as a file, for who is named.

    Raises TooManyChosen and DownloadBusy.
    """
    writer = WRITERS[format_]
    extractions = extractions.filter(state=State.SUCCEEDED)
    # Only so many are counted.
    if writer.most is not None and extractions.order_by()[: writer.most + 1].count() > writer.most:
        raise TooManyChosen(writer.most)

    def written() -> Iterator[bytes]:
        entry = record_export(extractions, format_, by)
        yield from writer.write(exported(extractions, entry_id=entry), layout)

    name = f"invoices-{timezone.now():%Y%m%d-%H%M%S}.{writer.extension}"
    return StreamingHttpResponse(
        begun(written()),
        content_type=writer.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def record_export(extractions: QuerySet[Extraction], format_: str, by: Principal) -> int:
    """Add a line to the audit list, and return its number.

    It says who took how many documents of which company, and how; ``exported`` adds which.
    """
    number = extractions.order_by()[: COUNTED + 1].count()
    count = f"more than {COUNTED:,}" if number > COUNTED else f"{number:,}"
    companies = list(extractions.order_by().values_list("company_id", flat=True).distinct()[:2])
    company_id = companies[0] if len(companies) == 1 else None
    return audit.record(
        Action.EXPORTED,
        who=by.who,
        what=What("extractions", company_id=company_id),
        after=f"{format_}, documents: {count}",
    )
