"""What every app tells the audit list: who did what, to what, and why.

The list itself belongs to the app ``logs``, on which ``tokens`` does not stand: it registers here
what writes an entry. A domain function calls ``record`` inside the transaction of its change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from ocrsite.lib.translations import in_english


class ActorKind(models.TextChoices):
    """What the name of an actor is the name of."""

    USER = "user", _("User")
    CLIENT = "client", _("API client")
    SYSTEM = "system", _("This service")
    PROVIDER = "provider", _("Provider")
    SQL = "SQL", _("SQL by hand")
    STRANGER = "stranger", _("Nobody known")


class Action(models.TextChoices):
    """What can be done that the list names."""

    ADDED = "added", _("Added")
    CHANGED = "changed", _("Changed")
    DELETED = "deleted", _("Deleted")
    RESTORED = "restored", _("Restored")
    RETRIED = "retried", _("Retried")
    READ_AGAIN = "read-again", _("Had read again")
    CANCELLED = "cancelled", _("Cancelled")
    CORRECTED = "corrected", _("Corrected")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    EXPORTED = "exported", _("Exported")
    LOGGED_IN = "logged-in", _("Logged in")
    LOGGED_OUT = "logged-out", _("Logged out")
    LOG_IN_FAILED = "log-in-failed", _("Failed to log in")
    LOCKED = "locked", _("Locked")
    UNLOCKED = "unlocked", _("Unlocked")
    CODE_GIVEN = "code-given", _("Gave a code")
    CODE_FAILED = "code-failed", _("Gave a wrong code")
    PASSWORD_CHANGED = "password-changed", _("Password changed")
    PASSWORD_RESET = "password-reset", _("Password reset by mail")
    FACTOR_ADDED = "factor-added", _("Second factor set up")
    FACTOR_REMOVED = "factor-removed", _("Second factor removed")
    NEW_CODES = "new-codes", _("New recovery codes")
    TESTED = "tested", _("Tested")
    ERASED = "erased", _("Erased")


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
        "name": in_english(instance),
        "company_id": getattr(instance, "company_id", None),
        **other,
    }
    return What(in_english(instance._meta.verbose_name), **told)
