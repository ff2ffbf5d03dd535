"""Alerts by mail: retried until the mail server has them, never repeated."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from smtplib import SMTPNotSupportedError, SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from tokens.alerts import USED_UP, Alert, LedgerAlert, ThresholdAlert, deliverable
from tokens.models import TokenMaster, TokenUsageLog

logger = logging.getLogger(__name__)

# How long one process has to hand an alert over; after a failure, the wait for the next try.
LEASE = timedelta(minutes=5)
# After that a mail helps nobody; the admin goes on showing the alert.
MAX_AGE = timedelta(days=1)
WEEK = 7

_AnyAlert = ThresholdAlert | LedgerAlert

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
    messages = [
        *_claimed(
            ThresholdAlert.objects.filter(deliverable(MAX_AGE)).select_related("token"),
            Q(alert_subscription__threshold_alerts=True),
        ),
        *_claimed(
            LedgerAlert.objects.filter(deliverable(MAX_AGE), resolved_at=None),
            Q(alert_subscription__ledger_alerts=True),
        ),
    ]
    if not messages:
        return 0
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


def _claimed(waiting: Iterable[_AnyAlert], subscribed: Q) -> list[tuple[Alert, EmailMessage]]:
    """Claim the alerts for this process, if anybody wants them, and write their mails."""
    alerts = list(waiting)
    if not alerts or not (recipients := _addresses(subscribed)):
        return []
    claimed = [alert for alert in alerts if _claim(alert)]
    return [(alert, EmailMessage(*_text(alert), to=recipients)) for alert in claimed]


def _addresses(subscribed: Q) -> list[str]:
    users = User.objects.filter(subscribed, is_staff=True, is_active=True).exclude(email="")
    return list(users.order_by("pk").values_list("email", flat=True))


def _claim(alert: Alert) -> bool:
    unclaimed = _row(alert).filter(deliverable(MAX_AGE))
    return bool(unclaimed.update(claimed_until=timezone.now() + LEASE))


def _row(alert: Alert) -> QuerySet[Alert]:
    return type(alert)._default_manager.filter(pk=alert.pk)


def _hand_over(connection: BaseEmailBackend, alert: Alert, message: EmailMessage) -> bool:
    """Send one mail; False when it was refused. Raises OSError when the connection breaks."""
    row, name = _row(alert), f"{alert._meta.verbose_name} {alert.pk}"
    if not row.filter(sent_at=None).update(sent_at=timezone.now()):
        return False  # the claim ran out, and another process has handed it over
    try:
        connection.send_messages([message])
    except _REFUSED as error:
        row.update(sent_at=None, claimed_until=timezone.now() + LEASE)
        logger.warning("The %s waits: its mail was refused (%s).", name, error)
        return False
    except OSError:
        logger.error("Whether the %s was mailed is not known.", name)
        raise
    return True


def _text(alert: _AnyAlert) -> tuple[str, str]:
    """Subject and body of an alert's mail."""
    return _ledger_text(alert) if isinstance(alert, LedgerAlert) else _threshold_text(alert)


def _ledger_text(alert: LedgerAlert) -> tuple[str, str]:
    return "The token books are wrong", (
        "An audit found totals that their rows contradict:\n\n"
        f"{alert.findings}\n\n"
        "Look at them, then run manage.py audit_ledger --repair."
    )


def _threshold_text(alert: ThresholdAlert) -> tuple[str, str]:
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
    return subject, body


def _forecast_of(token: TokenMaster, remaining: int) -> str:
    now = timezone.now()
    week = TokenUsageLog.objects.filter(token=token, logged_at__gt=now - timedelta(days=WEEK))
    used = week.aggregate(total=Sum("total_tokens_used"))["total"] or 0
    # A token younger than a week has used that in its days so far.
    days = min(WEEK, max(1, (now - token.created_at).days))
    return forecast(remaining, used, days)
