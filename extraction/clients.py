"""API clients: whose key a caller sent, how often it may call, and the change of its key."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from django.db import Error, transaction
from django.db.models import F, Q
from rest_framework_api_key.crypto import KeyGenerator

from extraction.models import (
    ApiClient,
    ApiClientCompany,
    ApiClientKey,
    ApiClientRequests,
    Extraction,
    State,
)
from ocrsite.lib import audit, clock
from ocrsite.lib.audit import Action, What, Who
from ocrsite.lib.database import deadlocks_retried
from ocrsite.lib.errors import UserFacingError

logger = logging.getLogger(__name__)

_MINUTE = timedelta(minutes=1)
_generator = KeyGenerator()


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A client, and when the key that it sent expires; None for never."""

    client: ApiClient
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Allowance:
    """Requests per minute that a client may make, how many are left, and seconds to the next."""

    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """The headers of draft-ietf-httpapi-ratelimit-headers-08."""
        return {
            "RateLimit-Policy": f'"minute";q={self.limit};w=60',
            "RateLimit": f'"minute";r={self.remaining};t={self.reset}',
        }


class TooManyRequests(UserFacingError):
    """A client has made its requests of this minute (429)."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(
            "too_many_requests",
            HTTPStatus.TOO_MANY_REQUESTS.phrase,
            f"This client may make {allowance.limit} requests a minute. Wait for Retry-After "
            "seconds, or ask an administrator for more.",
            HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=timedelta(seconds=allowance.reset),
        )
        self.allowance = allowance


class TooManyDocuments(UserFacingError):
    """As many documents of a client as it may have wait or are being read (429)."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "too_many_documents",
            HTTPStatus.TOO_MANY_REQUESTS.phrase,
            f"{most} documents of this client are waiting or being read, and it may have no more. "
            "Send the next one when one has ended.",
            HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=timedelta(seconds=2),
        )


def holder_of(key: str) -> KeyHolder | None:
    """Return whose valid API key this is; None for any other.

    A database may find prefixes that differ in case: the digests decide.
    """
    for client in _clients_named_in(key):
        for hashed_key, until in _keys_of(client):
            if _generator.verify(key, hashed_key):
                ends = min(filter(None, (until, client.expiry_date)), default=None)
                is_over = ends is not None and ends <= clock.now()
                return None if is_over else KeyHolder(client, ends)
    return None


def _clients_named_in(key: str) -> Iterator[ApiClient]:
    """Yield the clients one of whose keys has this prefix: most often it is the first key."""
    prefix = key.partition(".")[0]
    valid = ApiClient.objects.filter(revoked=False).order_by()
    yield from valid.filter(prefix=prefix)
    later = ApiClientKey.objects.filter(prefix=prefix)
    yield from valid.filter(pk__in=later.values("client"))


def _keys_of(client: ApiClient) -> Iterator[tuple[str, datetime | None]]:
    """Digest and end of each key; the later ones are asked for when it was not the first."""
    yield client.hashed_key, client.key_expires_at
    yield from client.keys.values_list("hashed_key", "expires_at")


def note_use(client: ApiClient) -> None:
    """Remember that the client called; written once a minute at most. Raises nothing."""
    now = clock.now()
    if client.last_used_at is None or now - client.last_used_at >= _MINUTE:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - _MINUTE)
        try:
            ApiClient.objects.filter(stale, pk=client.pk).update(last_used_at=now)
        except Error:
            logger.warning("The last use of %s was not noted.", client.name, exc_info=True)


@deadlocks_retried
def count_request(client: ApiClient) -> Allowance | None:
    """Count a request of a client that has a limit; None for one that has none.

    Minutes begin with the clock's. Raises TooManyRequests, and counts none then.
    """
    limit = client.requests_per_minute
    if limit is None:
        return None
    now = clock.now()
    minute = now.replace(second=0, microsecond=0)
    reset = 60 - now.second
    rows = ApiClientRequests.objects.filter(client=client)
    this_minute = rows.filter(minute=minute, number__lt=limit)
    if not (
        this_minute.update(number=F("number") + 1)
        or rows.filter(_other_than(minute)).update(minute=minute, number=1)
    ):
        begun = {"minute": minute, "number": 1}
        _, is_new = ApiClientRequests.objects.get_or_create(client=client, defaults=begun)
        # Another process may have begun the minute just now.
        if not is_new and not this_minute.update(number=F("number") + 1):
            raise TooManyRequests(Allowance(limit, 0, reset))
    number = rows.values_list("number", flat=True).get()
    return Allowance(limit, max(0, limit - number), reset)


