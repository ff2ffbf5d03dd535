"""The state of the circuit breakers: keys and projects that are not to be called for a while."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.models.token import TokenMaster


class CoolDownQuerySet(models.QuerySet["CoolDown"]):
    def of(self, token: TokenMaster) -> Self:
        """The cool-downs of this key and of its project."""
        own = Q(token_id=token.pk)
        return self.filter(own | Q(project=token.project) if token.project else own)


class CoolDown(models.Model):
    """An open or half-open circuit breaker: no call before ``blocked_until``.

    It is one key's, or is shared by every key of a project.
    """

    cool_down_id = models.BigAutoField(db_column="CoolDownID", primary_key=True)
    token = models.OneToOneField(
        TokenMaster,
        models.CASCADE,
        db_column="TokenID",
        null=True,
        related_name="+",
        verbose_name=_("key"),
    )
    project = models.CharField(db_column="Project", max_length=100, null=True, unique=True)
    blocked_until = models.DateTimeField(db_column="ClosedUntil")
    half_open = models.BooleanField(
        db_column="Probing",
        default=False,
        db_default=False,
        help_text=_("One trial call is under way to find out whether the provider answers again."),
    )
    reason = models.CharField(db_column="Reason", max_length=200)

    objects = CoolDownQuerySet.as_manager()

    class Meta:
        db_table = "TokenCoolDowns"
        verbose_name = _("cool-down")
        ordering = ["-blocked_until"]
        constraints = [
            models.CheckConstraint(
                condition=Q(token=None) ^ Q(project=None), name="CK_TokenCoolDowns_OneScope"
            )
        ]

    def __str__(self) -> str:
        until = f"{self.blocked_until:%Y-%m-%d %H:%M:%S} UTC"
        if self.project:
            return gettext("project {name} until {time}").format(name=self.project, time=until)
        return gettext("key {name} until {time}").format(name=self.token, time=until)
