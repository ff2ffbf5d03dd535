"""What every app tells the audit list: who did what, to what, and why.

The list itself belongs to the app ``logs``, on which ``tokens`` does not stand: it registers here
what writes an entry. A domain function calls ``record`` inside the transaction of its change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models


class ActorKind(models.TextChoices):
    """What the name of an actor is the name of."""

    USER = "user", "User"
    CLIENT = "client", "API client"
    SYSTEM = "system", "This service"
    PROVIDER = "provider", "Provider"
    SQL = "SQL", "SQL by hand"
    STRANGER = "stranger", "Nobody known"


class Action(models.TextChoices):
    """What can be done that the list names."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"
    RESTORED = "restored", "Restored"
    RETRIED = "retried"
    READ_AGAIN = "read-again", "Had read again"
    CANCELLED = "cancelled"
    CORRECTED = "corrected"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPORTED = "exported"
    LOGGED_IN = "logged-in", "Logged in"
    LOGGED_OUT = "logged-out", "Logged out"
    LOG_IN_FAILED = "log-in-failed", "Failed to log in"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    CODE_GIVEN = "code-given", "Gave a code"
    CODE_FAILED = "code-failed", "Gave a wrong code"
    PASSWORD_CHANGED = "password-changed", "Password changed"
    PASSWORD_RESET = "password-reset", "Password reset by mail"
    FACTOR_ADDED = "factor-added", "Second factor set up"
    FACTOR_REMOVED = "factor-removed", "Second factor removed"
    NEW_CODES = "new-codes", "New recovery codes"
    TESTED = "tested"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Who:
    """Who did it: a kind, and the name that people know. Never a key."""

    kind: ActorKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class What:
    """What it was done to. ``kind`` is a word such as "extraction"; ``key`` names one of them."""

    kind: str
    key: str = ""
    name: str = ""
    company_id: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the list. ``before``, ``after`` and ``why`` are texts without secrets."""

    action: Action
    who: Who
    what: What
    before: str = ""
    after: str = ""
    why: str = ""
    address: str | None = None


SYSTEM = Who(ActorKind.SYSTEM)
_write: Callable[[Deed], int] | None = None


def register(write: Callable[[Deed], int]) -> None:
    """Have ``write`` store what is recorded from now on, and return the number of its row."""
    global _write
    _write = write


def record(action: Action, *, who: Who, what: What, **details: Any) -> int:
    """Add a line to the audit list, in the caller's transaction, and return its number.

    ``details`` as those of Deed. Raises RuntimeError before the app of the list is set up.
    """
    if _write is None:
        raise RuntimeError("The app logs is not set up.")
    return _write(Deed(action, who, what, **details))


def user(account: Any) -> Who:
    """Return a signed-in user as who did it."""
    return Who(ActorKind.USER, account.get_username())


def row(instance: models.Model, **other: Any) -> What:
    """Return a row as what it was done to; ``other`` replaces what it says of itself."""
    told = {
        "key": "" if instance.pk is None else str(instance.pk),
        "name": str(instance),
        "company_id": getattr(instance, "company_id", None),
        **other,
    }
    return What(str(instance._meta.verbose_name), **told)
