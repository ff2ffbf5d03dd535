"""appSetting.txt: what is read, which errors are reported, and that none quotes the file."""

from pathlib import Path

import pytest
from django.core.checks import CheckMessage, run_checks
from pytest_django import Settings

from tests.tokens.rows import KEY
from tokens.app_setting import AppSettingError, degraded_key, gemini_key


@pytest.fixture(autouse=True)
def file(settings: Settings, tmp_path: Path) -> Path:
    settings.APP_SETTING_FILE = tmp_path / "appSetting.txt"
    settings.DEGRADED_MODE = None
    return tmp_path / "appSetting.txt"


def messages() -> list[CheckMessage]:
    return [found for found in run_checks() if str(found.id).startswith("tokens.")]


def test_without_a_file_there_is_no_key_and_no_warning() -> None:
    assert gemini_key() is None
    assert degraded_key() is None
    assert messages() == []


@pytest.mark.parametrize(
    "content",
    [
        f"GEMINI_API_KEY={KEY}",
        f"# The key\n\n  GEMINI_API_KEY = {KEY}  \n#GEMINI_API_KEY=other\nOTHER=x=y\n",
        f'GEMINI_API_KEY="{KEY}"\r\n',
        f"\ufeffGEMINI_API_KEY={KEY}\r\n",
    ],
    ids=["bare", "comments", "quoted", "windows"],
)
def test_key_is_found_among_comments_and_other_settings(file: Path, content: str) -> None:
    file.write_bytes(content.encode())

    assert gemini_key() == KEY
    assert degraded_key() == KEY
    assert messages() == []


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "GEMINI_API_KEY=\n", "OTHER=x\n"])
def test_file_without_a_key_is_no_key(file: Path, content: str) -> None:
    file.write_text(content)

    assert gemini_key() is None
    assert messages() == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (KEY.encode(), "line 1, is not of the form NAME=value"),
        (f"# key\nGEMINI_API_KEY: {KEY}".encode(), "line 2, is not of the form"),
        (f"GEMINI_API_KEY={KEY}\nGEMINI_API_KEY={KEY}2".encode(), "more than once"),
        (f"GEMINI_API_KEY={KEY} {KEY}".encode(), "characters that no key has"),
        (f"GEMINI_API_KEY={KEY}\u200b".encode(), "characters that no key has"),
        (f"GEMINI_API_KEY={KEY}".encode("utf-16"), "not text in UTF-8"),
    ],
)
def test_file_that_cannot_be_parsed_is_reported_at_start_without_its_content(
    file: Path, content: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_bytes(content)

    with pytest.raises(AppSettingError, match=reason) as raised:
        gemini_key()
    assert degraded_key() is None
    (warning,) = messages()

    assert warning.id == "tokens.W001"
    assert reason in warning.msg
    for text in (str(raised.value), str(warning), caplog.text):
        assert KEY[:12] not in text


def test_file_that_cannot_be_opened_is_reported_at_start(file: Path) -> None:
    file.mkdir()

    assert degraded_key() is None
    (warning,) = messages()
    assert warning.id == "tokens.W001"
    assert "cannot be read" in warning.msg


def test_degraded_mode_can_be_switched_off(file: Path, settings: Settings) -> None:
    file.write_text(f"GEMINI_API_KEY={KEY}")
    settings.DEGRADED_MODE = False

    assert degraded_key() is None


def test_degraded_mode_without_a_key_is_reported_at_start(settings: Settings) -> None:
    settings.DEGRADED_MODE = True

    assert degraded_key() is None
    (warning,) = messages()
    assert warning.id == "tokens.W002"
