"""DATA_DIR, its secrets and the database belong together, or nothing is written."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.backends.signals import connection_created
from pytest_django import Settings

from extraction.worker import housekeeping
from ocrsite.lib import database_guard
from ocrsite.lib.database_guard import DatabaseRefused
from ocrsite.management.commands.serve import require_own_database
from tests.tokens.rows import make_token
from tokens import encryption, installation
from tokens.models import Installation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(database_guard, "_reason", None)
    monkeypatch.setattr(installation, "_verify_at", 0.0)
    return tmp_path


def set_other_secrets(settings: Settings) -> None:
    settings.TOKEN_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    settings.TOKEN_FINGERPRINT_KEY = "of another installation"


@contextmanager
def refused(text: str) -> Iterator[None]:
    """The block is refused with this text; what it asked for is not done."""
    rows = list(Installation.objects.values())
    with pytest.raises(DatabaseRefused, match=text):
        yield
    database_guard._reason = None
    assert list(Installation.objects.values()) == rows


def test_first_worker_binds_folder_and_database_and_later_ones_find_them_bound(
    data_dir: Path,
) -> None:
    for _ in range(2):
        installation.bind()

    bound = str(Installation.objects.get().installation_id)
    assert (data_dir / "installation").read_text() == f"{bound} {encryption.fingerprint(bound)}\n"
    assert (data_dir / "installation").stat().st_mode & 0o777 == 0o600


def test_second_machine_with_the_same_secrets_is_bound_to_the_same_database(
    settings: Settings, tmp_path: Path
) -> None:
    make_token()
    installation.bind()
    first = (tmp_path / "installation").read_text()
    settings.DATA_DIR = tmp_path / "second"

    installation.bind()

    assert (tmp_path / "second" / "installation").read_text() == first


def test_folder_of_another_installation_is_refused(data_dir: Path) -> None:
    installation.bind()
    other = uuid.uuid4()
    text = f"{other} {encryption.fingerprint(str(other))}\n"
    (data_dir / "installation").write_text(text)

    with refused(r"^The database is not the one of this DATA_DIR"):
        installation.bind()
    assert (data_dir / "installation").read_text() == text


def test_other_secrets_in_a_bound_folder_are_refused(settings: Settings) -> None:
    installation.bind()
    set_other_secrets(settings)

    with refused("The secrets of this installation do not fit"):
        installation.bind()


@pytest.mark.parametrize("bound_before", [True, False])
def test_secrets_that_open_no_key_of_the_database_are_refused_in_a_new_folder(
    settings: Settings, tmp_path: Path, bound_before: bool
) -> None:
    make_token()
    if bound_before:
        installation.bind()
    settings.DATA_DIR = tmp_path / "new"
    set_other_secrets(settings)

    with refused("The secrets of this installation do not fit"):
        installation.bind()
    assert not (tmp_path / "new").exists()


def test_fingerprint_key_alone_must_fit_too(settings: Settings) -> None:
    make_token()
    settings.TOKEN_FINGERPRINT_KEY = "of another installation"

    with refused("The secrets of this installation do not fit"):
        installation.bind()


def test_database_without_an_id_whose_keys_do_not_open_is_refused_in_a_bound_folder(
    settings: Settings,
) -> None:
    installation.bind()
    Installation.objects.all().delete()
    keys = settings.TOKEN_ENCRYPTION_KEYS
    settings.TOKEN_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    make_token()
    settings.TOKEN_ENCRYPTION_KEYS = keys

    with refused("The secrets of this installation do not fit"):
        installation.bind()


def test_new_database_in_a_bound_folder_gets_its_id(data_dir: Path) -> None:
    installation.bind()
    before = (data_dir / "installation").read_text()
    Installation.objects.all().delete()

    installation.bind()

    assert before.startswith(str(Installation.objects.get().installation_id))


def test_one_key_that_opens_is_enough(settings: Settings) -> None:
    make_token()
    set_other_secrets(settings)
    make_token(api_key="entered-again-after-the-restore")

    installation.bind()

    assert Installation.objects.count() == 1


def test_damaged_binding_is_made_anew_where_the_secrets_fit(data_dir: Path) -> None:
    make_token()
    (data_dir / "installation").write_text("nonsense")

    installation.bind()

    assert installation.problem() is None
    assert len((data_dir / "installation").read_text().split()) == 2


def test_database_whose_secrets_are_lost_can_be_adopted(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_token()
    settings.DATA_DIR = tmp_path / "new"
    set_other_secrets(settings)
    with refused("run manage.py adopt_database, then enter all keys again"):
        installation.bind()

    call_command("adopt_database")

    installation.bind()
    assert "enter all keys again" in capsys.readouterr().out


def test_serve_migrates_no_database_of_another_installation(settings: Settings) -> None:
    require_own_database()
    make_token()
    set_other_secrets(settings)

    with pytest.raises(CommandError, match="The secrets of this installation do not fit"):
        require_own_database()


def test_serve_begins_without_a_database() -> None:
    with mock.patch.object(Installation.objects, "first", side_effect=OperationalError):
        installation.bind()
        require_own_database()


@contextmanager
def guarded() -> Iterator[None]:
    """As in web and worker: new connections are verified."""
    connection_created.connect(installation._verify_connection)
    connection.close()
    try:
        yield
    finally:
        connection_created.disconnect(installation._verify_connection)
        database_guard._reason = None
        connection.close()


def test_new_connection_to_another_installations_database_is_refused(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    make_token()
    set_other_secrets(settings)

    with guarded():
        for _ in range(2):
            with pytest.raises(DatabaseRefused):
                make_token()
            assert connection.connection is None

    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("The secrets of this installation do not fit")


def test_new_connections_are_verified_at_most_every_few_seconds() -> None:
    installation.bind()

    with guarded(), mock.patch.object(installation, "problem", return_value=None) as problem:
        for _ in range(3):
            connection.ensure_connection()
            connection.close()

    assert problem.call_count == 1


def test_housekeeping_refuses_a_database_that_was_exchanged_and_does_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_failing", {})
    make_token()
    installation.bind()
    housekeeping.run_housekeeping()
    Installation.objects.update(installation_id=uuid.uuid4())
    done: list[bool] = []
    monkeypatch.setattr("tokens.ledger.release_dead", lambda: done.append(True))

    with refused("The database is not the one of this DATA_DIR"):
        housekeeping.run_housekeeping()

    assert done == []
