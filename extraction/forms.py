"""The forms of the pages."""

from typing import Any, cast

from django import forms

from extraction.models import State
from extraction.validators import reject_control_characters


def _choices(companies: dict[str, str]) -> list[tuple[str, str]]:
    return [(id_, f"{name} ({id_})" if name else id_) for id_, name in companies.items()]


class UploadForm(forms.Form):
    """Whose documents they are; the files themselves are judged one by one."""

    company_id = forms.ChoiceField(label="Company")
    branch = forms.CharField(
        max_length=50, initial="Default", validators=[reject_control_characters]
    )

    def __init__(self, *args: Any, companies: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["company_id"]).choices = _choices(companies)


class FilterForm(forms.Form):
    """Which extractions to list; empty means all."""

    company = forms.ChoiceField(required=False)
    state = forms.ChoiceField(required=False, choices=[("", "All"), *State.choices])

    def __init__(self, *args: Any, companies: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        company = cast("forms.ChoiceField", self.fields["company"])
        company.choices = [("", "All"), *_choices(companies)]
