"""What a failing SQL Server tells our code, through mssql-django and a connection like pyodbc's."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

# Those that mean that the database was asked wrongly.
WRONG = ("WRONG_COLUMN", "WRONG_SYNTAX", "DUPLICATE", "TOO_LONG")


@pytest.fixture(scope="module")
def told(measuring: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What is told of each error at each place."""
    printed = subprocess.run(
        [sys.executable, "-m", "tests.ocrsite.lib.sqlserver.lost_connection"],
        cwd=settings.BASE_DIR,
        env={**os.environ, **measuring, "DATABASE_URL": "mssql://user:password@host/ocr"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    answers: dict[str, dict[str, Any]] = json.loads(printed)
    return answers


def test_every_error_reaches_the_code_as_one_of_djangos(told: dict[str, dict[str, Any]]) -> None:
    assert len(told) == 14 * 5
    for place, answer in told.items():
        assert answer["class"].startswith("django.db.utils."), place


def test_every_error_keeps_its_state(told: dict[str, dict[str, Any]]) -> None:
    states = {place.split()[0]: answer["state"] for place, answer in told.items()}

    assert states["LINK_LOST"] == "08S01"
    for place, answer in told.items():
        assert answer["state"] == states[place.split()[0]]


def test_every_outage_means_unreachable_and_nothing_else_does(
    told: dict[str, dict[str, Any]],
) -> None:
    for place, answer in told.items():
        assert answer["unreachable"] is not place.startswith(WRONG), place
