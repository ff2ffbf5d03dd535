"""The admin of users and groups, whose changes stand in the audit list."""

from typing import Any

from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from ocrsite.lib import audit
from ocrsite.lib.admin_companies import SHARED
from ocrsite.lib.audit import Action
from ocrsite.lib.audited_admin import AuditedAdmin


class AuditedUserAdmin(AuditedAdmin[User], UserAdmin[User]):
    """Django's user admin; that staff set a password is recorded, too."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Django's, without the password and its button for who may not set it."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (
                title,
                {**options, "fields": [each for each in options["fields"] if each != "password"]},
            )
            for title, options in fieldsets
        ]

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Django's, in one transaction with what is recorded of it."""
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Record a password that staff set: its page tells only this of it."""
        if isinstance(form, self.change_password_form):
            audit.record(
                Action.PASSWORD_CHANGED, who=audit.user(request.user), what=audit.row(form.user)
            )
        return super().construct_change_message(request, form, formsets, add)


class AuditedGroupAdmin(AuditedAdmin[Group], GroupAdmin):
    """Django's group admin."""

    company_rule = SHARED
