import shutil
from pathlib import Path

import pytest
from pytest_django import Settings

from extraction import bounded


@pytest.fixture
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    """Store the files of one test in a data folder of its own."""
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


@pytest.fixture
def no_poppler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide poppler, as on a machine without it."""
    which = shutil.which
    hidden = bounded.POPPLER_TOOLS
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool in hidden else which(tool))


@pytest.fixture(params=["poppler", "pdfium"])
def either_renderer(request: pytest.FixtureRequest) -> None:
    """Run a test with poppler and with the fall-back for machines without it."""
    if request.param == "pdfium":
        request.getfixturevalue("no_poppler")
    elif not bounded.poppler_installed():
        pytest.skip("poppler is not installed")
