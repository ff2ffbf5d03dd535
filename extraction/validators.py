"""Rules for text that people and programs send with a document."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def reject_control_characters(text: str) -> None:
    """Raise ValidationError for line breaks, escapes and other control characters."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValidationError(_("must not contain control characters."), code="control_characters")
