"""The three places that list the configuration say the same; wrong values stop the start."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import redis
from packaging.requirements import Requirement

from tests.running_site import ROOT


def shown(default: ast.expr) -> str:
    """A default as people write it in ``.env``."""
    if isinstance(default, ast.BinOp):  # BASE_DIR / "var"
        default = default.right
    value = ast.literal_eval(default)
    return ",".join(value) if isinstance(value, list) else str(value)


def read_by_settings() -> dict[str, str]:
    """Every ``env.<type>("NAME", default)`` of settings.py; a secret without default is empty."""
    calls = [
        node
        for node in ast.walk(ast.parse((ROOT / "ocrsite/settings.py").read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.func.attr != "read_env"
    ]
    return {
        ast.literal_eval(call.args[0]): shown(call.args[1]) if len(call.args) > 1 else ""
        for call in calls
    }


def listed_in(file: str, line: str) -> dict[str, str]:
    rows: list[tuple[str, str]] = re.findall(
        line, (ROOT / file).read_text("utf-8"), flags=re.MULTILINE
    )
    assert len(rows) == len(dict(rows)), "listed twice"
    return dict(rows)


def test_env_example_lists_every_setting_with_its_default() -> None:
    assert listed_in(".env.example", r"^# ([A-Z_]+)=(.*)$") == read_by_settings()


def test_readme_lists_every_setting_with_its_default() -> None:
    table = listed_in("README.md", r"^\| `([A-Z_]+)` \|\s*(?:`(.*?)`|[^|`]*?)\s*\|")

    assert table == read_by_settings()


def start(
    data_dir: Path,
    script: str = "import ocrsite.settings as s; print(s.SECRET_KEY, s.MAX_PAGES)",
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of their own."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_secrets_are_made_once_for_every_process_of_an_installation(tmp_path: Path) -> None:
    first, second = start(tmp_path), start(tmp_path)

    assert first.stdout == second.stdout
    assert (
        (tmp_path / "secrets.env").read_text().startswith(f"SECRET_KEY={first.stdout.split()[0]}\n")
    )


def test_the_environment_wins_over_the_secrets_of_the_installation(tmp_path: Path) -> None:
    assert start(tmp_path, SECRET_KEY="given", MAX_PAGES="7").stdout == "given 7\n"


@pytest.mark.parametrize(
    ("file", "mode", "shown"),
    [
        ("appSetting.txt", "", "{}/appSetting.txt None\n"),
        ("/etc/ocrsite/appSetting.txt", "true", "/etc/ocrsite/appSetting.txt True\n"),
        ("keys.txt", "False", "{}/keys.txt False\n"),
    ],
)
def test_degraded_mode_and_its_file(tmp_path: Path, file: str, mode: str, shown: str) -> None:
    script = "import ocrsite.settings as s; print(s.APP_SETTING_FILE, s.DEGRADED_MODE)"

    started = start(tmp_path, script, APP_SETTING_FILE=file, DEGRADED_MODE=mode)

    assert started.stdout == shown.format(tmp_path)


@pytest.mark.parametrize(
    ("url", "connect_timeout"),
    [("redis://h/0", 5.0), ("redis://h/0?socket_connect_timeout=2", 2.0)],
)
def test_redis_that_does_not_answer_is_given_up(
    tmp_path: Path, url: str, connect_timeout: float
) -> None:
    script = "import ocrsite.settings as s; print(s.Q_CLUSTER['redis'])"

    address = start(tmp_path, script, REDIS_URL=url).stdout.strip()

    options = redis.Redis.from_url(address).connection_pool.connection_kwargs
    assert (options["socket_connect_timeout"], options["socket_timeout"]) == (connect_timeout, 10.0)


def test_retention_by_level_and_of_files(tmp_path: Path) -> None:
    script = (
        "import ocrsite.settings as s; print(s.LOG_RETENTION_DAYS_PER_LEVEL, s.FILE_RETENTION_DAYS)"
    )

    assert start(tmp_path, script).stdout == "{} None\n"
    started = start(
        tmp_path,
        script,
        LOG_RETENTION_DAYS_PER_LEVEL="DEBUG=7,ERROR=365",
        FILE_RETENTION_DAYS="730",
    )
    assert started.stdout == "{'DEBUG': 7, 'ERROR': 365} 730\n"


def test_hosts_that_webhooks_may_call(tmp_path: Path) -> None:
    script = "import ocrsite.settings as s; print(s.WEBHOOK_HOSTS)"

    assert start(tmp_path, script).stdout == "[]\n"
    started = start(tmp_path, script, WEBHOOK_HOSTS="erp.example.com,*.example.org:8443,[::1]:9")
    assert started.stdout == "['erp.example.com', '*.example.org:8443', '[::1]:9']\n"


def test_weights_of_companies(tmp_path: Path) -> None:
    script = "import ocrsite.settings as s; print(s.COMPANY_WEIGHTS)"

    assert start(tmp_path, script).stdout == "{}\n"
    started = start(tmp_path, script, COMPANY_WEIGHTS="NT047=3, Rubi Traders = 0.5")
    assert started.stdout == "{'nt047': 3.0, 'rubi traders': 0.5}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_PAGES", "0"),
        ("COMPANY_WEIGHTS", "NT047"),
        ("COMPANY_WEIGHTS", "NT047=0"),
        ("COMPANY_WEIGHTS", "NT047=0.0"),
        ("COMPANY_WEIGHTS", "NT047=-1"),
        ("COMPANY_WEIGHTS", "NT047=nan"),
        ("COMPANY_WEIGHTS", "=2"),
        ("WORKERS", "many"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_RETENTION_DAYS_PER_LEVEL", "DEBUG=7,LOUD=3"),
        ("LOG_RETENTION_DAYS_PER_LEVEL", "ERROR"),
        ("FILE_RETENTION_DAYS", "0"),
        ("LOG_LEVELS", "extraction=LOUD"),
        ("LOG_LEVELS", "extraction"),
        ("DEGRADED_MODE", "perhaps"),
        ("WEBHOOK_HOSTS", "https://erp.example.com"),
        ("WEBHOOK_HOSTS", "*"),
        ("FETCH_HOSTS", "a b"),
        ("ALERT_PERCENTS", "80,101"),
        ("ALERT_PERCENTS", "0"),
        ("BACKUP_MAX_HOURS", "0"),
        ("WEBHOOK_HOSTS", "erp.example.com:0"),
        ("DATABASE_URL", "oracle://x/y"),
    ],
)
def test_a_wrong_value_stops_the_start_and_is_named(tmp_path: Path, name: str, value: str) -> None:
    refused = start(tmp_path, **{name: value})

    assert refused.returncode == 1
    assert name in refused.stderr.splitlines()[-1]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_pins_every_dependency_within_its_range(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"]
    if lock == "requirements-dev.txt":
        wanted = wanted + project["dependency-groups"]["dev"]
    pins = listed_in(lock, r"^([a-z0-9.-]+)==(\S+)")

    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pins[requirement.name]), f"{requirement}: make lock"
