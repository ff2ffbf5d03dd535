"""What comes in through the API."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict
from rest_framework import serializers

from extraction import labels
from extraction.models import ReaderChoice, WebhookEvent
from extraction.validators import reject_control_characters
from ocrsite.lib.columns import FitsColumn

# The review page may send more (DATA_UPLOAD_MAX_NUMBER_FIELDS).
MOST_FIELDS = 1000
# Of a batch.
MOST_FILES = 100
_OF_ONE_DOCUMENT = ("password", "pdf_url", "extractfromlink")


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


class LabelsField(serializers.CharField):
    """Labels as a text or, in JSON, as an object: see ``extraction.labels``."""

    def to_internal_value(self, data: Any) -> Any:
        """Return them by key. Raises ValidationError."""
        try:
            return labels.parse(data)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages, code="invalid_labels") from error


class ExtractionInput(serializers.Serializer[None]):
    """The form of ``POST /extract``; names in any case, ``Division`` for ``branch``.

    Only intake checks the document itself, an empty file included.
    """

    file = serializers.FileField(
        required=False,  # where a link stands for it
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

    pdf_url = _text(
        2000,
        allow_blank=True,
        default="",
        help_text="Instead of the file: its https address, with extractFromLink.",
    )
    extractFromLink = serializers.BooleanField(  # noqa: N815 (the contract's name)
        default=False, help_text="Whether the document is fetched from pdf_url."
    )

    labels = LabelsField(
        allow_blank=True,
        default="",
        help_text="Up to five: a JSON object of texts, or key=value separated by commas or line "
        "breaks.",
    )

    def to_internal_value(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Find the fields whatever the case of their names; each may be sent once."""
        self._reject_repeated(data)
        sent = {name.lower(): value for name, value in data.items()}
        by_link = str(sent.pop("extractfromlink", "")).lower() in ("1", "true")
        _check_link(sent, by_link=by_link)
        self.fields["file"].required = not by_link
        if "connection_params" in sent:
            raise serializers.ValidationError(
                {"connection_params": ["is not accepted: callers cannot choose the database."]},
                code="connection_params_refused",
            )
        named = {name: sent[name.lower()] for name in self._declared_fields if name.lower() in sent}
        if not named.get("branch") and "division" in sent:
            named["branch"] = sent["division"]
        named["extractFromLink"] = by_link
        values: dict[str, Any] = super().to_internal_value(named)
        values["branch"] = values["branch"] or "Default"
        values["reader"] = values["reader"] or ReaderChoice.AUTO
        values["labels"] = values["labels"] or {}
        return values

    def _reject_repeated(self, data: Mapping[str, Any]) -> None:
        """Raise ValidationError for a field that was sent more than once: only one would count.

        So for a file under another name, which would not count at all. Raises TooManyFieldsSent
        above MOST_FIELDS.
        """
        parts: Counter[str] = Counter()
        known = {name.lower() for name in self._declared_fields}
        lost: dict[str, list[str]] = {}
        for name in data:
            # A form's mapping has every value of a name; it answers the last one when asked.
            values = data.getlist(name) if isinstance(data, MultiValueDict) else [data[name]]
            parts[name.lower()] += len(values)
            is_file = any(isinstance(value, UploadedFile) for value in values)
            if is_file and name.lower() not in known:
                lost[name] = ["is no field for a document: send each as file."]
        if parts.total() > MOST_FIELDS:
            raise TooManyFieldsSent
        repeated = {
            name: ["one document per request: send each file in a request of its own."]
            if name == "file"
            else ["must be sent once."]
            for name in (*self._declared_fields, "division")
            if parts[name.lower()] > 1
        }
        if repeated or lost:
            raise serializers.ValidationError(repeated or lost)


def _check_link(sent: Mapping[str, Any], *, by_link: bool) -> None:
    """Raise ValidationError unless exactly one of file and link is meant, and links are fetched."""
    if not by_link and not sent.get("pdf_url"):
        return
    if not settings.FETCH_HOSTS:
        raise serializers.ValidationError(
            {"pdf_url": ["Documents are not fetched from links. Send the file itself."]},
            code="url_fetch_disabled",
        )
    if not by_link:
        raise serializers.ValidationError({"pdf_url": ["is used with extractFromLink=1 alone."]})
    if not sent.get("pdf_url"):
        raise serializers.ValidationError({"pdf_url": ["is required with extractFromLink=1."]})
    if "file" in sent:
        raise serializers.ValidationError({"pdf_url": ["send either a file or a link to it."]})


class DocumentInput(ExtractionInput):
    """The same form as JSON, for its description; ``DocumentJSONParser`` decodes the document."""

    file = serializers.CharField(  # type: ignore[assignment]  # described, not validated
        required=False,
        help_text="The document in Base64 (RFC 4648, section 4), or as a data: URL.",
    )
    file_name = serializers.CharField(required=False, help_text="Shown to people.")


class BatchInput(ExtractionInput):
    """The form of ``POST /api/v1/batches/``: its fields hold for every file."""

    # What is of one document.
    password = None  # type: ignore[assignment]  # the framework's way to drop an inherited field
    pdf_url = None  # type: ignore[assignment]
    extractFromLink = None  # type: ignore[assignment]  # noqa: N815 (the contract's name)

    file = serializers.ListField(  # type: ignore[assignment]
        child=serializers.FileField(
            allow_empty_file=True,
            error_messages={
                "invalid": "must be sent as a file, not as text.",
                "no_name": "must be sent with a file name.",
            },
        ),
        max_length=MOST_FILES,
        help_text=f"Up to {MOST_FILES} documents, each in a part of this name, or one ZIP of them.",
        error_messages={
            "required": "is required: send each document as a file.",
            "max_length": "at most {max_length} files in a batch.",
        },
    )

    def to_internal_value(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Find the fields as for one document; ``file`` may be sent more than once."""
        form = cast("MultiValueDict[str, Any]", data)
        sent: MultiValueDict[str, Any] = MultiValueDict()
        files: list[Any] = []
        for name in form:
            if name.lower() in _OF_ONE_DOCUMENT:
                raise serializers.ValidationError(
                    {name: ["is of one document: send that one to /api/v1/extractions/."]}
                )
            if name.lower() == "file":
                files += form.getlist(name)
            else:
                sent.setlist(name, form.getlist(name))
        if files:
            sent["file"] = files
        return super().to_internal_value(sent)


class WebhookInput(serializers.Serializer[None]):
    """A webhook to add."""

    company_id = serializers.CharField(
        max_length=50,
        validators=[reject_control_characters, FitsColumn(50)],
        help_text="Of whose documents it is told.",
    )
    url = serializers.CharField(
        max_length=500, help_text="https, of a host that this site calls (WEBHOOK_HOSTS)."
    )
    events = serializers.ListField(
        child=serializers.ChoiceField([str(event) for event in WebhookEvent.subscribable()]),
        max_length=20,
        help_text="What it is told of.",
    )
