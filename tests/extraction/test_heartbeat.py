"""The lease of an extraction is renewed while a process works on it."""

import threading
from datetime import timedelta

import pytest
from django.db import InterfaceError
from django.utils import timezone

from extraction import heartbeat as module
from extraction.heartbeat import heartbeat
from extraction.models import Extraction
from tests import pyodbc_errors
from tests.extraction.factories import make_extraction

pytestmark = pytest.mark.django_db(transaction=True)

AN_HOUR_AGO = timezone.now() - timedelta(hours=1)


def test_lease_is_renewed_while_the_work_goes_on_and_whatever_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("extraction.heartbeat.LEASE", timedelta(milliseconds=40))
    renewed = threading.Event()
    renew_lease = Extraction.objects.renew_lease
    outcomes = iter(
        [
            InterfaceError("gone for a moment"),
            pyodbc_errors.FAIL_OVER.wrapped(),
            pyodbc_errors.LINK_LOST.raised(),
            RuntimeError("whatever it is"),
        ]
    )

    def renew(extraction: Extraction) -> bool:
        for error in outcomes:
            raise error
        renewed.set()
        return renew_lease(extraction)

    monkeypatch.setattr(Extraction.objects, "renew_lease", renew)
    extraction = Extraction.objects.claim(make_extraction().pk, worker=None)
    assert extraction is not None
    Extraction.objects.update(leased_until=AN_HOUR_AGO)

    with heartbeat(extraction):
        assert renewed.wait(30)

    assert not Extraction.objects.abandoned(None).exists()
    assert [each.levelname for each in caplog.records] == ["WARNING"]  # once


def test_heartbeat_ends_when_the_lease_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extraction.heartbeat.LEASE", timedelta(milliseconds=4))
    ended = threading.Event()
    beat = module._beat

    def beat_to_the_end(extraction: Extraction, done: threading.Event) -> None:
        beat(extraction, done)
        ended.set()

    monkeypatch.setattr(module, "_beat", beat_to_the_end)

    with heartbeat(make_extraction()):
        assert ended.wait(30)
