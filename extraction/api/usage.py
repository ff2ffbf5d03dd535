"""``GET /api/v1/usage/``: the parameters and the answer."""

from datetime import date, timedelta
from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from extraction.access import Principal
from extraction.api import representations
from extraction.labels import grouping
from tokens.company_days import today
from tokens.usage_report import Detail, Group, Grouping, usage_sums

# Days, both counted: a year and its leap day.
LONGEST_PERIOD = 366
GROUP_BY = f"must be some of {', '.join(Group)}, label:KEY, each once, separated by commas."


def _day() -> serializers.DateField:
    return serializers.DateField(
        required=False, error_messages={"invalid": "must be a day such as 2026-11-24."}
    )


class _UsageInput(serializers.Serializer[None]):
    since = _day()
    until = _day()
    group_by = serializers.CharField(required=False, default="", allow_blank=True)
    company = serializers.CharField(required=False, default="", allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Reject a parameter that would be dropped, or that is given twice."""
        unknown = {name: ["is no parameter of usage."] for name in data if name not in self.fields}
        twice = {name: ["must be given once."] for name, values in data.lists() if len(values) > 1}
        if unknown or twice:
            raise ValidationError(unknown | twice)
        values: dict[str, Any] = super().to_internal_value(data)
        return values

    def validate_group_by(self, value: str) -> list[Grouping]:
        """Read the names, separated by commas."""
        names = [name.strip() for name in value.split(",") if name.strip()]
        if len(set(names)) != len(names):
            raise ValidationError(GROUP_BY)
        try:
            groups = [grouping(name) for name in names]
        except ValueError as error:
            raise ValidationError(GROUP_BY) from error
        if len([group for group in groups if isinstance(group, Detail)]) > 1:
            raise ValidationError("must be one label at most.")
        return groups

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill in the current month; reject a period that is too long or ends before it began."""
        now = today()
        until: date = attrs.setdefault("until", max(now, attrs.get("since", now)))
        since: date = attrs.setdefault("since", until.replace(day=1))
        if since > until:
            raise ValidationError({"until": ["must not be before since."]})
        if until - since >= timedelta(days=LONGEST_PERIOD):
            raise ValidationError({"since": [f"at most {LONGEST_PERIOD} days at once."]})
        return attrs


def usage_answer(parameters: QueryDict, principal: Principal) -> dict[str, Any]:
    """Return the sums of the caller's companies, or of one of them. Raises ValidationError."""
    form = _UsageInput(data=parameters)
    form.is_valid(raise_exception=True)
    values = form.validated_data
    company_ids = principal.company_ids()
    if values["company"]:
        if values["company"] not in principal.companies():
            raise ValidationError({"company": ["is none of your companies."]})
        company_ids = [values["company"]]
    rows = usage_sums(company_ids, values["since"], values["until"], values["group_by"])
    return {
        "since": values["since"],
        "until": values["until"],
        "group_by": [_name(group) for group in values["group_by"]],
        "results": [
            {
                **{_column(group): value for group, value in row.values.items()},
                **representations.usage(row.sums),
            }
            for row in rows
        ],
    }


def _name(group: Grouping) -> str:
    return group.name if isinstance(group, Detail) else group.value


def _column(group: Grouping) -> str:
    return "label" if isinstance(group, Detail) else group.value
