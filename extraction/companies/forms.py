"""The forms of the admin for companies."""

import zoneinfo
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from extraction.forms import profile_choices
from extraction.models import ReaderChoice
from extraction.roles import LEAD, OPERATOR
from extraction.validators import reject_control_characters
from tokens.forms import MAX_LIMIT, KeyField
from tokens.models import DEFAULT_LIMIT, DEFAULT_THRESHOLD, Company

# Rows for operators on the page; more are added on the pages of the users.
OPERATORS = 3
# What people who work with documents can be.
ROLES = {role.name: role for role in (OPERATOR, LEAD)}
_READERS = [
    ("", _("The e-invoice inside the PDF if it is complete, else the pages")),
    (ReaderChoice.EINVOICE, _("The e-invoice inside the PDF, and nothing else")),
    (ReaderChoice.MODEL, _("The pages, whether there is an e-invoice or not")),
]


@cache
def _time_zones() -> list[tuple[str, str]]:
    """The zones that are named after places."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name)
    return [(name, name) for name in names if not name.startswith(("Etc/", "posix/", "right/"))]


class CompanyForm(forms.ModelForm[Company]):
    """What a company begins with where people choose."""

    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    default_reader = forms.ChoiceField(label=_("What is read"), required=False, choices=_READERS)
    export_as = forms.ChoiceField(
        label=_("Columns of exports"),
        required=False,
        help_text=_("When the documents of this company alone are exported from the list."),
    )

    class Meta:
        model = Company
        fields = [
            *("name", "time_zone", "branches"),
            *("default_reader", "default_model", "export_as"),
        ]
        widgets = {"branches": forms.Textarea({"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.time_zone
        known = stored and stored not in dict(_time_zones())
        self._offer(
            "time_zone",
            ("", gettext("As the site: {zone}").format(zone=settings.DISPLAY_TIME_ZONE)),
            *([(stored, stored)] if known else []),
            *_time_zones(),
        )
        self._offer("export_as", ("", gettext("Every value")), *profile_choices())
        # Who may only see a company has a form without them.
        for name in {"name", "branches", "default_model"}.intersection(self.fields):
            self.fields[name].widget.attrs["autocomplete"] = "off"

    def _offer(self, name: str, *choices: tuple[str, str]) -> None:
        cast("forms.ChoiceField", self.fields[name]).choices = list(choices)


class CompanyPageForm(CompanyForm):
    """A company that there is, on its page."""

    why = forms.CharField(
        label=_("Reason for the change"),
        required=False,
        max_length=200,
        widget=forms.TextInput({"autocomplete": "off"}),
        help_text=_("Recorded with the change."),
    )


class ReadyForm(CompanyForm):
    """A new company with its first key and its first API client, as far as they are given."""

    company_id = forms.CharField(
        label=_("Company id"),
        max_length=50,
        validators=[reject_control_characters],
        help_text=_("As programs send it, such as NT047. It cannot be changed later."),
        widget=forms.TextInput({"autocomplete": "off", "autofocus": True}),
    )
    new_key = KeyField(required=False)
    test_key = forms.BooleanField(
        label=_("Ask Gemini first whether it accepts the key"), required=False, initial=True
    )
    total_token_limit = forms.IntegerField(
        label=_("Limit"),
        min_value=1,
        max_value=MAX_LIMIT,
        initial=DEFAULT_LIMIT,
        help_text=_("LLM tokens."),
    )
    threshold = forms.IntegerField(
        label=_("Threshold"),
        min_value=0,
        max_value=MAX_LIMIT,
        initial=DEFAULT_THRESHOLD,
        help_text=_("LLM tokens. Alert when less than this remains; calls go on."),
    )
    client_name = forms.CharField(
        label=_("Name of the program"),
        max_length=50,
        required=False,
        help_text=_("Such as ERP. Its key is shown once, on the next page."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )

    class Meta(CompanyForm.Meta):
        fields = ["company_id", *CompanyForm.Meta.fields]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_key"].label = gettext("Gemini key")
        self.fields["new_key"].help_text = gettext("Empty: the company gets its key later.")

    def clean_company_id(self) -> str:
        """Raise ValidationError for a company that there is, however its id is written."""
        company_id: str = self.cleaned_data["company_id"]
        if known := Company.objects.written(company_id).first():
            told = gettext("There is a company {company} already.").format(company=known)
            raise ValidationError(told, code="unique")
        return company_id

    def clean(self) -> dict[str, Any]:
        """Check what depends on several fields."""
        values = super().clean() or {}
        limit, threshold = values.get("total_token_limit"), values.get("threshold")
        if limit is not None and threshold is not None and threshold > limit:
            self.add_error(
                "threshold", gettext("The threshold is above the limit. Enter a smaller one.")
            )
        return values

    def without(self, *names: str) -> "ReadyForm":
        """Leave out what its user may not make, and return the form."""
        for name in names:
            del self.fields[name]
        return self


class _TypedOnce(forms.TextInput):
    """A secret that its writer sees while typing, and that the page does not show again."""

    def format_value(self, value: Any) -> None:
        """Nothing."""


class OperatorForm(forms.Form):
    """One person who uploads for the company: a new user, or one that there is."""

    username = forms.CharField(
        label=_("User name"), max_length=150, widget=forms.TextInput({"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=[(name, name) for name in ROLES])
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        required=False,
        widget=forms.EmailInput({"autocomplete": "off"}),
    )
    password = forms.CharField(
        label=_("First password"),
        max_length=128,
        required=False,
        strip=False,
        widget=_TypedOnce({"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.existing: User | None = None

    def has_changed(self) -> bool:
        """Whether somebody is named: a role alone names nobody."""
        return bool({"username", "email", "password"}.intersection(self.changed_data))

    def clean_username(self) -> str:
        """Find the user. Raises ValidationError for a name that no user can have."""
        name = User.normalize_username(self.cleaned_data["username"])
        self.existing = User.objects.filter(username__iexact=name).first()
        if self.existing is None:
            User._meta.get_field("username").run_validators(name)
        elif not self.existing.is_active:
            raise ValidationError(gettext("This user is not active."))
        return str(name)

    def clean(self) -> dict[str, Any]:
        """Check how a new user gets in; one that there is keeps what it has."""
        values = super().clean() or {}
        email, password = values.get("email"), values.get("password")
        if self.existing is not None:
            for name in ("email", "password"):
                if values.get(name):
                    self.add_error(
                        name,
                        gettext("There is this user already. Leave this empty to add the company."),
                    )
        elif "username" not in values:
            pass  # which is told at that field
        elif password:
            user = User(username=values["username"], email=email or "")
            try:
                validate_password(password, user)
            except ValidationError as error:
                self.add_error("password", error)
        elif email and not settings.EMAIL_HOST:
            self.add_error(
                "password",
                gettext("The site sends no mail: enter a password, or leave the e-mail empty."),
            )
        return values


class _OperatorFormSet(forms.BaseFormSet[OperatorForm]):
    """The operators; rows that are left empty count for nothing."""

    def clean(self) -> None:
        """Have each person named once."""
        named: set[str] = set()
        for form in self.forms:
            name = str(form.cleaned_data.get("username", "")).casefold()
            if name and name in named:
                form.add_error("username", gettext("This user is named above already."))
            named.add(name)


OperatorFormSet = forms.formset_factory(
    OperatorForm, formset=_OperatorFormSet, extra=OPERATORS, max_num=OPERATORS, validate_max=True
)


class WhyForm(forms.Form):
    """Why a company is closed or opened again."""

    why = forms.CharField(
        label=_("Reason"),
        max_length=200,
        validators=[reject_control_characters],
        help_text=_("Recorded with the change."),
        widget=forms.TextInput({"autocomplete": "off", "autofocus": True}),
    )


def operators_of(data: Mapping[str, Any] | None) -> "forms.BaseFormSet[OperatorForm]":
    """Return the rows for operators, as they were sent or empty."""
    return OperatorFormSet(data, prefix="operators")
