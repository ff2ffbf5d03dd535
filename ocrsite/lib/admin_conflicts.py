"""What a form of the admin answers when somebody else saved the same row at that moment.

Both forms are found valid before one of them is saved; the database then refuses the other by its
unique constraint. Only where transactions write side by side: SQLite's wait for each other before
they look.
"""

import logging
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.db import IntegrityError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_noop

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=Model)

TOO_LATE = gettext_noop(
    "Somebody else saved something at this moment that this contradicts. Nothing was stored: open "
    "the page anew, and enter what is still to be."
)
_IS_LATE = "_late"


class ConflictMixin(admin.ModelAdmin[M]):
    """Answers with the form where the database refuses what the form had found valid.

    The site mixes it into every admin (ocrsite/admin_site.py). The second look at the same entries
    sees the other's row, so that fields say what they say of any row that there is; TOO_LATE is
    said in any case, since a row of an inline is not compared with those of the database.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Django's; a refused transaction is undone, told, and stands in the log."""
        said: Any = messages.get_messages(request)
        before = len(said._queued_messages)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError:
            logger.warning("Nothing was saved for %s.", request.user, exc_info=True)
        # What was said of a row that is not there: a secret that is shown once, for one.
        del said._queued_messages[before:]
        setattr(request, _IS_LATE, True)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[M]]:
        """Django's, which says TOO_LATE and is not valid once the database has refused it."""
        form = super().get_form(request, obj, change=change, **kwargs)
        return _late(form) if hasattr(request, _IS_LATE) else form


def _late(form: Any) -> Any:
    class Late(form):  # type: ignore[misc]  # a class of the moment
        def clean(self) -> Any:
            cleaned = super().clean()
            self.add_error(None, gettext(TOO_LATE))
            return cleaned

    return Late
