"""What accounts do and what is tried with them, for the audit list."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from ocrsite.lib import audit
from ocrsite.lib.addresses import client_address
from ocrsite.lib.audit import Action, ActorKind, Who


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
    """Record that somebody tried an account, where there is one of that name.

    What is typed in place of a user name may be a password, and strangers can type any number of
    them; those of an account become few, since it is locked.
    """
    user = User.objects.filter(username=username).first()
    if user is not None:
        address = client_address(request) if request else ""
        audit.record(
            action, who=Who(ActorKind.STRANGER), what=audit.row(user), address=address or None
        )
