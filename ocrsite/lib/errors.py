"""Errors that people and programs are told about."""

import math
from datetime import timedelta
from http import HTTPStatus


class UserFacingError(Exception):
    """An error with all that an answer says about it.

    ``code`` is stable and for machines; ``message`` names the case; ``detail`` says what happened
    and what to do, without internals. ``http_status`` is the status of the answer. ``retry_after``
    is the wait after which asking again is of use, where one is known.
    """

    def __init__(
        self,
        code: str,
        message: str,
        detail: str,
        http_status: int,
        *,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.message = message
        self.detail = detail
        self.http_status = http_status
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer: Retry-After, where the wait is known."""
        return {} if self.retry_after is None else {"Retry-After": whole_seconds(self.retry_after)}


class ServiceFault(UserFacingError):
    """The service could not do its part: 503. What was asked is not to blame; ask again later."""

    def __init__(self, code: str, message: str, detail: str) -> None:
        super().__init__(code, message, detail, 503, retry_after=timedelta(seconds=30))


class StorageUnavailable(ServiceFault):
    """The disk is full, broken or away, or the process has no file handles left: 503."""

    def __init__(self) -> None:
        super().__init__(
            "storage_unavailable",
            HTTPStatus.SERVICE_UNAVAILABLE.phrase,
            "The service cannot store files at the moment. Try again later.",
        )


class DatabaseUnavailable(UserFacingError):
    """The database cannot be reached: 503, from every endpoint."""

    def __init__(self) -> None:
        super().__init__(
            "database_unavailable",
            HTTPStatus.SERVICE_UNAVAILABLE.phrase,
            "The service cannot reach its database. Try again in a moment.",
            503,
            retry_after=timedelta(seconds=30),
        )


def whole_seconds(wait: timedelta) -> str:
    """Return a wait as the value of a Retry-After header: rounded up, at least 1."""
    return str(max(1, math.ceil(wait.total_seconds())))
