"""Where the review of an extraction stands."""

from django.db import models


class ReviewState(models.TextChoices):
    """What a person decided about what was read."""

    TO_REVIEW = "to_review", "Needs review"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
