"""Mail about a row, at most once: retried until the mail server has it, never repeated."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from email.errors import MessageError
from smtplib import SMTPNotSupportedError, SMTPRecipientsRefused, SMTPResponseException
from typing import TypeVar

from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ocrsite.lib import clock
from ocrsite.lib.database import UtcNow
from ocrsite.lib.staff_companies import bound_companies, within
from ocrsite.lib.translations import in_english

logger = logging.getLogger(__name__)

# How long one process has to hand a mail over; after a failure, the wait for the next try.
LEASE = timedelta(minutes=5)

# The mail server said no, or the message never left: it certainly has not got it.
_REFUSED = (
    *(SMTPResponseException, SMTPRecipientsRefused, SMTPNotSupportedError),
    *(ValueError, MessageError),
)


class MailedOnce(models.Model):
    """What staff are to know: shown in the admin and mailed once."""

    created_at = models.DateTimeField(
        db_column="CreatedAt", default=timezone.now, db_default=UtcNow()
    )
    claimed_until = models.DateTimeField(
        db_column="ClaimedUntil", null=True, help_text=_("Until then one process tries to mail it.")
    )
    sent_at = models.DateTimeField(_("mailed"), db_column="SentAt", null=True)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=MailedOnce)


def deliverable(max_age: timedelta) -> Q:
    """Rows to be mailed now: young, unsent, and claimed by nobody."""
    now = clock.now()
    # What is claimed for longer than LEASE was so before the clock was set back. Twice: whoever
    # claims it after ``now`` was read has it.
    over = Q(claimed_until__lte=now) | Q(claimed_until__gt=now + 2 * LEASE)
    unclaimed = Q(claimed_until=None) | over
    return unclaimed & Q(sent_at=None, created_at__gt=now - max_age)


def claim(waiting: Iterable[Row], max_age: timedelta) -> list[Row]:
    """Return those of the deliverable rows that this process alone may hand over, for LEASE."""
    return [
        row
        for row in waiting
        if _stored(row).filter(deliverable(max_age)).update(claimed_until=clock.now() + LEASE)
    ]


def addresses(subscribed: Q, company_id: str | None = None) -> list[str]:
    """Return the addresses of the active staff among the subscribed users.

    Who is bound to companies gets no mail but about one of them.
    """
    users = User.objects.filter(subscribed, is_staff=True, is_active=True).exclude(email="")
    return [
        user.email
        for user in users.order_by("pk")
        if (bound := bound_companies(user)) is None
        or (company_id is not None and within([company_id], bound))
    ]


def hand_over(messages: Iterable[tuple[MailedOnce, EmailMessage]]) -> int:
    """Mail what was claimed; return how much the mail server took.

    At most once: a row is marked as sent right before it is handed over. A crash or a failure
    before that, and a refusal, are tried again after LEASE. When the process or the connection
    breaks within the hand-over, nobody knows whether the server has it: it stays marked, and the
    admin shows it. Never call it within a transaction.
    """
    sent = 0
    try:
        with get_connection() as connection:
            for row, message in messages:
                sent += _hand_over(connection, row, message)
    except OSError as error:  # smtplib's are OSErrors, too
        logger.warning("Mail waits: no connection to the mail server (%s).", error)
    return sent


def _stored(row: MailedOnce) -> QuerySet[MailedOnce]:
    return type(row)._default_manager.filter(pk=row.pk)


def _hand_over(connection: BaseEmailBackend, row: MailedOnce, message: EmailMessage) -> bool:
    """Send one mail; False when it was refused. Raises OSError when the connection breaks."""
    stored, name = _stored(row), f"{in_english(row._meta.verbose_name)} {row.pk}"
    if not stored.filter(sent_at=None).update(sent_at=clock.now()):
        return False  # the claim ran out, and another process has handed it over
    try:
        connection.send_messages([message])
    except _REFUSED as error:
        stored.update(sent_at=None, claimed_until=clock.now() + LEASE)
        logger.warning("The %s waits: its mail was refused (%s).", name, error)
        return False
    except OSError:
        logger.error("Whether the %s was mailed is not known.", name)
        raise
    return True
