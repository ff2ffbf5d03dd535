"""Guessing passwords and API keys takes longer with every failure.

The database counts for all processes. While something is locked, a process remembers it for up to
RECHECK_SECONDS (Django's cache ``locks``), so that the database is not asked for each guess.
"""

import logging
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from extraction.models import FailedAttempts
from ocrsite.lib import audit, clock
from ocrsite.lib.addresses import client_address, network_of
from ocrsite.lib.audit import SYSTEM, Action, What, Who
from ocrsite.lib.database import deadlocks_retried
from ocrsite.lib.errors import UserFacingError

logger = logging.getLogger(__name__)

CACHE = "locks"
RECHECK_SECONDS = 30.0
LONGEST_LOCK = timedelta(minutes=15)
# Then a row means nothing any more, whatever it is of.
FORGOTTEN_AFTER = timedelta(days=1)
# Above it the rows go whose last failure was longest ago.
MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose failures are counted: so many are free, and forgotten after so long without one."""

    name: str
    shown: str
    free: int = 5
    forgotten_after: timedelta = FORGOTTEN_AFTER


@dataclass(frozen=True, slots=True)
class Lock:
    """That something is locked for so long, after so many failures."""

    subject: Subject
    seconds: float
    failures: int
    is_first: bool = True
    """Whether it is the first one of a series of failures."""


class TooManyAttempts(UserFacingError):
    """Nothing is tried before ``retry_after`` has passed (429)."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(
            "too_many_attempts",
            HTTPStatus.TOO_MANY_REQUESTS.phrase,
            _("Too many attempts have failed. Try again in %s.") % _in_words(wait),
            HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=wait,
        )


def account(username: str) -> Subject:
    """Return the account of a user name, whether or not there is one."""
    return Subject(f"account:{_digest(username)}", f"the account {username!r}")


def codes(username: str) -> Subject:
    """Return the second factor of the account of a user name."""
    return Subject(f"codes:{_digest(username)}", f"the codes of the account {username!r}")


def resets(email: str, request: HttpRequest) -> list[Subject]:
    """Return what asking for mail that resets a password counts for: address of mail, and of IP."""
    mailed = Subject(f"mail:{_digest(email)}", "password resets of a mail address")
    places = [
        replace(place, name=f"mail-{place.name}", shown=f"password resets from {place.shown}")
        for place in address_of(request)
    ]
    return [mailed, *places]


def begun_log_ins(request: HttpRequest) -> list[Subject]:
    """Return what beginning a log-in elsewhere counts for: the address, until one succeeds."""
    return [
        replace(place, name=f"sso-{place.name}", shown=_begun_from(place.shown), free=100)
        for place in address_of(request)
    ]


def api_key(prefix: str) -> Subject:
    """Return the API key with this prefix."""
    return Subject(f"key:{prefix}", f"the API key {prefix}")


def address_of(request: HttpRequest) -> list[Subject]:
    """Return where a request came from: at most one; none where it would be the proxy.

    Many people can share an address, so more failures are free and they are forgotten sooner.
    """
    if settings.BEHIND_PROXY and not settings.TRUSTED_PROXIES:
        return []
    network = network_of(client_address(request))
    return [Subject(f"address:{network}", network, free=20, forgotten_after=timedelta(hours=1))]


def delay_after(failures: int, free: int) -> timedelta:
    """Return for how long the last of so many failures locks: 2, 4, 8 … seconds."""
    if failures <= free:
        return timedelta()
    return min(timedelta(seconds=2 ** min(failures - free, 20)), LONGEST_LOCK)


def require_unlocked(subjects: Sequence[Subject]) -> None:
    """Raise TooManyAttempts while one of these is locked."""
    _require_unlocked_in_memory(subjects)
    names = [subject.name for subject in subjects]
    for row in FailedAttempts.objects.filter(subject__in=names):
        if is_locked(row):
            _raise_locked(row)


def is_locked(row: FailedAttempts) -> bool:
    """Whether it is locked now.

    What is locked for much longer than anything ever is was so before the clock was set back.
    """
    return timedelta() < row.locked_until - clock.now() < 2 * LONGEST_LOCK


@deadlocks_retried
def count_attempt(subjects: Sequence[Subject]) -> list[Lock]:
    """Count a failure for each of these; return what is locked because of it.

    Raises TooManyAttempts when one was locked already. A password is tried after its failure was
    counted, or many could be tried at once; one that is right has it forgotten or taken back.
    """
    _require_unlocked_in_memory(subjects)
    with transaction.atomic():
        # In one order everywhere, so that no two transactions wait for each other.
        counted = [_count(subject) for subject in sorted(subjects, key=lambda each: each.name)]
    return [lock for lock in counted if lock.seconds]


