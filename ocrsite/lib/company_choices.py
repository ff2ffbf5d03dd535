"""The company in the filters of apps that do not know the companies: who does registers a list."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib.auth.models import AnonymousUser, User
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.staff_companies import bound_companies

# Without the id, which may be that of a company which its reader must not see.
NOT_SO = _("No company is written so. Choose one from the list.")

Choices = list[tuple[str, str]]
_list: Callable[[User | AnonymousUser], Choices] | None = None


def register(list_companies: Callable[[User | AnonymousUser], Choices]) -> None:
    """Have ``list_companies`` tell from now on which ids, with labels, a user may choose."""
    global _list
    _list = list_companies


def company_field() -> forms.ChoiceField:
    """Return the field; the form that has it as ``company_id`` is a ChoosesCompany."""
    return forms.ChoiceField(
        label=_("Company"), required=False, error_messages={"invalid_choice": NOT_SO}
    )


class ChoosesCompany(forms.Form):
    """Offers the companies that ``user`` may choose; without one, only what was chosen before.

    An id that is no company's may be given in the address: it may stand in old rows. Refused is one
    that differs from a company's only in case or in blanks around it, and for staff who are bound
    to companies any other.
    """

    def __init__(self, *args: Any, user: User | AnonymousUser | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user
        cast("forms.ChoiceField", self.fields["company_id"]).choices = lambda: self._choices

    @cached_property
    def _choices(self) -> Choices:
        known = [] if _list is None or self._user is None else _list(self._user)
        given = str(self["company_id"].value() or "")
        folded = {company_id.strip().casefold() for company_id, _ in known}
        is_bound = self._user is not None and bound_companies(self._user) is not None
        is_kept = given.strip().casefold() not in folded | {""} and not is_bound
        return [("", gettext("Any")), *known, *([(given, given)] if is_kept else [])]
