"""Texts that do not fit a column of SQL Server are rejected by every form of a model."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.forms import modelform_factory

from extraction.models import ExportProfile
from tokens.models import TokenMaster

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("model", "field"),
    [(ExportProfile, "name"), (TokenMaster, "company_name"), (User, "last_name")],
)
def test_emoji_count_twice_in_forms_of_models(model: type[Model], field: str) -> None:
    form_class: Any = modelform_factory(model, fields=[field])
    limit: int = model._meta.get_field(field).max_length  # type: ignore[union-attr,assignment]

    fits = form_class({field: "😀" * (limit // 2)})
    too_long = form_class({field: "😀" * (limit // 2 + 1)})

    assert field not in fits.errors
    assert "count as two" in str(too_long.errors[field])


def test_a_text_of_too_many_characters_is_told_so_once() -> None:
    with pytest.raises(ValidationError) as raised:
        ExportProfile(name="😀" * 101).full_clean()

    assert len(raised.value.message_dict["name"]) == 1