def log_locks(locks: Sequence[Lock]) -> None:
    """Say what is locked."""
    for lock in locks:
        if lock.is_first:
            told = f"for {lock.seconds:.0f} s, after {lock.failures} failed attempts"
            audit.record(Action.LOCKED, who=SYSTEM, what=_audited(lock.subject.name), after=told)
        logger.warning(
            "Locked %s for %.0f seconds after %s failed attempts.",
            *(lock.subject.shown, lock.seconds, lock.failures),
            extra={"noise": "locked"},
        )


@deadlocks_retried
def forget(subject: Subject) -> None:
    """Begin again: somebody has proved to be this one."""
    FailedAttempts.objects.filter(subject=subject.name).delete()


@deadlocks_retried
def unlock(names: Collection[str], *, by: Who) -> int:
    """Forget the failures of the subjects of these names; return how many there were.

    Other processes may remember a lock for RECHECK_SECONDS.
    """
    with transaction.atomic():
        deleted, _ = FailedAttempts.objects.filter(subject__in=names).delete()
        for name in names:
            audit.record(Action.UNLOCKED, who=by, what=_audited(name))
    caches[CACHE].delete_many(names)
    return deleted


def shown(names: Iterable[str]) -> dict[str, str]:
    """Return for the names of subjects who each is, as far as it is known.

    An account whose user name nobody has is not: only a digest of what was typed is kept.
    """
    usernames = list(get_user_model().objects.values_list("username", flat=True))
    known = {each.name: each.shown for kind in (account, codes) for each in map(kind, usernames)}
    return {name: known.get(name) or _shown_by_name(name) for name in names}


@deadlocks_retried
def take_back(subjects: Sequence[Subject]) -> None:
    """Let an attempt that succeeded not count, and not lock."""
    names = [subject.name for subject in subjects]
    FailedAttempts.objects.filter(subject__in=names, failures__gt=0).update(
        failures=F("failures") - 1, locked_until=clock.now()
    )


def _digest(typed: str) -> str:
    return salted_hmac(__name__, typed.strip().casefold(), algorithm="sha256").hexdigest()


def _audited(name: str) -> What:
    """A subject as the audit list names it: an account only if there is one."""
    return What(name.partition(":")[0], name=shown([name])[name])


def _shown_by_name(name: str) -> str:
    match name.split(":", 1):
        case ["address", network]:
            return network
        case ["key", prefix]:
            return api_key(prefix).shown
        case ["sso-address", network]:
            return _begun_from(network)
        case ["mail-address", network]:
            return f"password resets from {network}"
        case ["mail", _]:
            return "password resets of a mail address"
        case _:
            return "an account that does not exist"


def _begun_from(network: str) -> str:
    return f"log-ins begun from {network}"


def _count(subject: Subject) -> Lock:
    now = clock.now()
    row, is_new = FailedAttempts.objects.select_for_update().get_or_create(
        subject=subject.name, defaults={"last_at": now, "locked_until": now}
    )
    if is_new:
        _limit_rows(now)
    if is_locked(row):
        _raise_locked(row)
    if row.last_at < now - subject.forgotten_after:
        row.failures = 0
    row.failures += 1
    row.last_at = now
    delay = delay_after(row.failures, subject.free)
    row.locked_until = now + delay
    row.save(update_fields=["failures", "last_at", "locked_until"])
    is_first = row.failures == subject.free + 1
    return Lock(subject, delay.total_seconds(), row.failures, is_first)


def _limit_rows(now: datetime) -> None:
    """Strangers can have rows made; they must not fill the database."""
    FailedAttempts.objects.filter(last_at__lt=now - FORGOTTEN_AFTER).delete()
    surplus = FailedAttempts.objects.count() - MOST_ROWS
    if surplus > 0:
        oldest = FailedAttempts.objects.order_by("last_at").values_list("pk", flat=True)[:surplus]
        FailedAttempts.objects.filter(pk__in=list(oldest)).delete()


def _require_unlocked_in_memory(subjects: Sequence[Subject]) -> None:
    now = timezone.now()  # this process's own: the shared clock may ask the database
    for subject in subjects:
        until: datetime | None = caches[CACHE].get(subject.name)
        if until is not None and until > now:
            raise TooManyAttempts(until - now)


def _raise_locked(row: FailedAttempts) -> None:
    wait = row.locked_until - clock.now()
    seconds = min(wait.total_seconds(), RECHECK_SECONDS)
    caches[CACHE].set(row.subject, timezone.now() + wait, timeout=seconds)
    raise TooManyAttempts(wait)


def _in_words(wait: timedelta) -> str:
    seconds = max(1, math.ceil(wait.total_seconds()))
    if seconds >= 120:
        return _("%d minutes") % math.ceil(seconds / 60)
    return _("%d seconds") % seconds if seconds > 1 else _("a second")
