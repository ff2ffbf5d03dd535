"""The mail with a link that resets a password. A worker sends it.

So the page that is asked for it does the same, and takes as long, whether or not there is such an
account.
"""

import logging

from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.utils import translation
from django_q.tasks import async_task

logger = logging.getLogger(__name__)


class _MailForm(PasswordResetForm):
    """Django's, which makes the link and mails it; what the mail server refuses is logged."""

    def get_users(self, email: str) -> list[User]:
        """Those with this address who may log in by password, and log who they are."""
        users = list(super().get_users(email))
        for user in users:
            logger.info("A link to reset the password of %s is mailed.", user.get_username())
        if not users:
            logger.info("A password reset was asked for an address that no account has.")
        return users


def ask_for(email: str, *, host: str, is_secure: bool) -> None:
    """Queue the mail, in the language that is active."""
    async_task(
        "extraction.accounts.reset_mail.send", email, host, is_secure, translation.get_language()
    )


def send(email: str, host: str, is_secure: bool, language: str | None) -> None:
    """Mail a link to each account with this address. The link names this host."""
    form = _MailForm({"email": email})
    with translation.override(language):
        if form.is_valid():
            form.save(
                domain_override=host,
                use_https=is_secure,
                subject_template_name="account/reset_subject.txt",
                email_template_name="account/reset_mail.txt",
            )
