"""Log records and audit entries as CSV: a list's page with an export of what its filters select."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import (
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from logs.admin.filters import TimeFilter
from ocrsite.lib.admin import ReadOnlyAdmin
from ocrsite.lib.csv_text import Echo, inert
from ocrsite.lib.downloads import begun, in_chunks

_COLUMNS = (
    *("timestamp", "level", "logger", "message", "exception"),
    *("module", "function_name", "line_number"),
    *("request_id", "extraction_id", "company_id", "user", "process_id", "host", "fingerprint"),
)

M = TypeVar("M", bound=Model)


class ExportAdmin(ReadOnlyAdmin[M]):
    """A read-only list whose address with ``export/`` before its filters answers CSV."""

    # Class of the filters, and what the file's name begins with.
    filters: type[TimeFilter]
    export_name: str

    def exported(self, request: HttpRequest, form: Any) -> Iterator[str]:
        """Yield the file's lines, of valid filters."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        export = path("export/", self.admin_site.admin_view(self.export_view), name=name)
        return [export, *super().get_urls()]

    @method_decorator(require_safe)
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Stream what the filters select; invalid filters lead back to the list."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = self.filters(request.GET, user=request.user)
        if not form.is_valid():
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
            return HttpResponseRedirect(reverse(name, query=request.GET))
        lines = self.exported(request, form)
        name = f"{self.export_name}-{timezone.now():%Y%m%d-%H%M}.csv"
        return StreamingHttpResponse(
            begun(in_chunks(line.encode("utf-8", "replace") for line in lines)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def lines(rows: Iterable[Model], columns: Sequence[str] = _COLUMNS) -> Iterator[str]:
    """Yield the headings and a line for each row, with formulas disarmed by an apostrophe."""
    writer = csv.writer(Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([_cell(getattr(row, column)) for column in columns])


def by_keyset(rows: QuerySet[M], key: str, batch: int = 1_000) -> Iterator[M]:
    """Yield rows, the newest key first, by short queries instead of one open cursor."""
    rows = rows.order_by(f"-{key}")
    page = list(rows[:batch])
    while page:
        yield from page
        page = list(rows.filter(**{f"{key}__lt": page[-1].pk})[:batch])


def _cell(value: object) -> str:
    return "" if value is None else inert(str(value))
