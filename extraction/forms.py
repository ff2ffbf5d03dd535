"""The forms of the pages."""

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from extraction.exports.formats import Format
from extraction.models import ExportProfile
from extraction.validators import reject_control_characters


def company_choices(companies: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what a field for one of these companies, names by id, offers."""
    return [(id_, f"{name} ({id_})" if name else id_) for id_, name in companies.items()]


class UploadForm(forms.Form):
    """Whose documents they are; the files themselves are judged one by one."""

    company_id = forms.ChoiceField(label=_("Company"))
    branch = forms.CharField(
        label=_("Branch"), max_length=50, initial="Default", validators=[reject_control_characters]
    )

    def __init__(self, *args: Any, companies: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["company_id"]).choices = company_choices(companies)


class ExportForm(forms.Form):
    """As what to export: a format, or one of the profiles, whose choice is ``format:id``."""

    export_as = forms.ChoiceField(label=_("Export as"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        profiles = ExportProfile.objects.only("pk", "name", "format")
        cast("forms.ChoiceField", self.fields["export_as"]).choices = [
            *(
                (
                    f"{profile.format}:{profile.pk}",
                    f"{profile.name} ({profile.get_format_display()})",
                )
                for profile in profiles
            ),
            *Format.choices,
        ]
