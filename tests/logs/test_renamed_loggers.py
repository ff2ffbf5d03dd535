"""Levels that staff set survive the move of the modules that loggers are named after."""

import importlib
from importlib.util import find_spec

import pytest
from django.apps import apps

from logs.models import LoggerLevel

migration = importlib.import_module("logs.migrations.0006_renamed_loggers")


def levels() -> dict[str, str]:
    return dict(LoggerLevel.objects.values_list("logger", "level"))


@pytest.mark.django_db
def test_levels_follow_their_loggers_and_come_back() -> None:
    LoggerLevel.objects.create(logger="extraction.lease", level="DEBUG")
    LoggerLevel.objects.create(logger="extraction.pipeline", level="WARNING")
    LoggerLevel.objects.create(logger="extraction", level="ERROR")

    migration.forwards(apps, None)
    assert levels() == {
        "extraction.heartbeat": "DEBUG",
        "extraction.pipeline": "WARNING",
        "extraction.outcomes": "WARNING",
        "extraction": "ERROR",
    }

    migration.backwards(apps, None)
    assert levels() == {
        "extraction.lease": "DEBUG",
        "extraction.pipeline": "WARNING",
        "extraction": "ERROR",
    }


@pytest.mark.django_db
def test_a_level_of_the_new_name_stays() -> None:
    LoggerLevel.objects.create(logger="tokens.audit", level="DEBUG")
    LoggerLevel.objects.create(logger="tokens.ledger_audit", level="ERROR")

    migration.forwards(apps, None)

    assert levels() == {"tokens.ledger_audit": "ERROR"}


def test_every_new_name_is_a_module() -> None:
    assert [name for name in migration.MOVED.values() if find_spec(name) is None] == []
