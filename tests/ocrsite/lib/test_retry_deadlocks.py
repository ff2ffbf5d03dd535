from collections.abc import Iterator

import pytest
from django.db import Error, connection, transaction

from ocrsite.lib import database
from tests import pyodbc_errors
from tests.pyodbc_errors import DriverError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, in seconds."""
    made: list[float] = []
    monkeypatch.setattr("ocrsite.lib.database.time.sleep", made.append)
    connection.ensure_connection()
    return made


class Work:
    """Fails with these errors in turn, then succeeds."""

    def __init__(self, *errors: DriverError) -> None:
        self._errors: Iterator[DriverError] = iter(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        for error in self._errors:
            raise error.wrapped()
        return "done"


def test_victim_is_repeated_at_once_after_random_pauses(pauses: list[float]) -> None:
    work = Work(*[pyodbc_errors.DEADLOCK] * 3)

    assert database.retry_deadlocks(work) == "done"

    assert work.calls == 4
    assert all(
        0 <= pause <= longest
        for pause, longest in zip(pauses, database.DEADLOCK_PAUSES, strict=True)
    )


def test_one_deadlock_too_many_is_raised_and_means_unreachable() -> None:
    with pytest.raises(Error) as caught:
        database.retry_deadlocks(Work(*[pyodbc_errors.DEADLOCK] * 4))

    assert database.is_unreachable(caught.value)


@pytest.mark.parametrize("error", [pyodbc_errors.LINK_LOST, pyodbc_errors.WRONG_COLUMN])
def test_any_other_error_is_raised_at_once(error: DriverError, pauses: list[float]) -> None:
    work = Work(error)

    with pytest.raises(Error):
        database.retry_deadlocks(work)

    assert (work.calls, pauses) == (1, [])


def test_within_a_transaction_of_the_caller_nothing_is_repeated() -> None:
    """The server has undone the caller's part, too."""
    work = Work(pyodbc_errors.DEADLOCK)

    with pytest.raises(Error), transaction.atomic():
        database.retry_deadlocks(work)

    assert work.calls == 1


def test_decorated_function_passes_arguments_and_result() -> None:
    failing = Work(pyodbc_errors.DEADLOCK)

    @database.deadlocks_retried
    def add(first: int, *, second: int) -> int:
        failing()
        return first + second

    assert add(1, second=2) == 3
    assert failing.calls == 2


def test_work_that_waits_goes_on_after_deadlocks_without_end(pauses: list[float]) -> None:
    work = Work(*[pyodbc_errors.DEADLOCK] * 9, pyodbc_errors.FAIL_OVER)

    assert database.retry_while_unreachable(work) == "done"

    assert pauses.count(database.RECHECK_SECONDS) == 3
