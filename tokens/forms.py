"""The forms of the admin for keys. A key is entered here and never shown."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from tokens import encryption
from tokens.company_fields import NamesCompany
from tokens.models import DEFAULT_LIMIT, DEFAULT_THRESHOLD, Company, Provider, TokenMaster

# Far above any real quota, far below what a 64-bit sum of limits and bills can hold.
MAX_LIMIT = 10**12
# More than all workers can make with one key.
MAX_CALLS = 100_000

_key_characters = RegexValidator(
    r"\A[!-~]+\Z",
    _("A key has no blanks and only plain letters, digits and signs. Copy it again."),
)


def _refuse_stored_value(key: str) -> None:
    if key.lower().startswith(encryption.PREFIX):
        raise ValidationError(
            gettext("This is a stored value, not a key. Enter the provider's key.")
        )


class KeyField(forms.CharField):
    """A provider's key, hidden while it is typed and absent when the form is shown again."""

    widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=_("API key"),
            max_length=encryption.MAX_KEY_LENGTH,
            validators=[_key_characters, _refuse_stored_value],
            **kwargs,
        )


class FindByKeyForm(forms.Form):
    """Search by the full key, by POST: it must not appear in an address."""

    key = KeyField()


def _call_limit(label: StrOrPromise) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=1,
        max_value=MAX_CALLS,
        help_text=_("Further invoices wait; empty means no limit."),
    )


class TokenForm(NamesCompany[TokenMaster]):
    """Add or change a key, with its quota and threshold."""

    new_key = KeyField(required=False)
    total_token_limit = forms.IntegerField(
        label=_("Total token limit"),
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
    max_concurrent_calls = _call_limit(_("Calls at once"))
    requests_per_minute = _call_limit(_("Calls per minute"))
    why = forms.CharField(
        label=_("Reason for the change"),
        required=False,
        max_length=200,
        help_text=_("Recorded with a change of status, limit or key."),
    )

    class Meta:
        model = TokenMaster
        fields = [
            "company_id",
            "company_name",
            "provider",
            "total_token_limit",
            "model",
            "project",
            "max_concurrent_calls",
            "requests_per_minute",
            "expires_at",
            "status",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Browsers take a text field before a password field for a user name, and offer to fill it
        # in. For users who may only view, the admin leaves the model's fields out.
        for name in {"company_name", "model", "project", "why"} & self.fields.keys():
            self.fields[name].widget.attrs["autocomplete"] = "off"
        if "expires_at" in self.fields:
            zone = timezone.get_current_timezone_name()
            told = gettext("{zone}; empty means never.").format(zone=zone)
            self.fields["expires_at"].help_text = told
        if hasattr(self.instance, "summary"):
            self.initial["threshold"] = self.instance.summary.threshold
        if self.instance.api_key:
            self.fields["new_key"].help_text = gettext("Leave empty to keep the stored key.")

    def clean(self) -> dict[str, Any]:
        """Check what depends on several fields."""
        super().clean()
        data = self.cleaned_data
        company = Company.objects.written(data.get("company_id", "")).first()
        if company is not None and self.instance._state.adding:
            data["company_name"] = data.get("company_name") or company.name or None
            data["model"] = data.get("model") or company.default_model or None
        self._check_threshold(data.get("threshold"), data.get("total_token_limit"))
        self._check_expiry()
        if "new_key" in data:
            ids = company.ids if company else [data.get("company_id")]
            self._check_key(data["new_key"], ids, data.get("provider"))
        return data

    def _check_threshold(self, threshold: int | None, limit: int | None) -> None:
        if threshold is not None and limit is not None and threshold > limit:
            self.add_error(
                "threshold", gettext("The threshold is above the limit. Enter a smaller one.")
            )

    def _check_expiry(self) -> None:
        expires_at = self.cleaned_data.get("expires_at")
        if expires_at and "expires_at" in self.changed_data and expires_at <= timezone.now():
            self.add_error(
                "expires_at", gettext("This time has passed. Enter one to come, or none.")
            )

    def _check_key(self, key: str, ids: Sequence[str | None], provider: str | None) -> None:
        if not key:
            if not self.instance.api_key and provider != Provider.OFFLINE:
                self.add_error(
                    "new_key", gettext("Enter the provider's key; only Offline needs none.")
                )
            return
        same_key = TokenMaster.objects.filter(
            company_id__in=ids, key_fingerprint=encryption.fingerprint(key)
        )
        if same_key.exclude(pk=self.instance.pk).exists():
            self.add_error(
                "new_key", gettext("This company has this key already. Change the existing entry.")
            )
