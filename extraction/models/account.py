"""What an account has besides Django's user: what staff demand of it, and its second factor."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class AccountRule(models.Model):
    """What staff demand of a user."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="account_rule"
    )
    must_change_password = models.BooleanField(
        _("must change the password"),
        default=False,
        help_text=_("At the next log-in, before anything else."),
    )

    def __str__(self) -> str:
        must = self.must_change_password
        return gettext("must change the password") if must else gettext("nothing")


class Authenticator(models.Model):
    """An app that shows codes by time (RFC 6238): the second factor of one user.

    Its secret is stored encrypted: extraction/accounts/second_factor.py. Until the user has typed a
    first code of it, nothing is asked of it.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="authenticator"
    )
    secret = models.CharField(max_length=255)
    confirmed_at = models.DateTimeField(_("set up"), null=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)
    last_step = models.BigIntegerField(
        default=-1, help_text=_("The time step of the last code: none is accepted twice.")
    )

    def __str__(self) -> str:
        return gettext("second factor of {user}").format(user=self.user)


class RecoveryCode(models.Model):
    """One code that replaces the app once. Its digest is kept; the code is shown once."""

    authenticator = models.ForeignKey(Authenticator, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["authenticator", "digest"], name="extraction_recovery_code"
            )
        ]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class ExternalIdentity(models.Model):
    """The account at the site's OIDC provider by which a user logs in."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="external_identity"
    )
    digest = models.CharField(
        max_length=64,
        unique=True,
        help_text=_("SHA-256 of the provider's issuer and of its subject, whose case counts."),
    )
    linked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = _("external identities")

    def __str__(self) -> str:
        return f"external identity of {self.user}"
