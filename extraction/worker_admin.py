"""The admin's list of workers, where staff pause the queue and drain workers."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from extraction import queue_state
from extraction.models import Worker, WorkerState
from ocrsite.lib import audit
from ocrsite.lib.admin import ReadOnlyMixin
from ocrsite.lib.admin_companies import UNBOUND_ONLY
from ocrsite.lib.moments import moment, span

_PILLS = {
    WorkerState.RUNNING: "ok",
    WorkerState.PAUSED: "waiting",
    WorkerState.DRAINING: "waiting",
    WorkerState.STOPPED: "",
}


@admin.register(Worker)
class WorkerAdmin(ReadOnlyMixin, admin.ModelAdmin[Worker]):
    """The workers with their last signs. Who may change them may pause, resume and drain."""

    company_rule = UNBOUND_ONLY
    list_display = ["who", "pill", "act", "work", "sign", "last", "start", "version"]
    list_display_links = None
    actions = None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff with the permission; every field is read-only."""
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All fields: a worker writes its own row."""
        return [field.name for field in Worker._meta.fields]

    @admin.display(description=_("worker"), ordering="host")
    def who(self, obj: Worker) -> str:
        """Host and main process."""
        return str(obj)

    @admin.display(description=_("state"), ordering="state")
    def pill(self, obj: Worker) -> SafeString:
        """What it does, and whether it is missing."""
        kind, told = _PILLS[WorkerState(obj.state)], obj.get_state_display()
        if obj.is_missing:
            kind, told = "error", gettext("No sign")
        elif obj.state == WorkerState.DRAINING and not obj.busy:
            told = gettext("Drained")
        return format_html('<span class="pill pill-{}">{}</span>', kind, told)

    @admin.display(description=_("reads"), ordering="busy")
    def work(self, obj: Worker) -> str:
        """How many documents, of how many that it can read at once."""
        return gettext("{busy} of {all}").format(busy=obj.busy, all=obj.processes)

    @admin.display(description=_("last sign"), ordering="last_sign")
    def sign(self, obj: Worker) -> SafeString:
        """When it showed that it lives."""
        return moment(obj.last_sign)

    @admin.display(description=_("since"), ordering="since")
    def start(self, obj: Worker) -> SafeString:
        """When it started."""
        return moment(obj.since)

    @admin.display(description=_("took last"), ordering="last_taken_at")
    def last(self, obj: Worker) -> str:
        """When it last took an extraction, with a link to that."""
        if obj.last_extraction is None:
            return gettext("none")
        address = reverse("admin:extraction_extraction_change", args=[obj.last_extraction])
        return format_html('<a href="{}">{}</a>', address, moment(obj.last_taken_at))

    @admin.display(description=_("action"))
    def act(self, obj: Worker) -> SafeString:
        """A button of the form above the list; nothing for a worker that is gone."""
        if obj.state == WorkerState.STOPPED or obj.is_missing:
            return SafeString()
        name, told = (
            ("again", gettext("Take work again")) if obj.to_drain else ("drain", gettext("Drain"))
        )
        return format_html(
            '<button class="button" form="drain" name="{}" value="{}" aria-label="{} ({})">'
            "{}</button>",
            *(name, obj.pk, told, obj, told),
        )

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Without buttons for those who may not press them."""
        hidden = [] if self.has_change_permission(request) else ["act"]
        return [column for column in self.list_display if column not in hidden]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Tell of the queue above the list."""
        queue = queue_state.queue_state()
        told = {
            "title": gettext("Workers and queue"),
            "may_change": self.has_change_permission(request),
            "pause": queue_state.pause(),
            "queue": queue,
            "oldest_wait": span(queue.oldest_wait),
        }
        return super().changelist_view(request, told | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        views = {"pause": self.pause_view, "resume": self.resume_view, "drain": self.drain_view}
        own = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"extraction_worker_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    @method_decorator(require_POST)
    def pause_view(self, request: HttpRequest) -> HttpResponse:
        """Pause the queue."""
        self._require_change(request)
        reason = request.POST.get("reason", "").strip()
        done = queue_state.pause_queue(who=audit.user(request.user), reason=reason)
        return self._told(
            request, done, gettext("Reading is paused."), gettext("Reading was paused already.")
        )

    @method_decorator(require_POST)
    def resume_view(self, request: HttpRequest) -> HttpResponse:
        """Have the queue go on."""
        self._require_change(request)
        done = queue_state.resume_queue(who=audit.user(request.user))
        return self._told(
            request, done, gettext("Reading goes on."), gettext("Reading was not paused.")
        )

    @method_decorator(require_POST)
    def drain_view(self, request: HttpRequest) -> HttpResponse:
        """Drain the chosen worker, or have it take work again."""
        self._require_change(request)
        drains = "drain" in request.POST
        chosen = request.POST.get("drain" if drains else "again", "")
        worker = get_object_or_404(Worker, pk=int(chosen) if chosen.isdecimal() else 0)
        done = queue_state.set_draining(worker, drains, who=audit.user(request.user))
        if drains:
            told = gettext("Worker {worker} drains within 5 seconds.")
        else:
            told = gettext("Worker {worker} takes work again within 5 seconds.")
        already = gettext("It was told so already.")
        return self._told(request, done, told.format(worker=worker), already)

    def _require_change(self, request: HttpRequest) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied

    def _told(self, request: HttpRequest, done: bool, yes: str, no: str) -> HttpResponse:
        self.message_user(request, yes if done else no, messages.SUCCESS if done else messages.INFO)
        return redirect("admin:extraction_worker_changelist")
