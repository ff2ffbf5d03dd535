"""The endpoints for programs: parse, call, answer."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import Error, connection
from django.http import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.urls import resolve
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import extend_schema_view
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extraction import clients, degraded, deletion, submission
from extraction.access import KnownClient, Principal, principal_of, visible_extraction
from extraction.api import documentation
from extraction.api.bodies import BoundedJSONParser, DocumentJSONParser
from extraction.api.exports import export
from extraction.api.listing import extractions_page
from extraction.api.long_polling import wait_until_ended
from extraction.api.prefer import seconds_to_wait
from extraction.api.representations import degraded_representation, envelope, representation
from extraction.api.review import (
    EditInput,
    changed,
    edit_in,
    etag,
    seen_version,
    told,
)
from extraction.api.serializers import ExtractionInput
from extraction.documents.intake import documents_folder, folder_of
from extraction.exceptions import UnderWay
from extraction.models import ApiClient, Channel, Extraction, Right, Scope
from extraction.review import decisions
from extraction.submission import Origin
from logs import context
from ocrsite.lib import clock
from ocrsite.lib.addresses import client_address
from ocrsite.lib.database import is_unreachable
from ocrsite.lib.errors import whole_seconds
from ocrsite.lib.responses import private_file
from tokens.selection import CompanyClosed

# Seconds after which a pending extraction is worth asking for again.
POLL_AFTER = 2


class OneFormat(DefaultContentNegotiation):
    """Every address answers in one format, whatever a caller's Accept header prefers."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """Return the only renderer there is."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class ApiView(APIView):
    """What all API views share."""

    content_negotiation_class = OneFormat
    enveloped_errors: ClassVar[bool] = False
    allowance: clients.Allowance | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Count the request of a client that has a limit."""
        super().initial(request, *args, **kwargs)
        if isinstance(request.auth, ApiClient):
            try:
                self.allowance = clients.count_request(request.auth)
            except clients.TooManyRequests as error:
                self.allowance = error.allowance
                raise

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Pack JSON for who accepts that; files are packed already, or streamed as they are."""
        is_ours = isinstance(response, Response)
        if response.status_code == HTTPStatus.PRECONDITION_FAILED and not is_ours:
            # Django answers an If-Match that does not hold with nothing but the status.
            response = self.handle_exception(changed())
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        if self.allowance is not None:
            for name, value in self.allowance.headers().items():
                answer[name] = value
        if isinstance(answer, Response):
            pack = GZipMiddleware(lambda _: answer).process_response
            answer.add_post_render_callback(partial(pack, request._request))
        return answer


class SubmitView(ApiView):
    """Accept a document; answer its result, or 202 and where to ask for it."""

    channel: ClassVar[Channel] = Channel.API
    parser_classes = (MultiPartParser, DocumentJSONParser)

    @documentation.submission
    def post(self, request: Request) -> Response:
        """Submit the document of the form and wait as long as the caller prefers."""
        principal = principal_of(request)
        form = ExtractionInput(data=request.data)
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        require_upload(principal, values["company_id"])
        context.add(company_id=values["company_id"])
        key, origin = idempotency_key(request), Origin(self.channel, client_address(request))
        with _document(values) as file:
            if isinstance(principal.actor, KnownClient):
                return _read_now(file, values)
            limited = principal.actor if isinstance(principal.actor, ApiClient) else None
            try:
                if limited is not None:
                    clients.require_room(limited)
                extraction = submission.submit(
                    file,
                    client=principal.label,
                    idempotency_key=key,
                    origin=origin,
                    limited=limited,
                    **values,
                ).extraction
            except Error as error:
                if limited is None or not is_unreachable(error):
                    raise
                return _read_now(file, values)
        context.add(extraction_id=str(extraction.pk))
        seconds = seconds_to_wait(
            request.headers.get("Prefer", ""),
            default=self.default_wait(),
            at_most=settings.EXTRACT_WAIT_SECONDS,
        )
        if seconds > 0:
            extraction = wait_until_ended(extraction.pk, seconds)
        return self.answer(extraction)

    def default_wait(self) -> int:
        """Seconds that a caller waits who says nothing about it."""
        return 0

    def render(self, extraction: Extraction) -> dict[str, Any]:
        """Return the body of the answer."""
        return representation(extraction)

    def answer(self, extraction: Extraction) -> Response:
        """Return the result with its status, or 202 while there is none."""
        body = self.render(extraction)
        headers = {"Location": body["extraction"]}
        if not extraction.ended:
            headers["Retry-After"] = str(POLL_AFTER)
            return Response(body, status=HTTPStatus.ACCEPTED, headers=headers)
        if extraction.retry_after_at:
            headers["Retry-After"] = whole_seconds(extraction.retry_after_at - clock.now())
        return Response(body, status=extraction.http_status, headers=headers)


@extend_schema_view(post=documentation.extract)
class ExtractView(SubmitView):
    """``POST /extract``, as callers of the former service know it."""

    enveloped_errors = True
    channel = Channel.EXTRACT

    def default_wait(self) -> int:
        """Callers of this endpoint expect the result in the answer."""
        return int(settings.EXTRACT_WAIT_SECONDS)

    def render(self, extraction: Extraction) -> dict[str, Any]:
        """Return the envelope alone."""
        return envelope(extraction)


