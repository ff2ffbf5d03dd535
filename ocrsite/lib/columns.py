"""How much text a column of the database holds, on every database alike."""

from django.apps import apps
from django.core.validators import BaseValidator
from django.db import models
from django.utils.translation import gettext_lazy


class FitsColumn(BaseValidator):
    """Rejects text of few characters that is too long for a column all the same.

    SQL Server counts UTF-16 units, of which characters beyond the first 65,536 take two. Goes
    beside a rule that counts characters.
    """

    message = gettext_lazy(
        "must not be longer than %(limit_value)d characters; some, such as emoji, count as two."
    )
    code = "max_length"

    def compare(self, a: int, b: int) -> bool:
        """Whether so many units are too many."""
        return a > b

    def clean(self, x: str) -> int:
        """Return the number of units; 0 where the characters alone are too many."""
        limit = self.limit_value() if callable(self.limit_value) else self.limit_value
        return 0 if len(x) > limit else len(x.encode("utf-16-le", "replace")) // 2


def bound_texts() -> None:
    """Have every form of a model, those of the admin above all, look whether its texts fit.

    For the start of a process. Models and migrations stay as they are.
    """
    message = gettext_lazy(
        "This is longer than %(limit_value)d characters: some, such as emoji, count as two."
    )
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, models.CharField) and field.max_length is not None:
                field.validators.append(FitsColumn(field.max_length, message))
