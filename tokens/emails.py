"""Alerts by mail: retried until the mail server has accepted them, never sent twice."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q, Sum
from django.utils import timezone

from ocrsite.lib.email_outbox import MailedOnce, addresses, claim, deliverable, hand_over
from tokens.models import USED_UP, LedgerAlert, ThresholdAlert, TokenMaster, TokenUsageLog

# An older alert is no longer mailed; the admin goes on showing it.
MAX_AGE = timedelta(days=1)
WEEK = 7

_AnyAlert = ThresholdAlert | LedgerAlert


def deliver_alerts() -> int:
    """Mail new alerts to the staff who subscribed; return how many the mail server accepted.

    Each at most once, and for MAX_AGE (see ``hand_over``). Without EMAIL_HOST nothing is mailed.
    Never call it within a transaction.
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
    return hand_over(messages) if messages else 0


def forecast(remaining: int, used: int, days: int) -> str:
    """Say when the remaining LLM tokens are used up, if use goes on as in the last ``days``."""
    if remaining <= 0:
        return "It is empty."
    if used <= 0:
        return "Nothing was used this week."
    left = remaining * days // used
    if left == 0:
        return "At this week's pace, empty in less than a day."
    return f"At this week's pace, empty in {left} {'day' if left == 1 else 'days'}."


def _claimed(
    deliverable_alerts: Iterable[_AnyAlert], subscribed: Q
) -> list[tuple[MailedOnce, EmailMessage]]:
    """Claim the alerts for this process, if anybody subscribed to them, and write their mails."""
    told = {}
    for alert in deliverable_alerts:
        company_id = alert.token.company_id if isinstance(alert, ThresholdAlert) else None
        if recipients := addresses(subscribed, company_id):
            told[alert.pk] = alert, recipients
    return [
        (alert, EmailMessage(*_text(alert), to=told[alert.pk][1]))
        for alert in claim([alert for alert, _ in told.values()], MAX_AGE)
    ]


def _text(alert: _AnyAlert) -> tuple[str, str]:
    """Subject and body of an alert's mail."""
    return _ledger_text(alert) if isinstance(alert, LedgerAlert) else _threshold_text(alert)


def _ledger_text(alert: LedgerAlert) -> tuple[str, str]:
    return "The ledger is wrong", (
        "An audit found totals that their rows contradict:\n\n"
        f"{alert.findings}\n\n"
        "Look at them, then run manage.py audit_ledger --repair."
    )


def _threshold_text(alert: ThresholdAlert) -> tuple[str, str]:
    token, left = alert.token, f"{alert.remaining} of {alert.limit} LLM tokens left"
    if alert.threshold == USED_UP:
        state = "is used up"
        body = f"Key {token} has {left}, too few for a call. Raise its limit to go on."
    else:
        state = "is running out"
        body = (
            f"Key {token} has {left}, less than its threshold of {alert.threshold}.\n"
            f"{_forecast_of(token, alert.remaining)}"
        )
    # A company id inserted by SQL may hold a line break, which no subject may.
    subject = " ".join(f"Key {token} {state}".split())
    return subject, body


def _forecast_of(token: TokenMaster, remaining: int) -> str:
    now = timezone.now()
    week = TokenUsageLog.objects.filter(token=token, logged_at__gt=now - timedelta(days=WEEK))
    used = week.aggregate(total=Sum("total_tokens_used"))["total"] or 0
    # A key younger than a week has used that in the days that it exists.
    days = min(WEEK, max(1, (now - token.created_at).days))
    return forecast(remaining, used, days)
