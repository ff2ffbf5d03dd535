"""What a caller wants read: a document's e-invoice or its pages."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ReaderChoice(models.TextChoices):
    """The ``reader`` of a request."""

    # The e-invoice if there is a complete one (EINVOICE_FIRST), else the pages.
    AUTO = "auto", _("Auto")
    # The e-invoice, or nothing.
    EINVOICE = "einvoice", _("Einvoice")
    # The pages, whether there is an e-invoice or not.
    MODEL = "model", _("Model")