def _other_than(minute: datetime) -> Q:
    """The minutes that are over, and those of before the clock was set back.

    The next one is neither: another process may have begun it just now.
    """
    return Q(minute__lt=minute) | Q(minute__gt=minute + _MINUTE)


def take_room(client: ApiClient) -> None:
    """Raise TooManyDocuments, or have nobody else add a document for the client meanwhile.

    For the beginning of the transaction that adds the document: others of this client wait until
    it ends, and count what it added. Clients without a limit do not wait.
    """
    if client.documents_at_a_time is not None:
        # Locks the row on every database, which SELECT … FOR UPDATE does not on SQLite.
        ApiClient.objects.filter(pk=client.pk).update(prefix=F("prefix"))
        require_room(client)


def require_room(client: ApiClient) -> None:
    """Raise TooManyDocuments where as many of its documents as it may have have not ended.

    Spares the work for a document that ``take_room`` would refuse.
    """
    most = client.documents_at_a_time
    if most is None:
        return
    pending = Extraction.objects.filter(
        client=f"client:{client.prefix}", state__in=[State.QUEUED, State.PROCESSING, State.WAITING]
    )
    if pending.count() >= most:
        raise TooManyDocuments(most)


def audited_as(client: ApiClient) -> What:
    """How the audit list names a client: by its prefix, which other tables name it by."""
    return audit.row(client, key=client.prefix, name=f"{client.name} ({client.prefix})")


def create(client: ApiClient, company_ids: Iterable[str], *, by: Who) -> str:
    """Insert a client for these companies and return its API key, the only time it can be seen.

    Raises ValidationError for scopes that exclude each other.
    """
    with transaction.atomic():
        key = ApiClient.objects.assign_key(client)
        client.save(force_insert=True)
        bind(client, company_ids, by=by)
    return key


def bind(client: ApiClient, company_ids: Iterable[str], *, by: Who) -> None:
    """Have a client act for these companies and no others, and record what that changes."""
    asked, rows = set(company_ids), ApiClientCompany.objects.filter(client=client)
    bound = {binding.company_id: binding for binding in rows}
    with transaction.atomic():
        for company_id in sorted(asked - bound.keys()):
            add_company(client, company_id, by=by)
        for company_id in sorted(bound.keys() - asked):
            audit.record(Action.DELETED, who=by, what=_bound(client, bound[company_id]))
            bound[company_id].delete()


def add_company(client: ApiClient, company_id: str, *, by: Who) -> None:
    """Have a client act for one company more, and record it. Raises IntegrityError if it does."""
    with transaction.atomic():
        binding = ApiClientCompany.objects.create(client=client, company_id=company_id)
        audit.record(Action.ADDED, who=by, what=_bound(client, binding))


def _bound(client: ApiClient, binding: ApiClientCompany) -> What:
    return audit.row(binding, name=f"{audited_as(client).name}: {binding}")


def revoke(client: ApiClient, *, by: Who) -> bool:
    """Accept none of a client's keys any more, for good, and record it; False where that is so."""
    with transaction.atomic():
        if not ApiClient.objects.filter(pk=client.pk, revoked=False).update(revoked=True):
            return False
        told = {"before": "revoked is off", "after": "revoked is on"}
        audit.record(Action.CHANGED, who=by, what=audited_as(client), **told)
    client.revoked = True
    return True


def change_key(client: ApiClient, *, keep_for: timedelta, by: Who) -> str:
    """Give the client another API key and return it, the only time that it can be seen.

    The latest key so far is accepted for ``keep_for`` longer, every other one no more.
    """
    key, prefix, hashed_key = _generator.generate()
    now = clock.now()
    with transaction.atomic():
        locked = ApiClient.objects.select_for_update().get(pk=client.pk)
        latest = locked.keys.filter(expires_at=None)
        ended = locked.keys.filter(expires_at__gt=now)
        ended.update(expires_at=now)
        if not latest.update(expires_at=now + keep_for):
            locked.key_expires_at = now + keep_for
        elif locked.key_expires_at is None or locked.key_expires_at > now:
            locked.key_expires_at = now
        locked.save(update_fields=["key_expires_at"])
        ApiClientKey.objects.create(client=locked, prefix=prefix, hashed_key=hashed_key)
        audit.record(
            Action.CHANGED,
            who=by,
            what=audited_as(locked),
            after=f"another key; the one before ends {now + keep_for:%Y-%m-%d %H:%M} UTC",
        )
    return key
