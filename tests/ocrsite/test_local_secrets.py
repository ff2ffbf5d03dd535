import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from ocrsite.local_secrets import ensure_secrets_file


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_the_file_holds_three_usable_secrets(tmp_path: Path) -> None:
    made = values(ensure_secrets_file(tmp_path / "new" / "folder"))

    assert list(made) == ["SECRET_KEY", "TOKEN_ENCRYPTION_KEYS", "TOKEN_FINGERPRINT_KEY"]
    assert len(made["SECRET_KEY"]) >= 50
    Fernet(made["TOKEN_ENCRYPTION_KEYS"])
    assert len(made["TOKEN_FINGERPRINT_KEY"]) >= 32


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    assert ensure_secrets_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_an_existing_file_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("SECRET_KEY=mine\n")

    assert ensure_secrets_file(tmp_path).read_text() == "SECRET_KEY=mine\n"


def test_processes_that_start_together_share_one_set_of_secrets(tmp_path: Path) -> None:
    def ensure(_: int) -> str:
        return ensure_secrets_file(tmp_path).read_text()

    with ThreadPoolExecutor(8) as pool:
        seen = set(pool.map(ensure, range(32)))

    assert len(seen) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.env"]
