"""The forms in which staff enter quotas: their amounts are LLM tokens, or money."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from tokens.amounts import HOW, UNITS_OF_ONE, Amount, BadAmount, read
from tokens.forms import MAX_LIMIT
from tokens.models import Quota, Unit

ANOTHER_ONE = gettext_noop("There is a quota of this period already. Change that one.")
# A sum of a limit, a raise and what calls under way have reserved stays within 64 bits.
MAX_MONEY = 10**8 * UNITS_OF_ONE


class AmountField(forms.CharField):
    """LLM tokens or money, such as 1000000 or 250.00 EUR; its value is an Amount."""

    def __init__(self, *, least: int, **kwargs: Any) -> None:
        self.least = least
        widget = forms.TextInput({"autocomplete": "off", "size": 18})
        super().__init__(max_length=40, widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        """Return the amount, None for an empty field. Raises ValidationError."""
        text = super().clean(value)
        if not text:
            return None
        try:
            amount = read(text)
        except BadAmount as error:
            raise ValidationError(str(error)) from error
        most = MAX_MONEY if amount.currency else MAX_LIMIT
        if amount.value < self.least:
            told = gettext("Ensure this value is greater than or equal to {limit}.")
            raise ValidationError(told.format(limit=self.least))
        if amount.value > most:
            told = gettext("Ensure this value is less than or equal to {limit}.")
            raise ValidationError(told.format(limit=Amount(most, amount.currency)))
        return amount

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether it is another amount, however it is written."""
        try:
            return self._told(data) != self._told(initial)
        except BadAmount:
            return True

    def _told(self, text: str | None) -> Amount | None:
        """What a text tells; where it may be left out, 0 is the same as nothing."""
        amount = read(text) if text else None
        return amount if amount is not None and (amount.value or self.least) else None


class QuotaForm(forms.ModelForm[Quota]):
    """Make or change a quota; what it counts is told by its limit."""

    limit = AmountField(label=_("Limit"), least=1, help_text=_(HOW))
    raised_by = AmountField(
        label=_("Raised by"),
        required=False,
        least=0,
        help_text=_("So much more, for a while. The raise ends by itself."),
    )

    class Meta:
        model = Quota
        fields = ["period", "limit", "first_day", "raised_by", "raised_until"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        quota = self.instance
        if not quota._state.adding:
            self.initial["limit"] = str(quota.amount(quota.limit))
            raised = quota.amount(quota.raised_by)
            self.initial["raised_by"] = str(raised) if quota.raised_by else ""

    def clean(self) -> dict[str, Any]:
        """Check what depends on several fields."""
        super().clean()
        data, quota = self.cleaned_data, self.instance
        limit = data.get("limit")
        if limit is not None:
            quota.unit = Unit.MONEY if limit.currency else Unit.TOKENS
            quota.currency = limit.currency
        if "raised_by" in data:
            data["raised_by"] = self._raised_by(data["raised_by"])
        # A key or a company has one quota of a period: the forms hold not all that says so.
        same = Quota.objects.filter(
            token=data.get("token", quota.token),
            company=data.get("company", quota.company),
            period=data.get("period"),
            unit=quota.unit,
        )
        if same.exclude(pk=quota.pk).exists():
            self.add_error("period", gettext(ANOTHER_ONE))
        return data

    def _raised_by(self, entered: Amount | None) -> Amount:
        """In the unit of the limit; nothing entered is no raise."""
        quota = self.instance
        if entered is None or not entered.value:
            return quota.amount(0)
        if entered.currency != quota.currency:
            told = gettext("The limit is in {unit}. Enter the raise in the same.")
            unit = quota.currency or gettext("LLM tokens")
            self.add_error("raised_by", told.format(unit=unit))
        return entered

    def clean_raised_until(self) -> Any:
        """A raise that is entered ends in the future."""
        until = self.cleaned_data["raised_until"]
        if until and "raised_until" in self.changed_data and until <= timezone.now():
            raise ValidationError(gettext("This time has passed. Enter one to come."))
        return until


class QuotaFormSet(forms.BaseInlineFormSet[Quota, Any, forms.ModelForm[Quota]]):
    """The quotas that are entered at once."""

    def clean(self) -> None:
        """Refuse two new ones that count the same in the same period."""
        super().clean()
        seen = set()
        for form in self.forms:
            data = getattr(form, "cleaned_data", {})
            limit = data.get("limit")
            if not data.get("period") or limit is None or data.get("DELETE"):
                continue
            counted = data["period"], bool(limit.currency)
            if counted in seen and form.has_changed():
                form.add_error("period", gettext(ANOTHER_ONE))
            seen.add(counted)


class SingleQuotaForm(QuotaForm):
    """A quota on a page of its own, with the reason for the change."""

    why = forms.CharField(
        label=_("Reason for the change"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Recorded with the change."),
    )

    class Meta(QuotaForm.Meta):
        fields = ["token", "company", *QuotaForm.Meta.fields]
