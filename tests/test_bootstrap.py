"""Set-up on temporary copies: a wheel of one file stands for the packages, no network needed."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import bootstrap
from tests.running_site import ROOT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wheels") / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "ANSWER = 42\n")
        archive.writestr(
            "tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(
            "tiny-1.0.dist-info/RECORD",
            "tiny.py,,\ntiny-1.0.dist-info/METADATA,,\ntiny-1.0.dist-info/WHEEL,,\n"
            "tiny-1.0.dist-info/RECORD,,\n",
        )
    return path


@pytest.fixture(scope="session", autouse=True)
def offline_pip(wheel: Path) -> Iterator[None]:
    """Pip finds the tiny wheel and nothing else, whatever this machine's pip is told."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheel.parent))
        yield


@pytest.fixture(autouse=True)
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """No system program is wanted, unless a test says so."""
    monkeypatch.setattr(bootstrap, "NEEDED", {profile: [] for profile in bootstrap.LOCKS})


@dataclass(frozen=True)
class Project:
    root: Path
    output: str  # of its set-up


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Project:
    """A small project, set up by its own copy of the script."""
    root = tmp_path_factory.mktemp("project")
    other_platform = f"other==1.0 ; sys_platform == 'none' --hash=sha256:{'0' * 64}\n"
    locked(root, wheel, extra=other_platform)
    programs = root / "programs"
    programs.mkdir()
    (programs / "pdftoppm").symlink_to("/bin/true")
    shutil.copy(ROOT / "bootstrap.py", root)
    finished = subprocess.run(
        [sys.executable, "bootstrap.py", "run"],
        cwd=root,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return Project(root, finished.stdout)


@pytest.fixture
def apt_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get of our own, first on the PATH: notes its arguments, exits with APT_EXIT's next."""
    folder = tmp_path / "bin"
    folder.mkdir()
    log = tmp_path / "apt.log"
    script = folder / "apt-get"
    script.write_text(
        f'#!/bin/sh\necho "$1" >> {log}\necho "Get:1 http://deb bookworm/main amd64 thing 1.0"\n'
        'echo "Setting up thing (1.0) ..."\n'
        f'[ "$1" = update ] && exit 0\n[ "$(grep -c install {log})" -gt "${{APT_FAILS:-0}}" ]\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return log


def locked(root: Path, wheel: Path, *, digest: str | None = None, extra: str = "") -> Path:
    """A project whose lock pins the tiny wheel."""
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    (root / "requirements.txt").write_text(f"tiny==1.0 \\\n    --hash=sha256:{digest}\n{extra}")
    return root


def test_set_up_makes_an_environment_with_the_locked_packages(project: Project) -> None:
    python = bootstrap.venv_python(project.root / ".venv")

    answer = subprocess.check_output([python, "-c", "import tiny; print(tiny.ANSWER)"], text=True)

    assert answer == "42\n"
    assert project.output.splitlines() == [
        "Setting up .venv …",
        "Installing packages from requirements.txt …",
        "  [1/1] tiny-1.0-py3-none-any.whl",
        "  unpacking …",
    ]


def test_set_up_does_nothing_while_the_lock_stays(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    bootstrap.set_up(project.root, "run")

    assert capfd.readouterr().out == ""


def test_set_up_installs_again_when_the_lock_changes(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    with (project.root / "requirements.txt").open("a") as lock:
        lock.write("# changed\n")

    bootstrap.set_up(project.root, "run")
    assert "Installing packages from requirements.txt …" in capfd.readouterr().out

    bootstrap.set_up(project.root, "run")
    assert capfd.readouterr().out == ""


def test_set_up_makes_the_environment_anew_when_its_python_is_gone(
    tmp_path: Path, wheel: Path
) -> None:
    bin_folder = bootstrap.venv_python(tmp_path / ".venv").parent
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").symlink_to(tmp_path / "removed-python")

    bootstrap.set_up(locked(tmp_path, wheel), "run")

    assert (bin_folder / "python").exists()


def test_set_up_refuses_a_package_whose_hash_is_not_the_locked_one(
    tmp_path: Path, wheel: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    locked(tmp_path, wheel, digest="0" * 64)

    with pytest.raises(bootstrap.SetupError, match="could not be installed"):
        bootstrap.set_up(tmp_path, "run")

    assert "DO NOT MATCH THE HASHES" in capfd.readouterr().out
    assert list((tmp_path / ".venv").glob("*.installed")) == []


def test_set_up_says_so_when_the_environment_cannot_be_made(tmp_path: Path, wheel: Path) -> None:
    (tmp_path / ".venv").write_text("in the way")

    with pytest.raises(bootstrap.SetupError, match="could not be made"):
        bootstrap.set_up(locked(tmp_path, wheel), "run")


def test_set_up_names_the_missing_venv_package_where_it_may_not_install_it(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "_runs", lambda python, statement: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(bootstrap.SetupError, match=r"sudo apt-get install -y python3\.\d+-venv$"):
        bootstrap.set_up(locked(tmp_path, wheel), "run")


def test_set_up_installs_the_missing_venv_package_as_root(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch, apt_log: Path
) -> None:
    monkeypatch.setattr(bootstrap, "_runs", lambda python, statement: False)
    (tmp_path / ".venv").write_text("in the way")  # a real environment takes seconds to make

    with pytest.raises(bootstrap.SetupError, match="could not be made"):
        bootstrap.set_up(locked(tmp_path, wheel), "run")

    assert apt_log.read_text() == "install\n"


def want_a_program(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(bootstrap, "NEEDED", {"run": [(name, "thing")]})


def test_a_missing_program_is_installed_as_root(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    apt_log: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    want_a_program(monkeypatch, "no-such-program")

    bootstrap.set_up(project.root, "run")

    assert apt_log.read_text() == "install\n"
    assert capfd.readouterr().out.splitlines()[-3:] == [
        "Installing Debian's thing …",
        "  fetching thing",
        "  thing is installed",
    ]


def test_package_lists_are_fetched_when_apt_knows_no_such_package(
    project: Project, monkeypatch: pytest.MonkeyPatch, apt_log: Path
) -> None:
    want_a_program(monkeypatch, "no-such-program")
    monkeypatch.setenv("APT_FAILS", "1")

    bootstrap.set_up(project.root, "run")

    assert apt_log.read_text() == "install\nupdate\ninstall\n"


def test_set_up_goes_on_without_a_program_that_it_may_not_install(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    apt_log: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    want_a_program(monkeypatch, "no-such-program")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    bootstrap.set_up(project.root, "run")

    assert not apt_log.exists()
    assert capfd.readouterr().out.splitlines()[-1] == "    sudo apt-get install -y thing"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names of Linux")
def test_a_missing_library_is_installed_as_root(
    project: Project, monkeypatch: pytest.MonkeyPatch, apt_log: Path
) -> None:
    want_a_program(monkeypatch, "libnosuch.so.9")

    bootstrap.set_up(project.root, "run")

    assert apt_log.read_text() == "install\n"


@pytest.mark.parametrize("name", ["sh", "libc.so.6"])
def test_what_is_there_is_left_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch, apt_log: Path, name: str
) -> None:
    want_a_program(monkeypatch, name)

    bootstrap.set_up(project.root, "run")

    assert not apt_log.exists()


def test_the_command_line_names_the_profiles(capfd: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main([]) == 2
    assert capfd.readouterr().out == "usage: python3 bootstrap.py run|dev|test\n"


def test_an_old_python_is_told_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:

    monkeypatch.setattr(sys, "version_info", (3, 9, 2))

    assert bootstrap.main(["run"]) == 1
    assert "ocrsite needs Python 3.11 or newer" in capfd.readouterr().out


def test_a_failed_set_up_ends_the_command_line_with_its_advice(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(root: Path, profile: str) -> None:
        raise bootstrap.SetupError("Do this.")

    monkeypatch.setattr(bootstrap, "set_up", fail)

    assert bootstrap.main(["run"]) == 1
    assert capfd.readouterr().out == "Do this.\n"


def test_the_command_line_sets_up_the_folder_of_the_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[Path, str]] = []
    monkeypatch.setattr(bootstrap, "set_up", lambda root, profile: calls.append((root, profile)))

    assert (bootstrap.main(["test"]), calls) == (0, [(ROOT, "test")])
