"""``GET /api/v1/exports/<format>/``: what the filters of the list find, as one file."""

import logging

from django.http.response import HttpResponseBase
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

from extraction.access import NotAllowed, principal_of
from extraction.api.listing import ListForm
from extraction.exports.download import download
from extraction.exports.formats import Format
from extraction.exports.layout import Layout, layout_named
from extraction.models import Right, Scope

logger = logging.getLogger(__name__)


def export(request: Request, format_name: str) -> HttpResponseBase:
    """Return the file.

    Raises NotAllowed, ScopeMissing, NotFound, ValidationError and TooManyChosen.
    """
    principal = principal_of(request)
    principal.demand_scope(Scope.READ)
    if not principal.may(Right.EXPORT):
        raise NotAllowed
    if format_name not in Format.values:
        raise NotFound(f"There is no such format. The formats are {', '.join(Format.values)}.")
    format_ = Format(format_name)
    layout = _layout(format_, request.query_params.get("profile", ""))
    form = ListForm(
        request.query_params,
        companies=principal.companies(Right.EXPORT),
        besides=("profile", "sort"),
    )
    found = form.found(principal.company_ids(Right.EXPORT))
    response = download(found, format_, layout, by=principal)
    logger.info("Export as %s by %s", format_, principal.label)
    return response


def _layout(format_: Format, profile: str) -> Layout | None:
    if not profile:
        return None
    layout = layout_named(format_, profile)
    if layout is None:
        raise ValidationError({"profile": [f"is none of the profiles of {format_}."]})
    return layout
