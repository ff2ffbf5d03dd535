"""The forms of the pages."""

import uuid
from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from extraction import labels
from extraction.exports.formats import Format
from extraction.models import ExportProfile, ReaderChoice
from extraction.validators import reject_control_characters
from ocrsite.lib.columns import FitsColumn
from tokens.models import Provider, TokenMaster

DEFAULT_BRANCH = "Default"


def company_choices(companies: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what a field for one of these companies, names by id, offers."""
    return [(id_, f"{name} ({id_})" if name else id_) for id_, name in companies.items()]


class UploadForm(forms.Form):
    """Whose documents they are; the files themselves are judged one by one.

    ``password`` and ``force`` are for files that were sent before: see ``offer``.
    """

    company_id = forms.ChoiceField(label=_("Company"))
    branch = forms.CharField(
        label=_("Branch"),
        max_length=50,
        required=False,
        validators=[reject_control_characters, FitsColumn(50)],
        widget=forms.TextInput({"placeholder": DEFAULT_BRANCH, "autocomplete": "off"}),
    )
    labels = forms.CharField(
        label=_("Labels"),
        required=False,
        help_text=_("Up to five, to find the documents by."),
        widget=forms.TextInput({"placeholder": _("project=Alpha, cost-centre=42")}),
    )
    password = forms.CharField(
        label=_("Password of the locked file"),
        max_length=127,
        required=False,
        strip=False,
        validators=[reject_control_characters],
        widget=forms.PasswordInput({"autocomplete": "off"}),
    )
    force = forms.BooleanField(label=_("Read again what came already"), required=False)
    batch = forms.UUIDField(required=False)

    def __init__(self, *args: Any, companies: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["company_id"]).choices = company_choices(companies)
        chosen = self["company_id"].value() or next(iter(companies), "")
        shown = list(companies).index(chosen) if chosen in companies else 0
        self.fields["branch"].widget.attrs["list"] = f"branches-{shown}"
        self.offered: list[str] = []

    def clean_branch(self) -> str:
        """Return the branch; DEFAULT_BRANCH where none is given."""
        return self.cleaned_data["branch"] or DEFAULT_BRANCH

    def clean_labels(self) -> dict[str, str]:
        """Return the labels by key."""
        return labels.parse(self.cleaned_data["labels"])

    def clean_batch(self) -> uuid.UUID:
        """Return the batch; a new one where none is given."""
        return self.cleaned_data["batch"] or uuid.uuid4()

    def offer(self, *, password: bool, force: bool) -> None:
        """Have the page show these fields for the next try: without a script files are gone."""
        asked = {"password": password, "force": force}
        self.offered = [name for name, is_asked in asked.items() if is_asked]

    @property
    def offered_fields(self) -> list[forms.BoundField]:
        """The fields that were offered."""
        return [self[name] for name in self.offered]


class ReadAgainForm(forms.Form):
    """How documents are read again: as they were sent, by another reader, or with one key.

    Keys are offered to documents of one company. A key that is chosen reads the pages.
    """

    how = forms.ChoiceField(
        label=_("Read"),
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("This cannot be chosen any more. Choose again.")},
    )

    def __init__(self, *args: Any, company_id: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usable = TokenMaster.objects.none()
        if company_id is not None:
            usable = TokenMaster.objects.for_company(company_id).usable().order_by("pk")
        self._keys = {str(key.pk): key for key in usable if key.presentable}
        cast("forms.ChoiceField", self.fields["how"]).choices = [
            ("", gettext("as it was sent")),
            (
                ReaderChoice.AUTO,
                gettext("the e-invoice inside the PDF if it is complete, else the pages"),
            ),
            (ReaderChoice.EINVOICE, gettext("the e-invoice inside the PDF, and nothing else")),
            (ReaderChoice.MODEL, gettext("the pages, with any key")),
            *((pk, gettext("the pages, with %s") % _named(key)) for pk, key in self._keys.items()),
        ]

    @property
    def reader(self) -> str:
        """The reader that was chosen; "" for that of the request."""
        return ReaderChoice.MODEL if self.key else str(self.cleaned_data["how"])

    @property
    def key(self) -> TokenMaster | None:
        """The key that was chosen, if one was."""
        return self._keys.get(self.cleaned_data["how"])


def _named(key: TokenMaster) -> str:
    if key.provider == Provider.OFFLINE:
        return gettext("key %d (offline)") % key.pk
    named = {"number": key.pk, "masked": key.masked_key, "provider": key.provider}
    return gettext("key %(number)d: %(masked)s (%(provider)s)") % named


def profile_choices() -> list[tuple[str, str]]:
    """Return the export profiles, each as ``format:id``."""
    return [
        (f"{profile.format}:{profile.pk}", f"{profile.name} ({profile.get_format_display()})")
        for profile in ExportProfile.objects.only("pk", "name", "format")
    ]


class ExportForm(forms.Form):
    """As what to export: a format, or one of the profiles, whose choice is ``format:id``."""

    export_as = forms.ChoiceField(label=_("Export as"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["export_as"]).choices = [
            *profile_choices(),
            *Format.choices,
        ]
