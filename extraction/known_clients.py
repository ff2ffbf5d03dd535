"""The API clients that this process has lately authenticated, for when the database is away."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.crypto import salted_hmac

from extraction.models import ApiClient

REMEMBERED_FOR = timedelta(hours=1)
REMEMBERED_AT_MOST = 1_000


@dataclass(frozen=True, slots=True)
class KnownClient:
    """An API client as it was when the database last knew it."""

    prefix: str
    name: str
    company_ids: tuple[str, ...]
    valid_until: datetime


class KnownClients:
    """Remembers clients by a keyed digest of what they presented. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: OrderedDict[str, KnownClient] = OrderedDict()

    def remember(self, key: str, client: ApiClient) -> None:
        """Keep a client that has just been authenticated, in place of the one longest unseen."""
        valid_until = timezone.now() + REMEMBERED_FOR
        if client.expiry_date is not None:
            valid_until = min(valid_until, client.expiry_date)
        known = KnownClient(
            prefix=client.prefix,
            name=client.name,
            company_ids=tuple(binding.company_id for binding in client.companies.all()),
            valid_until=valid_until,
        )
        digest = _digest(key)
        with self._lock:
            self._clients[digest] = known
            self._clients.move_to_end(digest)
            if len(self._clients) > REMEMBERED_AT_MOST:
                self._clients.popitem(last=False)

    def recall(self, key: str) -> KnownClient | None:
        """Return the client of this key, if it was authenticated here within the last hour."""
        with self._lock:
            known = self._clients.get(_digest(key))
        return known if known and timezone.now() < known.valid_until else None

    def forget(self, key: str) -> None:
        """Drop a key that the database no longer takes."""
        with self._lock:
            self._clients.pop(_digest(key), None)

    def clear(self) -> None:
        """Begin like a process that has just started."""
        with self._lock:
            self._clients.clear()


known_clients = KnownClients()


def _digest(key: str) -> str:
    return salted_hmac(__name__, key, algorithm="sha256").hexdigest()
