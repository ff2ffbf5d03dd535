import logging

import pytest
from django.db import OperationalError, ProgrammingError, connection

from ocrsite.lib import database

pytestmark = pytest.mark.django_db(transaction=True)


def test_work_is_done_again_until_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "RECHECK_SECONDS", 0)
    outcomes = iter([OperationalError("away"), OperationalError("away"), None])

    def act() -> str:
        if error := next(outcomes):
            raise error
        return "done"

    assert database.retry_while_unreachable(act) == "done"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_wrong_query_is_not_waited_for() -> None:
    connection.ensure_connection()

    def act() -> None:
        raise ProgrammingError("no such column")

    with pytest.raises(ProgrammingError):
        database.retry_while_unreachable(act)
