"""What the viewer of a document's pages asks for: images, words and which way up they are."""

from pathlib import PurePath
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST, require_safe

from extraction.access import principal_of, visible_extraction
from extraction.documents.enlarged import StoredDocument, page_image
from extraction.documents.intake import documents_folder, folder_of
from extraction.documents.kept_words import kept_words
from extraction.documents.shown_pages import TURNS, turn_page
from extraction.evidence.printed_days import Order
from extraction.models import Extraction, Right
from extraction.review.printed import value_printed
from ocrsite.lib.responses import private_file

# Words that are clicked or dragged over.
LONGEST_TEXT = 2000


@require_safe
def image(request: HttpRequest, extraction_id: UUID, number: int) -> HttpResponseBase:
    """Answer the image of a page; ``side`` is how many pixels its longer side should have."""
    extraction = _with_page(request, extraction_id, number)
    folder = folder_of(extraction.pk)
    document = StoredDocument(
        folder,
        folder / PurePath(extraction.file).name,
        extraction.media_type,
        extraction.page_count,
    )
    path = page_image(document, number, _number(request.GET.get("side", "")))
    try:
        return private_file(request, path, "image/jpeg")
    except FileNotFoundError:
        documents_folder()  # raises where its disk is away
        raise Http404 from None


@require_safe
def words(request: HttpRequest, extraction_id: UUID, number: int) -> HttpResponse:
    """Answer the words of a page with their places; see ``kept_words``."""
    extraction = _with_page(request, extraction_id, number)
    documents_folder()  # else none would be remembered for an hour
    response = HttpResponse(
        kept_words(folder_of(extraction.pk), number), content_type="application/json"
    )
    response["Cache-Control"] = "private, max-age=3600"
    return response


@require_POST
def turn(request: HttpRequest, extraction_id: UUID, number: int) -> JsonResponse:
    """Remember by how many ``degrees`` clockwise a page is turned, so that all see it upright.

    Who may not correct anything turns it for themselves.
    """
    extraction = _with_page(request, extraction_id, number)
    degrees = _number(request.POST.get("degrees", "")) % 360
    if degrees in TURNS and principal_of(request).may(Right.CORRECT, extraction.company_id):
        turn_page(extraction.pk, number, degrees)
    return JsonResponse({"degrees": degrees})


@require_safe
def printed(request: HttpRequest) -> JsonResponse:
    """Answer what a field gets for words of a page: its ``value``, or a ``problem``.

    The status is 200 in any case: browsers log any other as an error.
    """
    asked = request.GET
    text = asked.get("text", "")[:LONGEST_TEXT]
    order = Order(asked["order"]) if asked.get("order") in list(Order) else None
    mark = asked.get("mark", "")
    try:
        value = value_printed(
            asked.get("path", ""), text, mark=mark if mark in (".", ",") else "", order=order
        )
    except ValueError as error:
        return JsonResponse({"value": "", "problem": str(error)})
    return JsonResponse({"value": value, "problem": ""})


def _with_page(request: HttpRequest, extraction_id: UUID, number: int) -> Extraction:
    extraction = visible_extraction(request, extraction_id)
    if extraction.files_removed_at or not 1 <= number <= extraction.page_count:
        raise Http404
    return extraction


def _number(text: str) -> int:
    """Return a number of at most four digits; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
