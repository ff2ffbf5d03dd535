import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from extraction import first_steps
from extraction.management.commands import demo
from extraction.models import ApiClient
from ocrsite.management.commands import serve
from tests.running_site import ROOT, eventually, free_port
from tests.tokens.rows import make_token
from tokens.models import Provider, TokenMaster

pytestmark = pytest.mark.usefixtures("measured_processes")

URL = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: pytest.FixtureRequest) -> Path:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]  # pytest-django's wrapper
    return tmp_path


def credentials(data_dir: Path) -> dict[str, str]:
    return dict(json.loads((data_dir / "initial-credentials.json").read_text()))


@pytest.mark.django_db
def test_demo_writes_credentials_that_work(data_dir: Path) -> None:
    call_command("demo", url=URL, verbosity=0)

    first = credentials(data_dir)
    assert list(first) == ["url", "username", "password", "api_key", "company_id"]
    assert (first["url"], first["username"], first["company_id"]) == (URL, "admin", "DEMO")
    user = authenticate(username=first["username"], password=first["password"])
    assert user is not None
    assert user.is_superuser
    client = ApiClient.objects.get_from_key(first["api_key"])
    assert [
        company.company_id for company in ApiClient.objects.get(pk=client.pk).companies.all()
    ] == ["DEMO"]


@pytest.mark.django_db
def test_demo_gives_the_demo_company_an_offline_reader() -> None:
    call_command("demo", url=URL, verbosity=0)

    rows = TokenMaster.objects.values_list("company_id", "company_name", "provider", "status")
    assert list(rows) == [("DEMO", "Demo Trading", "Offline", "Active")]


@pytest.mark.django_db
@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_demo_keeps_the_credentials_from_other_users_of_the_machine(data_dir: Path) -> None:
    (data_dir / ".initial-credentials.json.draft").write_text("left by a crash")

    call_command("demo", url=URL, verbosity=0)

    assert (data_dir / "initial-credentials.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["initial-credentials.json"]


@pytest.mark.django_db
def test_demo_run_again_changes_nothing(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("demo")
    before = credentials(data_dir)
    capsys.readouterr()

    call_command("demo")

    assert credentials(data_dir) == before
    assert (get_user_model().objects.count(), ApiClient.objects.count()) == (1, 1)
    assert capsys.readouterr().out == "There are users already: nothing was created.\n"


@pytest.mark.django_db
def test_demo_makes_new_credentials_when_the_database_is_new(data_dir: Path) -> None:
    (data_dir / "initial-credentials.json").write_text("of a database that was removed")

    call_command("demo", url=URL, verbosity=0)

    assert authenticate(username="admin", password=credentials(data_dir)["password"])


@pytest.mark.django_db
def test_demo_leaves_an_installation_with_users_alone(data_dir: Path) -> None:
    get_user_model().objects.create_user("somebody")

    call_command("demo", url=URL, verbosity=0)

    assert list(get_user_model().objects.values_list("username", flat=True)) == ["somebody"]
    assert list(data_dir.iterdir()) == []


def test_greeting_shows_the_first_credentials(data_dir: Path) -> None:
    path = demo.credentials_file()
    path.write_text(
        '{"username": "admin", "password": "pass", "api_key": "a.key", "company_id": "DEMO"}'
    )

    assert serve.greeting(URL, ["Demo reads.", "A key goes there."]).splitlines() == [
        "",
        "ocrsite is ready: http://127.0.0.1:8000/",
        "  user      admin",
        "  password  pass",
        "  API key   a.key (company DEMO)",
        f"These were made on the first start and are kept in {path}",
        "Demo reads.",
        "A key goes there.",
        "Ctrl-C stops everything.",
    ]


@pytest.mark.django_db
def test_the_first_steps_are_told_until_there_is_a_key() -> None:
    assert first_steps.lines(URL) == []

    make_token("offline", company_id="DEMO", provider=Provider.OFFLINE)

    assert first_steps.lines(URL) == [
        "Demo reads offline: by rules, without a key, and nothing leaves this machine.",
        "A Gemini key reads more. It goes to Administration, Keys: "
        "http://127.0.0.1:8000/admin/tokens/tokenmaster/add/",
    ]

    make_token("gemini", company_id="DEMO")

    assert first_steps.lines(URL) == []


def test_greeting_is_brief_when_the_credentials_were_removed() -> None:
    assert serve.greeting(URL, []).splitlines() == [
        "",
        "ocrsite is ready: http://127.0.0.1:8000/",
        "Ctrl-C stops everything.",
    ]


def test_web_runs_in_gunicorns_processes_or_in_one_where_there_is_no_gunicorn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert serve.web_command()[1:] == ["-m", "gunicorn", "--config=python:ocrsite.gunicorn"]

    monkeypatch.setattr(sys, "platform", "win32")

    assert serve.web_command()[1:] == ["-m", "ocrsite.web_server"]


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_busy_port_is_rejected_with_another_one_to_try(busy_port: int) -> None:
    with pytest.raises(CommandError) as rejected:
        serve.require_free_port(busy_port, within_seconds=0.15)

    assert str(rejected.value) == (
        f"Port {busy_port} cannot be used (Address already in use). "
        f"Choose another: PORT={busy_port + 1} make run"
    )


def test_nothing_answers_on_a_port_without_a_site() -> None:
    assert serve.answers(free_port()) is False


@pytest.mark.crash
def test_serve_runs_the_site_until_it_is_asked_to_stop(data_dir: Path) -> None:
    environment = {
        **os.environ,
        "DATA_DIR": str(data_dir),
        "PORT": str(free_port()),
        "WORKERS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as site:
        assert site.stdout is not None
        ready = f"ocrsite is ready: http://127.0.0.1:{environment['PORT']}/\n"
        assert ready in iter(site.stdout.readline, "")
        assert serve.answers(int(environment["PORT"])) is True
        family = psutil.Process(site.pid).children(recursive=True)

        site.send_signal(signal.SIGTERM)

        assert site.stdout.readlines()[-1] == "Stopped.\n"
    assert site.returncode == 0
    for _ in eventually(20):
        if not [process for process in family if process.is_running()]:
            break


def test_site_starts_with_its_queue_on_redis(data_dir: Path) -> None:
    environment = {**os.environ, "DATA_DIR": str(data_dir), "REDIS_URL": "redis://127.0.0.1:9/0"}

    checked = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert checked.returncode == 0, checked.stderr