class ExtractionsView(SubmitView):
    """The extractions of the companies that the caller may act for."""

    @documentation.listing
    def get(self, request: Request) -> Response:
        """Answer one page of those that the parameters select, and where the next one is."""
        return Response(extractions_page(request))


class ExtractionView(ApiView):
    """One extraction of a company that the caller may act for."""

    parser_classes = (BoundedJSONParser,)

    @documentation.extraction
    def get(self, request: Request, extraction_id: UUID) -> HttpResponseBase | None:
        """Answer its state and, when it has one, its result; 304 to who has it."""
        extraction = visible_extraction(request, extraction_id)
        response = with_etag(extraction)
        if not extraction.ended:
            return response
        return get_conditional_response(request._request, response["ETag"], response=response)

    @documentation.correction
    def patch(self, request: Request, extraction_id: UUID) -> Response:
        """Store changes of its values; what was decided before is to be reviewed again."""
        extraction = visible_extraction(request, extraction_id)
        form = EditInput(data=request.data)
        form.is_valid(raise_exception=True)
        version = seen_version(request, extraction)
        with told():
            edit = edit_in(form.validated_data)
            decisions.correct(extraction, edit, by=principal_of(request), version=version)
        return with_etag(extraction)

    @documentation.deletion
    def delete(self, request: Request, extraction_id: UUID) -> Response:
        """Take it out of every list and export, which people can undo for some time."""
        extraction = visible_extraction(request, extraction_id)
        if not deletion.delete(extraction, by=principal_of(request)):
            raise UnderWay
        return Response(status=HTTPStatus.NO_CONTENT)


class ExportView(ApiView):
    """The invoices that filters select, as one file."""

    @documentation.export
    def get(self, request: Request, format_name: str) -> HttpResponseBase:
        """Stream those that have succeeded, the oldest first; the filters are those of the list."""
        return export(request, format_name)


class CompaniesView(ApiView):
    """The companies that the caller may act for."""

    @documentation.companies
    def get(self, request: Request) -> Response:
        """Answer their ids and names."""
        companies = principal_of(request).companies()
        results = [{"company_id": id_, "name": name or None} for id_, name in companies.items()]
        return Response({"results": results})


class PageView(ApiView):
    """The image of one page."""

    @documentation.page
    def get(self, request: Request, extraction_id: UUID, number: int) -> HttpResponseBase:
        """Answer the JPEG; pages are numbered from 1."""
        extraction = visible_extraction(request, extraction_id)
        if extraction.files_removed_at:
            day = f"{extraction.files_removed_at:%Y-%m-%d}"
            raise NotFound(
                f"Document and page images were removed on {day}, when their time was over.",
                code="files_removed",
            )
        path = folder_of(extraction.pk) / "pages" / f"{number:03}.jpg"
        if number <= extraction.page_count:
            with suppress(FileNotFoundError):
                return private_file(request._request, path, "image/jpeg")
            documents_folder()  # raises where its disk is away
        raise NotFound("There is no image of this page.")


@documentation.nothing
class UnknownView(ApiView):
    """Any other address under the API."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer every method alike."""
        super().initial(request, *args, **kwargs)
        if resolve(f"{request.path_info}/").url_name:  # not this view, which has no name
            raise NotFound(f"The address ends with a slash: {request.path}/")
        raise NotFound("There is nothing at this address. Check its spelling.")


def require_upload(principal: Principal, company_id: str) -> None:
    """Raise ScopeMissing, CompanyClosed or PermissionDenied for who may send none of it."""
    principal.demand_scope(Scope.SUBMIT)
    if principal.may(Right.UPLOAD, company_id):
        return
    if principal.is_refused(company_id):
        raise CompanyClosed
    raise PermissionDenied(
        "You may not act for this company. Check companyID, or ask for access to it.",
        code="company_not_allowed",
    )


def with_etag(extraction: Extraction) -> Response:
    """Answer an extraction in full, with what changes when it changes."""
    headers = {"ETag": etag(extraction)}
    if not extraction.ended:
        headers["Retry-After"] = str(POLL_AFTER)
    return Response(representation(extraction), headers=headers)


def _read_now(file: "UploadedFile[bytes]", values: dict[str, Any]) -> Response:
    """Answer what the document says, read without the database."""
    invoice = degraded.extract(
        file,
        company_id=values["company_id"],
        branch=values["branch"],
        requested_by=values["requested_by"],
        reader=values["reader"],
        password=values["password"],
    )
    return Response(degraded_representation(invoice))


@contextmanager
def _document(values: dict[str, Any]) -> Iterator["UploadedFile[bytes]"]:
    """Take the document out of a form's values: the file, or what is at the address."""
    url, by_link = values.pop("pdf_url"), values.pop("extractFromLink")
    if not by_link:
        yield values.pop("file")
        return
    if not connection.in_atomic_block:
        connection.close()  # who fetches needs none
    # Imported when asked for: most installations fetch nothing.
    from extraction.documents import links

    with links.fetched(url) as file:
        yield file


def idempotency_key(request: Request) -> str | None:
    """Return what the caller sent as Idempotency-Key. Raises ValidationError."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > 200 or not key.isprintable():
        raise ValidationError(
            {"Idempotency-Key": ["must be printable and not longer than 200 characters."]}
        )
    return key or None
