"""What comes in through the API."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import TooManyFieldsSent
from django.utils.datastructures import MultiValueDict
from rest_framework import serializers

from extraction.models import ReaderChoice
from extraction.validators import reject_control_characters
from ocrsite.lib.columns import FitsColumn

# The review page may send more (DATA_UPLOAD_MAX_NUMBER_FIELDS).
MOST_FIELDS = 1000


def _text(max_length: int, **options: Any) -> serializers.CharField:
    return serializers.CharField(
        max_length=max_length,
        validators=[reject_control_characters, FitsColumn(max_length)],
        error_messages={
            "required": "is required.",
            "blank": "must not be empty.",
            "max_length": "must not be longer than {max_length} characters.",
        },
        **options,
    )


class ExtractionInput(serializers.Serializer[None]):
    """The form of ``POST /extract``; names in any case, ``Division`` for ``branch``.

    Only intake checks the document itself, an empty file included.
    """

    file = serializers.FileField(
        allow_empty_file=True,
        error_messages={
            "required": "is required: send the document as a file.",
            "invalid": "must be sent as a file, not as text.",
            "no_name": "must be sent with a file name.",
        },
    )
    companyID = _text(50, source="company_id")  # noqa: N815 (the contract's name)
    username = _text(100, source="requested_by")
    branch = _text(50, allow_blank=True, default="")
    licenceID = _text(100, allow_blank=True, default="", source="licence_id")  # noqa: N815
    force = serializers.BooleanField(
        default=False, error_messages={"invalid": "must be true or false."}
    )

    # At most 127 bytes (ISO 32000-2, 7.6.4.3.3); blanks at its ends belong to it.
    password = _text(
        127,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text="Of a locked PDF: opens it, and is kept nowhere.",
    )
    reader = serializers.ChoiceField(
        ReaderChoice.choices,
        allow_blank=True,
        default=ReaderChoice.AUTO,
        error_messages={
            "invalid_choice": f"must be one of {', '.join(ReaderChoice.values)}.",
        },
    )

    def to_internal_value(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Find the fields whatever the case of their names; each may be sent once."""
        self._reject_repeated(data)
        sent = {name.lower(): value for name, value in data.items()}
        if sent.get("pdf_url") or str(sent.get("extractfromlink", "")).lower() in ("1", "true"):
            raise serializers.ValidationError(
                {"pdf_url": ["Documents are not fetched from links. Send the file itself."]},
                code="url_fetch_disabled",
            )
        if "connection_params" in sent:
            raise serializers.ValidationError(
                {"connection_params": ["is not accepted: callers cannot choose the database."]},
                code="connection_params_refused",
            )
        named = {name: sent[name.lower()] for name in self._declared_fields if name.lower() in sent}
        if not named.get("branch") and "division" in sent:
            named["branch"] = sent["division"]
        values: dict[str, Any] = super().to_internal_value(named)
        values["branch"] = values["branch"] or "Default"
        values["reader"] = values["reader"] or ReaderChoice.AUTO
        return values

    def _reject_repeated(self, data: Mapping[str, Any]) -> None:
        """Raise ValidationError for a field that was sent more than once: only one would count.

        Raises TooManyFieldsSent above MOST_FIELDS.
        """
        parts: Counter[str] = Counter()
        for name in data:
            # A form's mapping has every value of a name; it answers the last one when asked.
            values = data.getlist(name) if isinstance(data, MultiValueDict) else [data[name]]
            parts[name.lower()] += len(values)
        if parts.total() > MOST_FIELDS:
            raise TooManyFieldsSent
        repeated = {
            name: ["one document per request: send each file in a request of its own."]
            if name == "file"
            else ["must be sent once."]
            for name in (*self._declared_fields, "division")
            if parts[name.lower()] > 1
        }
        if repeated:
            raise serializers.ValidationError(repeated)


class DocumentInput(ExtractionInput):
    """The same form as JSON, for its description; ``DocumentJSONParser`` decodes the document."""

    file = serializers.CharField(  # type: ignore[assignment]  # described, not validated
        help_text="The document in Base64 (RFC 4648, section 4), or as a data: URL."
    )
    file_name = serializers.CharField(required=False, help_text="Shown to people.")
