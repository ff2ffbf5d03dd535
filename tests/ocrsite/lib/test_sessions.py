import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db import Error, connection

from ocrsite.lib import database
from ocrsite.lib.sessions import SessionStore
from tests import pyodbc_errors
from tests.failing_database import failing
from tests.pyodbc_errors import DriverError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> SessionStore:
    """A session that is stored."""
    monkeypatch.setattr(database, "DEADLOCK_PAUSES", (0,))
    stored = SessionStore()
    stored["user"] = "asha"
    stored.create()
    connection.ensure_connection()
    return stored


def test_session_that_was_deleted_meanwhile_is_told_as_djangos(session: SessionStore) -> None:
    SessionStore(session.session_key).delete()

    with pytest.raises(UpdateError):
        session.save()


@pytest.mark.parametrize("error", [pyodbc_errors.LINK_LOST, pyodbc_errors.QUERY_TOO_LONG])
def test_database_that_is_away_is_told_as_such(session: SessionStore, error: DriverError) -> None:
    with failing(error, 3), pytest.raises(Error) as caught:
        session.save()

    assert database.is_unreachable(caught.value)
    assert caught.value.__cause__ is not None


def test_deadlock_is_repeated(session: SessionStore) -> None:
    session["user"] = "bikash"

    with failing(pyodbc_errors.DEADLOCK, 2) as failure:
        session.save()

    assert failure.happened
    assert SessionStore(session.session_key)["user"] == "bikash"
