"""The plain site's only table."""

from django.db import models


class Upload(models.Model):
    """A stored file."""

    name = models.CharField(max_length=255)
    path = models.CharField(max_length=255)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
