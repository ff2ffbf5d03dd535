"""The daily mail about new error groups."""

from datetime import time, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q

from logs.models import ErrorDigest, ErrorGroup
from ocrsite.lib.email_outbox import addresses, claim, deliverable, hand_over
from ocrsite.lib.schedules import ensure_nightly

# As long as a mail server may be down over a long weekend; the admin shows the groups in any case.
MAX_AGE = timedelta(days=4)
# Groups that a mail lists at most.
LISTED = 50
_MESSAGE = 200  # characters of each


def gather() -> int:
    """Create a digest of the error groups that are in none yet; return how many.

    Each group is in one digest only, so that it is mailed at most once.
    """
    with transaction.atomic():
        digest = ErrorDigest.objects.create()
        count = ErrorGroup.objects.filter(digest=None).update(digest=digest)
        if not count:
            digest.delete()
    return count


def deliver_digests() -> int:
    """Mail new digests to the staff who subscribed; return how many the mail server took.

    At most once, and for MAX_AGE, as ``hand_over`` says. Without EMAIL_HOST nothing is mailed.
    Never call it within a transaction.
    """
    if not settings.EMAIL_HOST:
        return 0
    waiting = list(ErrorDigest.objects.filter(deliverable(MAX_AGE)))
    if not waiting or not (recipients := addresses(Q(error_subscription__daily_digest=True))):
        return 0
    return hand_over([(digest, _mail(digest, recipients)) for digest in claim(waiting, MAX_AGE)])


def ensure_schedules() -> None:
    """Schedule ``gather`` for every day at 5:00 UTC, unless it is scheduled."""
    ensure_nightly("gather_errors", "logs.emails.gather", time(5))


def _mail(digest: ErrorDigest, recipients: list[str]) -> EmailMessage:
    groups = ErrorGroup.objects.filter(digest=digest).order_by("-count", "group_id")
    count = groups.count()
    parts = [f"Errors that were logged for the first time since the last such mail: {count}."]
    parts += [_paragraph(group) for group in groups[:LISTED]]
    if count > LISTED:
        parts.append(f"And {count - LISTED} more.")
    parts.append("The admin lists them under Error groups, with every record.")
    subject = f"{count} new error{'' if count == 1 else 's'} in the log"
    return EmailMessage(subject, "\n\n".join(parts), to=recipients)


def _paragraph(group: ErrorGroup) -> str:
    message = group.message.partition("\n")[0][:_MESSAGE]
    return f"{group}\n{group.count} since {group.first_seen:%Y-%m-%d %H:%M} UTC: {message}"
