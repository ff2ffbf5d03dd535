"""Which groups are the roles, and what each was given."""

from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.Model):
    """One of the roles (extraction/roles.py) and its group, which staff may rename and change.

    What a role was given once it is not given again: what staff take away stays away, and a group
    that they delete does not come back.
    """

    name = models.CharField(max_length=50, primary_key=True)
    group = models.OneToOneField(Group, models.SET_NULL, null=True, related_name="role")
    given = models.JSONField(default=list, help_text=_("Permissions, as app.codename."))

    def __str__(self) -> str:
        return self.name
