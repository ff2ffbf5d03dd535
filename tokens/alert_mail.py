"""Alerts by mail: retried until the mail server has them, never repeated."""

import logging
from datetime import timedelta
from smtplib import SMTPNotSupportedError, SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Sum
from django.utils import timezone

from tokens.alerts import USED_UP, ThresholdAlert
from tokens.models import TokenMaster, TokenUsageLog

logger = logging.getLogger(__name__)

# How long one process has to hand an alert over; after a failure, the wait for the next try.
LEASE = timedelta(minutes=5)
# After that a mail helps nobody; the admin goes on showing the alert.
MAX_AGE = timedelta(days=1)
WEEK = 7

# The mail server said no, or the message never left: it certainly has not got it.
_REFUSED = (SMTPResponseException, SMTPRecipientsRefused, SMTPNotSupportedError, ValueError)


def deliver_alerts() -> int:
    """Mail new alerts to the staff who subscribed; return how many the mail server took.

    At most once: an alert is marked as sent right before it is handed over. A crash or a failure
    before that, and a refusal, are tried again after LEASE, for MAX_AGE. When the process or the
    connection breaks within the hand-over, nobody knows whether the server has it: it stays
    marked, and the admin shows it. Without EMAIL_HOST nothing is mailed. Never call it within
    a transaction.
    """
    if not settings.EMAIL_HOST:
        return 0
    waiting = list(ThresholdAlert.objects.deliverable(MAX_AGE).select_related("token"))
    if not waiting or not (recipients := _subscribers()):
        return 0
    claimed = [alert for alert in waiting if _claim(alert)]
    messages = [(alert, _message(alert, recipients)) for alert in claimed]
    sent = 0
    try:
        with get_connection() as connection:
            for alert, message in messages:
                sent += _hand_over(connection, alert, message)
    except OSError as error:  # smtplib's are OSErrors, too
        logger.warning("Alerts wait: no connection to the mail server (%s).", error)
    return sent


def forecast(remaining: int, used: int, days: int) -> str:
    """Say when the remaining LLM tokens are used up at the pace of ``used`` in so many days."""
    if remaining <= 0:
        return "It is empty."
    if used <= 0:
        return "Nothing was used this week."
    left = remaining * days // used
    if left == 0:
        return "At this week's pace, empty in less than a day."
    return f"At this week's pace, empty in {left} {'day' if left == 1 else 'days'}."


def _subscribers() -> list[str]:
    users = User.objects.filter(
        is_staff=True, is_active=True, alert_subscription__threshold_alerts=True
    ).exclude(email="")
    return list(users.order_by("pk").values_list("email", flat=True))


def _claim(alert: ThresholdAlert) -> bool:
    unclaimed = ThresholdAlert.objects.deliverable(MAX_AGE).filter(pk=alert.pk)
    return bool(unclaimed.update(claimed_until=timezone.now() + LEASE))


def _hand_over(connection: BaseEmailBackend, alert: ThresholdAlert, message: EmailMessage) -> bool:
    """Send one mail; False when it was refused. Raises OSError when the connection breaks."""
    row = ThresholdAlert.objects.filter(pk=alert.pk)
    if not row.filter(sent_at=None).update(sent_at=timezone.now()):
        return False  # the claim ran out, and another process has handed it over
    try:
        connection.send_messages([message])
    except _REFUSED as error:
        row.update(sent_at=None, claimed_until=timezone.now() + LEASE)
        logger.warning("The alert on %s waits: its mail was refused (%s).", alert.token, error)
        return False
    except OSError:
        logger.error("Whether the alert on %s was mailed is not known.", alert.token)
        raise
    return True


def _message(alert: ThresholdAlert, recipients: list[str]) -> EmailMessage:
    token, left = alert.token, f"{alert.remaining} of {alert.limit} LLM tokens left"
    if alert.threshold == USED_UP:
        state = "is used up"
        body = f"Token {token} has {left}, too few for a call. Raise its limit to go on."
    else:
        state = "is running out"
        body = (
            f"Token {token} has {left}, less than its threshold of {alert.threshold}.\n"
            f"{_forecast_of(token, alert.remaining)}"
        )
    # A company id inserted by SQL may hold a line break, which no subject may.
    subject = " ".join(f"Token {token} {state}".split())
    return EmailMessage(subject, body, to=recipients)


def _forecast_of(token: TokenMaster, remaining: int) -> str:
    now = timezone.now()
    week = TokenUsageLog.objects.filter(token=token, logged_at__gt=now - timedelta(days=WEEK))
    used = week.aggregate(total=Sum("total_tokens_used"))["total"] or 0
    # A token younger than a week has used that in its days so far.
    days = min(WEEK, max(1, (now - token.created_at).days))
    return forecast(remaining, used, days)
