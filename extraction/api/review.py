"""What programs decide about an extraction: correct, approve, reject, cancel, delete.

Each states by ``If-Match`` the ETag of the extraction that it saw: of two, one is told of the
other.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from extraction.models import Extraction
from extraction.review.decisions import LONGEST_REASON, NeedsConfirmation, ReviewConflict
from extraction.review.edits import Edit, InvalidEdit
from ocrsite.lib.errors import UserFacingError

# Of each kind: more than an invoice of thousands of lines needs corrected at once.
MOST_CHANGES = 1000
_PATH = re.compile(r"[a-z_]{1,40}(\.[0-9]{1,5})?(\.[a-z_]{1,40})?", re.ASCII)


class _Path(serializers.CharField):
    """The path of a value, a row or a table, as in ``evidence``."""

    def to_internal_value(self, data: Any) -> str:
        path = super().to_internal_value(data)
        if not _PATH.fullmatch(path):
            raise ValidationError("“total_amount” or “line_items.0.amount” is a path.")
        return path


class _Row(serializers.RegexField):
    """The path of a row."""

    def __init__(self, **options: Any) -> None:
        told: Any = {"invalid": "“line_items.2” is a row."}
        super().__init__(r"^[a-z_]{1,40}\.[0-9]{1,5}\Z", error_messages=told, **options)


def _paths(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=_Path(), required=False, max_length=MOST_CHANGES, help_text=help_text
    )


class EditInput(serializers.Serializer[None]):
    """A person's changes, by path in the invoice as it is; all else is left as it is."""

    values = serializers.DictField(
        child=serializers.CharField(allow_blank=True, allow_null=True, max_length=2000),
        required=False,
        help_text="New values as texts, of rows that do not exist yet, too; null clears one.",
    )
    confirmed = _paths("Values that were found right.")
    removed = serializers.ListField(
        child=_Row(),
        required=False,
        max_length=MOST_CHANGES,
        help_text="Rows that go, such as line_items.2.",
    )
    order = serializers.DictField(
        child=serializers.ListField(
            child=serializers.IntegerField(min_value=0, max_value=99_999), max_length=MOST_CHANGES
        ),
        required=False,
        help_text="For a table its rows' numbers from 0, in the new order.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Reject names that are no paths, and more changes than are made at once."""
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise ValidationError({"changes": ["have values, confirmed, removed and order alone."]})
        for name in ("values", "order"):
            given = attrs.get(name, {})
            if len(given) > MOST_CHANGES:
                raise ValidationError({name: [f"at most {MOST_CHANGES} at once."]})
            if not all(_PATH.fullmatch(path) for path in given):
                raise ValidationError({name: ["must be named by paths."]})
        return attrs


class ApprovalInput(EditInput):
    """Changes to store with the approval, if any."""

    anyway = serializers.BooleanField(
        default=False, help_text="Although its values contradict each other."
    )


class RejectionInput(serializers.Serializer[None]):
    """Why an invoice is not to be used."""

    reason = serializers.CharField(max_length=LONGEST_REASON)


def etag(extraction: Extraction) -> str:
    """Return what changes with every change of it that people or programs make or see.

    While it has not ended, its calls change without this.
    """
    pages = "-without-pages" if extraction.files_removed_at else ""
    return f'"{extraction.version}-{extraction.state}{pages}"'


def seen_version(request: Request, extraction: Extraction) -> int:
    """Return the version that the caller saw. Raises UserFacingError (428 or 412)."""
    seen = request.headers.get("If-Match", "").strip()
    if not seen:
        raise UserFacingError(
            "version_missing",
            HTTPStatus.PRECONDITION_REQUIRED.phrase,
            "Send the ETag of the extraction that you saw as If-Match.",
            HTTPStatus.PRECONDITION_REQUIRED,
        )
    # Packing an answer makes its ETag a weak one.
    if seen.removeprefix("W/") != etag(extraction):
        raise changed()
    return extraction.version


def edit_in(data: dict[str, Any]) -> Edit:
    """Return the changes of valid input."""
    return Edit(
        values={path: text or "" for path, text in data.get("values", {}).items()},
        confirmed=data.get("confirmed", ()),
        removed=data.get("removed", ()),
        order=data.get("order", {}),
    )


@contextmanager
def told() -> Iterator[None]:
    """Tell the caller of what a decision raises."""
    try:
        yield
    except InvalidEdit as error:
        raise ValidationError({path: [text] for path, text in error.errors.items()}) from error
    except ReviewConflict as error:
        raise changed() from error
    except NeedsConfirmation as error:
        sentences = " ".join(reason.text for reason in error.reasons)
        raise UserFacingError(
            "contradictions",
            HTTPStatus.CONFLICT.phrase,
            f"{sentences} Correct it, or send “anyway”: true.",
            HTTPStatus.CONFLICT,
        ) from error


def changed() -> UserFacingError:
    """Return the error of what is asked about something else than there is (412)."""
    return UserFacingError(
        "changed_meanwhile",
        HTTPStatus.PRECONDITION_FAILED.phrase,
        "The extraction is not as you saw it, or not read yet. Ask for it, and decide again.",
        HTTPStatus.PRECONDITION_FAILED,
    )
