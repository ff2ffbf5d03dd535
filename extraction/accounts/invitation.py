"""The mail that lets a new user choose a password. A worker sends it."""

import logging

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

logger = logging.getLogger(__name__)


def send(user_id: int, host: str, is_secure: bool, language: str | None) -> None:
    """Mail the link to an active user who has an address. The link names this host.

    Raises what the mail server refuses with.
    """
    user = User.objects.filter(pk=user_id, is_active=True).exclude(email="").first()
    if user is None:
        return
    context = {
        "user": user,
        "domain": host,
        "protocol": "https" if is_secure else "http",
        "uid": urlsafe_base64_encode(force_bytes(user.pk)),
        "token": default_token_generator.make_token(user),
    }
    with translation.override(language):
        subject = render_to_string("account/invitation_subject.txt", context).strip()
        text = render_to_string("account/invitation_mail.txt", context)
    send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [user.email])
    logger.info("An invitation of %s is mailed.", user.get_username())
