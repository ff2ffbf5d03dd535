"""Alerts by mail: retried until the mail server has accepted them, never sent twice."""

from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q, Sum
from django.utils import timezone

from ocrsite.lib.database import each_for_itself
from ocrsite.lib.email_outbox import MailedOnce, addresses, claim, deliverable, hand_over
from tokens import companies
from tokens.models import (
    USED_UP,
    AlertKind,
    AlertRecipient,
    LedgerAlert,
    SiteAlert,
    ThresholdAlert,
    TokenMaster,
    TokenUsageLog,
)

# An older alert is no longer mailed; the admin goes on showing it.
MAX_AGE = timedelta(days=1)
WEEK = 7

_AnyAlert = ThresholdAlert | LedgerAlert | SiteAlert


def deliver_alerts() -> int:
    """Mail new alerts to who gets them; return how many the mail server accepted.

    Those are the staff who subscribed on their pages, and AlertRecipient. Each at most once, and
    for MAX_AGE (see ``hand_over``). Without EMAIL_HOST nothing is mailed. Never call it within a
    transaction.
    """
    if not settings.EMAIL_HOST:
        return 0
    young = deliverable(MAX_AGE)
    alerts: list[_AnyAlert] = [
        *ThresholdAlert.objects.filter(young).select_related("token"),
        *LedgerAlert.objects.filter(young, resolved_at=None),
        *SiteAlert.objects.filter(young, resolved_at=None),
    ]
    messages: list[tuple[MailedOnce, EmailMessage]] = []

    def write(alert: _AnyAlert) -> int:
        mail = _claimed(alert)
        messages.extend([mail] if mail else [])
        return 0

    try:
        each_for_itself(write, alerts)
    finally:
        sent = hand_over(messages) if messages else 0
    return sent


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


def _claimed(alert: _AnyAlert) -> tuple[MailedOnce, EmailMessage] | None:
    """Claim an alert for this process, if anybody gets it, and write its mail."""
    recipients = _recipients(alert)
    if not recipients or not claim([alert], MAX_AGE):
        return None
    return alert, EmailMessage(*_text(alert), to=recipients)


def _recipients(alert: _AnyAlert) -> list[str]:
    """The addresses that get an alert, each once: staff by their pages, then AlertRecipient."""
    subscribed = Q(pk__in=[])
    match alert:
        case ThresholdAlert():
            kind, company_id = AlertKind.THRESHOLD, alert.token.company_id
            subscribed = Q(alert_subscription__threshold_alerts=True)
        case LedgerAlert():
            kind, company_id = AlertKind.LEDGER, ""
            subscribed = Q(alert_subscription__ledger_alerts=True)
        case SiteAlert():
            kind, company_id = AlertKind(alert.kind), alert.company_id
    asked = AlertRecipient.objects.filter(
        Q(kind="") | Q(kind=kind), Q(company_id__in=["", *companies.spellings(company_id)])
    )
    users = Q(pk__in=[each.user_id for each in asked if each.user_id])
    named = [each.address for each in asked if each.address]
    return list(dict.fromkeys([*addresses(subscribed | users, company_id or None), *named]))


def _text(alert: _AnyAlert) -> tuple[str, str]:
    """Subject and body of an alert's mail."""
    match alert:
        case LedgerAlert():
            return _ledger_text(alert)
        case ThresholdAlert():
            return _threshold_text(alert)
        case SiteAlert():
            about = alert.get_kind_display() + (f": {alert.company_id}" if alert.company_id else "")
            return " ".join(about.split()), alert.text


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
