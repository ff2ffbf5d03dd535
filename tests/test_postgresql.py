from pathlib import Path

import pytest

from tests import postgresql


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide PostgreSQL, as on a machine without it."""
    monkeypatch.setattr(postgresql, "_DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_server")
def test_run_without_a_server_is_skipped_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CI", raising=False)

    assert postgresql.main(["-m", "vendor"]) == 0
    assert capsys.readouterr().out.startswith("SKIPPED on PostgreSQL: no PostgreSQL server is")


@pytest.mark.usefixtures("no_server")
def test_run_without_a_server_fails_where_it_must_prove_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")

    assert postgresql.main(["-m", "vendor"]) == 1
