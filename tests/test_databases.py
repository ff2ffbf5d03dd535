import pytest

from tests import databases


@pytest.mark.parametrize(("sqlite", "postgresql"), [(0, 0), (1, 0), (0, 1)])
def test_both_runs_must_succeed_and_both_are_shown(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], sqlite: int, postgresql: int
) -> None:
    script = "import sys; print('run', flush=True); sys.exit({})"
    monkeypatch.setattr(databases, "_SQLITE", ["-c", script.format(sqlite)])
    monkeypatch.setattr(databases, "_POSTGRESQL", ["-c", script.format(postgresql)])

    assert databases.main([]) == max(sqlite, postgresql)

    said = capfd.readouterr().out
    assert said.count("run\n") == 2
    assert "\nBoth runs took 0 min " in said
