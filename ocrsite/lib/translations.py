"""Texts that are stored or sent stay English; names that Django makes of code are translated."""

from collections.abc import Iterable

from django.db.models import Model
from django.utils.translation import gettext_lazy, override


def in_english(value: object) -> str:
    """Return a value as text in English, whatever the language of the page that is made."""
    with override(None):
        return str(value)


def translate_names(models: Iterable[type[Model]]) -> None:
    """Look the names of models and of their fields up in the catalog, in each reader's language.

    Those that Django makes of the names in the code, "company id" of ``company_id`` and "keys" of
    "key", are in no model's text: a list of them beside the models has them for the catalog.
    """
    with override(None):
        for model in models:
            meta = model._meta
            meta.verbose_name = gettext_lazy(str(meta.verbose_name))
            meta.verbose_name_plural = gettext_lazy(str(meta.verbose_name_plural))
            for field in (*meta.local_fields, *meta.local_many_to_many):
                field.verbose_name = gettext_lazy(str(field.verbose_name))
