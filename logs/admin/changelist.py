"""The list of log records in the admin: its cost does not grow with the table."""

from dataclasses import replace

from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from logs.admin import pagination
from logs.admin.filters import LogFilter
from logs.admin.pagination import Position
from logs.models import ApplicationLog
from ocrsite.lib.staff_companies import bound_companies


class LogList(ChangeList):
    """Django's list without its filters and pages, which count the rows of the table."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[ApplicationLog]:
        """Return what the filters select."""
        self.filter_specs = []
        self.has_filters = self.has_active_filters = False
        self.clear_all_filters_qs = "?"
        self.form = LogFilter(request.GET, user=request.user)
        self.selection = self.form.selection(bound_companies(request.user))
        return self.selection.logs

    def get_results(self, request: HttpRequest) -> None:
        """Read one page."""
        newer_than = Position.read(request.GET.get("newer", ""))
        older_than = Position.read(request.GET.get("older", ""))
        # The list shows no tracebacks, which are long.
        selection = replace(self.selection, logs=self.selection.logs.defer("exception"))
        self.examined = pagination.EXAMINED
        self.page = pagination.page(
            selection, newer_than=newer_than, older_than=older_than, size=self.list_per_page
        )
        self.result_list = self.page.logs
        self.result_count = len(self.page.logs)
        self.full_result_count = None
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.is_first = not (newer_than or older_than)
        self.newest_link = self.get_query_string(remove=["newer", "older"])
        self.newer_link = self._link("newer", self.page.newer)
        self.older_link = self._link("older", self.page.older)

    def _link(self, name: str, position: Position | None) -> str:
        """The address of a neighbouring page; empty where there is none."""
        if position is None:
            return ""
        return self.get_query_string({name: str(position)}, remove=["newer", "older"])
