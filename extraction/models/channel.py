"""The ways in which documents come."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    """Through what a document was sent."""

    PAGE = "page", _("the upload page")
    SAMPLE = "sample", _("a sample of the upload page")
    API = "api", _("the API (/api/v1/)")
    EXTRACT = "extract", _("POST /extract")
