"""What a caller wants read: a document's e-invoice or its pages."""

from django.db import models


class ReaderChoice(models.TextChoices):
    """The ``reader`` of a request."""

    AUTO = "auto"  # the e-invoice if there is a complete one (EINVOICE_FIRST), else the pages
    EINVOICE = "einvoice"  # the e-invoice, or nothing
    MODEL = "model"  # the pages, whether there is an e-invoice or not
