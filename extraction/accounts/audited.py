"""What accounts do and what is tried with them, for the audit list."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone

from logs.models import AuditEntry
from ocrsite.lib import audit
from ocrsite.lib.addresses import client_address
from ocrsite.lib.audit import Action, ActorKind, What, Who

# Entries of names that nobody has, within an hour: from one address, and in all.
FROM_ADDRESS = 5
OF_UNKNOWN = 100
UNKNOWN = What("account", name="an account that does not exist")


def by_user(action: Action, user: User, request: HttpRequest, **details: Any) -> None:
    """Record what a user did with the own account, and from where."""
    audit.record(
        action,
        who=audit.user(user),
        what=audit.row(user),
        address=client_address(request) or None,
        **details,
    )


def by_stranger(action: Action, username: str, request: HttpRequest | None) -> None:
    """Record that somebody tried an account.

    Where there is none of that name the entry does not tell it: what is typed in place of a user
    name may be a password. Strangers can type any number of them, so within an hour FROM_ADDRESS
    of an address are listed, and OF_UNKNOWN of all; the last one says so. Those of an account
    become few by themselves, since it is locked.
    """
    address = (client_address(request) if request else "") or None
    user = User.objects.filter(username=username).first()
    if user is not None:
        audit.record(action, who=Who(ActorKind.STRANGER), what=audit.row(user), address=address)
        return
    listed, from_address = _of_unknown(action, address)
    if listed >= OF_UNKNOWN or from_address >= FROM_ADDRESS:
        return
    after = ""
    if listed == OF_UNKNOWN - 1:
        after = "more of unknown names are not listed within the hour"
    elif from_address == FROM_ADDRESS - 1:
        after = "more from this address are not listed within the hour"
    audit.record(action, who=Who(ActorKind.STRANGER), what=UNKNOWN, after=after, address=address)


def _of_unknown(action: Action, address: str | None) -> tuple[int, int]:
    """How many entries of unknown names the last hour has, and how many from this address."""
    since = timezone.now() - timedelta(hours=1)
    listed = AuditEntry.objects.filter(
        action=action, timestamp__gt=since, object_type=UNKNOWN.kind, object_name=UNKNOWN.name
    ).order_by()
    counts = listed.aggregate(all=Count("pk"), here=Count("pk", filter=Q(address=address)))
    return counts["all"], counts["here"]
