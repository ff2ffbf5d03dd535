"""What the views of the management API share."""

import hashlib
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError, transaction
from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

from extraction import idempotency
from extraction.api.bodies import BoundedJSONParser
from extraction.api.management.manager import Manager
from extraction.api.views import ApiView, idempotency_key
from ocrsite.lib.database import deadlocks_retried
from ocrsite.lib.errors import UserFacingError

M = TypeVar("M", bound=Model)
F = TypeVar("F", bound="forms.ModelForm[Any]")

# The fields of forms that the API calls otherwise.
_NAMES = {"new_key": "key", "expiry_date": "expires_at", NON_FIELD_ERRORS: "request"}


class ManagementView(ApiView):
    """A view of the management API: it takes JSON."""

    parser_classes = (BoundedJSONParser,)


class ExistsAlready(UserFacingError):
    """What is to be added is there (409)."""

    def __init__(self, detail: str) -> None:
        super().__init__("exists_already", HTTPStatus.CONFLICT.phrase, detail, HTTPStatus.CONFLICT)


class ChangedMeanwhile(UserFacingError):
    """What is to be changed is not as the caller saw it (412)."""

    def __init__(self) -> None:
        super().__init__(
            "changed_meanwhile",
            HTTPStatus.PRECONDITION_FAILED.phrase,
            "It is not as you saw it. Ask for it, and decide again.",
            HTTPStatus.PRECONDITION_FAILED,
        )


def checked(
    shape: type[serializers.Serializer[None]], request: Request, *, partial: bool = False
) -> dict[str, Any]:
    """Return what was sent, of the right types. Raises ValidationError, also for unknown fields."""
    form = shape(data=request.data, partial=partial)
    form.is_valid(raise_exception=True)
    unknown = sorted(set(request.data) - set(form.fields))
    if unknown:
        raise ValidationError({name[:50]: ["is no field of this request."] for name in unknown})
    return dict(form.validated_data)


def asked(request: Request, *names: str) -> dict[str, str]:
    """Return those of the parameters that were given. Raises ValidationError for any other."""
    wrong = {name[:50]: ["is no parameter."] for name in request.query_params if name not in names}
    given = {name: str(value) for name, value in request.query_params.items() if value}
    wrong |= {name: ["is no text."] for name, value in given.items() if "\0" in value}
    if wrong:
        raise ValidationError(wrong)
    return given


def filled(form: type[F], instance: Any, sent: Mapping[str, Any]) -> F:
    """Return a form of the admin as somebody fills it in who changes what was sent alone.

    Raises ValidationError.
    """
    empty = form(instance=instance)
    told = {name: empty[name].initial for name in empty.fields}
    entered = form({**told, **sent}, instance=instance)
    require_valid(entered)
    return entered


def require_valid(form: forms.BaseForm) -> None:
    """Raise ValidationError unless a form is valid."""
    if not form.is_valid():
        errors = form.errors.items()
        raise ValidationError({_NAMES.get(n, n): [str(e) for e in told] for n, told in errors})


def once(request: Request, manager: Manager, make: Callable[[], str]) -> tuple[str, bool]:
    """Make something and return its id, and whether this request made it: else its key did before.

    ``make`` returns the id. Raises IdempotencyConflict, and ExistsAlready where somebody made the
    same after it was looked whether there is one.
    """
    made: list[str] = []

    def noted() -> str:
        with transaction.atomic():
            made.append(make())
        return made[-1]

    try:
        before = idempotency.made_once(
            noted,
            client=manager.label,
            key=idempotency_key(request),
            request=f"{request.path} {json.dumps(request.data, sort_keys=True)}",
        )
    except IntegrityError as error:
        raise ExistsAlready(
            "Somebody else made the same meanwhile. Ask for what there is, and decide again."
        ) from error
    return (made[-1], True) if before is None else (before, False)


def one(rows: Any, **by: Any) -> Any:
    """Return the only row of the caller's that is named so. Raises NotFound."""
    # PostgreSQL takes no text with a NUL.
    is_text = all("\0" not in str(value) for value in by.values())
    found = rows.filter(**by).first() if is_text else None
    if found is None:
        raise NotFound("There is nothing here that you manage.")
    return found


def etag(settings: Mapping[str, Any]) -> str:
    """Return what changes when one of the settings does, as an ETag."""
    told = json.dumps(settings, sort_keys=True, default=str)
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:16]}"'


@deadlocks_retried
def change(
    request: Request, found: Callable[[], M], tag: Callable[[M], str], act: Callable[[M], object]
) -> None:
    """Change a row that is as the caller saw it, where If-Match says how that was.

    ``found`` locks and returns it. Raises ChangedMeanwhile, also where somebody made another such
    row after it was looked whether there is one; and what the others raise.
    """
    try:
        _change(request, found, tag, act)
    except IntegrityError as error:
        raise ChangedMeanwhile from error


def _change(
    request: Request, found: Callable[[], M], tag: Callable[[M], str], act: Callable[[M], object]
) -> None:
    with transaction.atomic():
        row = found()
        seen = request.headers.get("If-Match", "").strip().removeprefix("W/")
        if seen and seen not in ("*", tag(row)):
            raise ChangedMeanwhile
        act(row)
