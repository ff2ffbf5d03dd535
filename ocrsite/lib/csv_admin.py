"""A list of the admin as a CSV file, and back: first what it would change, then the change.

Between these two steps nothing is kept on the server: the browser keeps the file, encrypted for
the same user and list and for half an hour.
"""

import hashlib
import json
from functools import partial
from typing import Any, TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.http.response import StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from ocrsite.lib import audit, csv_rows, csv_text
from ocrsite.lib.audit import Action, What
from ocrsite.lib.csv_rows import CsvColumns, Planned
from ocrsite.lib.csv_text import UnreadableTable
from ocrsite.lib.database import is_unreachable, retry_deadlocks
from ocrsite.lib.translations import in_english

M = TypeVar("M", bound=Model)
SEALED_FOR = 30 * 60  # seconds
TOO_LATE = gettext_noop("Somebody else saved something at this moment that it contradicts.")


class CsvForm(forms.Form):
    """Which file to read."""

    file = forms.FileField(label=_("CSV file"), widget=forms.FileInput({"accept": ".csv,text/csv"}))


class CsvMixin(admin.ModelAdmin[M]):
    """Adds a page to a list, that writes it as CSV and reads it back, by ``csv_columns``."""

    csv_columns: CsvColumns
    change_list_template = "admin/csv_change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the page and the file."""
        view, name = self.admin_site.admin_view, self._csv_name
        return [
            path("csv/", view(self.csv_view), name=name),
            path("csv/export/", view(self.csv_export_view), name=f"{name}_export"),
            *super().get_urls(),
        ]

    @property
    def _csv_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_csv"

    @method_decorator(require_safe)
    def csv_export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Stream every row that the user may see, without secrets."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        columns = self.csv_columns
        name = in_english(self.opts.verbose_name_plural).replace(" ", "-")
        rows = self.get_queryset(request).order_by("pk")
        cells = [csv_rows.cells_of(columns, row) for row in rows]
        what = What(in_english(self.opts.verbose_name), name=f"{len(cells)} as CSV")
        audit.record(Action.EXPORTED, who=audit.user(request.user), what=what)
        return StreamingHttpResponse(
            csv_text.lines(columns.exported, cells),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{name}-{timezone.now():%Y%m%d}.csv"'
            },
        )

    @method_decorator(sensitive_post_parameters("sealed"))
    def csv_view(self, request: HttpRequest) -> HttpResponse:
        """Show what a file would change; with the sealed file, change it."""
        allows = self._may_read if request.method == "POST" else self.has_view_permission
        if not allows(request):
            raise PermissionDenied
        form, planned, sealed = CsvForm(), None, ""
        try:
            if request.method == "POST" and "sealed" in request.POST:
                content, digest = self._opened(request, request.POST["sealed"])
                planned = self._plan(request, content)
                if _digest(planned) == digest:
                    return self._apply(request, content, planned)
                messages.warning(request, gettext("Rows were changed meanwhile. Look at it again."))
                sealed = self._sealed(request, content, planned)
            elif request.method == "POST":
                form = CsvForm(request.POST, request.FILES)
                if form.is_valid():
                    content = _content(form.cleaned_data["file"])
                    planned = self._plan(request, content)
                    sealed = self._sealed(request, content, planned)
        except UnreadableTable as error:
            if form.is_bound:
                form.add_error("file", str(error))
            else:
                messages.error(request, str(error))
        return self._csv_page(request, form, planned, sealed)

    def csv_form(self, request: HttpRequest, row: M | None) -> type[forms.ModelForm[M]]:
        """Return the form that a line about this row, or about a new one, fills in."""
        return self.get_form(request, row, change=row is not None)

    def _may_read(self, request: HttpRequest) -> bool:
        """Whether the user may have a file read in: each line is then judged by itself."""
        return self.has_add_permission(request) or self.has_change_permission(request)

    def _csv_page(
        self, request: HttpRequest, form: CsvForm, planned: list[Planned] | None, sealed: str
    ) -> HttpResponse:
        site: Any = self.admin_site
        context = {
            **site.each_context(request),
            "opts": self.opts,
            "title": "CSV",
            "list_name": site.name_of(self.model),
            "list_address": reverse(f"admin:{self._csv_name.removesuffix('csv')}changelist"),
            "export_address": reverse(f"admin:{self._csv_name}_export"),
            "form": form if self._may_read(request) else None,
            "columns": self.csv_columns,
            "most_rows": csv_text.MOST_ROWS,
            "planned": planned,
            "sealed": sealed,
            "to_do": sum(each.does_something for each in planned or []),
            "refused": sum(bool(each.problems) for each in planned or []),
        }
        return TemplateResponse(request, "admin/csv.html", context)

    def _plan(self, request: HttpRequest, content: bytes) -> list[Planned]:
        columns = self.csv_columns
        table = csv_text.read(content, known=columns.known)
        planned = [
            csv_rows.plan(self, request, columns, cells, number)
            for number, cells in enumerate(table, start=2)
        ]
        seen: set[Any] = set()
        for each in planned:
            if each.row is not None and each.row.pk in seen:
                each.problems.append(gettext("An earlier line of the file is about the same row."))
            seen.add(each.row.pk if each.row is not None else None)
        return planned

    def _apply(self, request: HttpRequest, content: bytes, shown: list[Planned]) -> HttpResponse:
        """Apply what was shown, line by line: each is looked at again after those before it.

        Raises the error that tells that the database is unreachable: the lines before are applied,
        and the same file then shows those that are left.
        """
        done, refused = 0, []
        table = csv_text.read(content, known=self.csv_columns.known)
        for number, (each, cells) in enumerate(zip(shown, table, strict=True), start=2):
            if not each.does_something:
                continue
            try:
                planned = retry_deadlocks(partial(self._apply_line, request, cells, number))
                done += planned.does_something
            except DatabaseError as error:
                if is_unreachable(error):
                    raise
                is_late = isinstance(error, IntegrityError)
                problem = gettext(TOO_LATE) if is_late else type(error).__name__
                planned = Planned(number, problems=[problem])
            if planned.problems:
                refused.append((number, planned.problems[0]))
        applied = gettext("Lines applied: {count}.").format(count=done)
        self.message_user(request, applied, messages.SUCCESS)
        for number, problem in refused:
            told = gettext("Not applied, line {number}: {problem}")
            told = told.format(number=number, problem=problem)
            self.message_user(request, told, messages.WARNING)
        changelist = reverse(f"admin:{self._csv_name.removesuffix('csv')}changelist")
        return HttpResponseRedirect(changelist)

    def _apply_line(self, request: HttpRequest, cells: dict[str, str], number: int) -> Planned:
        """Apply a line if it is still to do something; return what it is to do."""
        with transaction.atomic():
            planned = csv_rows.plan(self, request, self.csv_columns, cells, number)
            if planned.does_something:
                csv_rows.apply(self, request, planned)
        return planned

    def _sealed(self, request: HttpRequest, content: bytes, planned: list[Planned]) -> str:
        told = {"for": self._sealed_for(request), "digest": _digest(planned)}
        told["content"] = content.decode("utf-8-sig")
        return _cipher().encrypt(json.dumps(told).encode()).decode()

    def _opened(self, request: HttpRequest, sealed: str) -> tuple[bytes, str]:
        try:
            told = json.loads(_cipher().decrypt(sealed.encode(), ttl=SEALED_FOR))
        except (InvalidToken, UnicodeEncodeError) as error:
            raise UnreadableTable(gettext("This took too long. Choose the file again.")) from error
        if told["for"] != self._sealed_for(request):
            raise UnreadableTable(gettext("This is another list's file. Choose the file again."))
        return told["content"].encode(), told["digest"]

    def _sealed_for(self, request: HttpRequest) -> str:
        return f"csv {self._csv_name} {request.user.pk}"


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.TOKEN_ENCRYPTION_KEYS])


def _digest(planned: list[Planned]) -> str:
    told = [
        (each.number, each.action, each.name, each.problems, each.differences) for each in planned
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _content(upload: "UploadedFile[bytes]") -> bytes:
    """Return what was sent. Raises UnreadableTable above ``csv_text.LARGEST``.

    A larger file may stand in a temporary file: that is overwritten before it is removed.
    """
    if (upload.size or 0) > csv_text.LARGEST:
        _shred(upload)
        told = gettext("The file is larger than {limit} KiB. Split it.")
        raise UnreadableTable(told.format(limit=csv_text.LARGEST // 1024))
    return bytes(upload.read())


def _shred(upload: "UploadedFile[bytes]") -> None:
    if hasattr(upload, "temporary_file_path"):
        with open(upload.temporary_file_path(), "r+b") as file:  # noqa: PTH123
            file.write(bytes(upload.size or 0))
    upload.close()
