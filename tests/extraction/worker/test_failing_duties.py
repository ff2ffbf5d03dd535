"""SQL Server fails at each call in turn of a worker's duties: each is done once in the end."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from extraction import erasing, liveness
from extraction.alert_watch import LOOKS, Watch
from extraction.models import (
    DeliveryState,
    Erasure,
    ErasureScope,
    Extraction,
    State,
    WebhookDelivery,
    Worker,
)
from extraction.webhooks import endpoints
from extraction.webhooks.alerts import tell_alerts
from extraction.webhooks.batches import tell_batches
from extraction.webhooks.delivery import Deliverer
from extraction.worker.presence import Presence
from ocrsite.lib import database, outbound
from tests.extraction.factories import make_extraction
from tests.extraction.webhooks.conftest import ALL, drain
from tests.extraction.webhooks.test_bad_rows import ended_batch
from tests.failing_database import failing
from tests.https_receiver import https_receiver
from tests.pyodbc_errors import DEADLOCK, KILLED, LINK_LOST, DriverError
from tokens.models import AlertKind, Finding, SiteAlert, TokenMaster

pytestmark = pytest.mark.django_db(transaction=True)

AN_HOUR_AGO = timezone.now() - timedelta(hours=1)
# Only the first is run with coverage, which takes as long again: they take the same way.
every_kind = pytest.mark.parametrize(
    "error",
    [
        pytest.param(LINK_LOST, id="lost"),
        pytest.param(KILLED, id="killed", marks=pytest.mark.no_cover),
        pytest.param(DEADLOCK, id="deadlock", marks=pytest.mark.no_cover),
    ],
)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "DEADLOCK_PAUSES", (0, 0, 0))


@pytest.fixture
def endpoint(settings: Settings) -> None:
    settings.WEBHOOK_HOSTS = ["hooks.example"]
    endpoints.add(company_id="NT047", url="https://hooks.example/in", events=ALL, by="asha")


def try_every_call(
    error: DriverError,
    prepare: Callable[[], object],
    duty: Callable[[], object],
    check: Callable[[], None],
) -> None:
    """Do the duty with each call failing once, then as often again as a worker would."""
    for at in count(1):
        prepare()
        connection.ensure_connection()
        with failing(error, at) as failure:
            try:
                duty()
            except Exception:
                database.drop_connections()  # as the duty's thread does
        for _ in range(2):
            duty()
        check()
        if failure.calls < at:
            break
    assert at > 2


@every_kind
@pytest.mark.usefixtures("endpoint")
def test_alert_is_told_once(error: DriverError) -> None:
    def prepare() -> None:
        WebhookDelivery.objects.all().delete()
        SiteAlert.objects.all().delete()
        SiteAlert.objects.raise_once(AlertKind.FAILURES, "many", Finding("Many.", "NT047"))

    def check() -> None:
        assert WebhookDelivery.objects.count() == 1

    try_every_call(error, prepare, tell_alerts, check)


@every_kind
@pytest.mark.usefixtures("endpoint")
def test_batch_is_told_once(error: DriverError) -> None:
    def prepare() -> None:
        WebhookDelivery.objects.all().delete()
        Extraction.objects.all().delete()
        ended_batch()

    def check() -> None:
        assert WebhookDelivery.objects.count() == 1

    try_every_call(error, prepare, tell_batches, check)


@every_kind
def test_message_is_delivered(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: DriverError
) -> None:
    with https_receiver() as receiver:
        monkeypatch.setattr(outbound, "INTERNET", receiver.network())
        settings.WEBHOOK_HOSTS = [receiver.allowed]
        endpoint, _ = endpoints.add(company_id="NT047", url=receiver.url, events=ALL, by="asha")
        deliverer = Deliverer()

        def prepare() -> None:
            WebhookDelivery.objects.all().delete()
            endpoints.ping(endpoint)

        def duty() -> None:
            WebhookDelivery.objects.filter(lease_id__isnull=False).update(leased_until=AN_HOUR_AGO)
            drain(deliverer)

        def check() -> None:
            assert WebhookDelivery.objects.get().state == DeliveryState.DELIVERED

        try_every_call(error, prepare, duty, check)


@every_kind
def test_worker_that_cannot_show_itself_goes_on(error: DriverError) -> None:
    presences: list[Presence] = []

    def prepare() -> None:
        Worker.objects.all().delete()
        presences[:] = [Presence(liveness.begin())]

    def show() -> None:
        presences[0]._shown_at = -1e9
        presences[0].show()

    def check() -> None:
        assert Worker.objects.get().last_sign is not None

    try_every_call(error, prepare, show, check)


@every_kind
def test_what_is_looked_for_is_found_once(error: DriverError, settings: Settings) -> None:
    settings.BACKUP_FOLDER = "/nowhere"

    def prepare() -> None:
        SiteAlert.objects.all().delete()

    def look() -> None:
        Watch(*LOOKS).look()

    def check() -> None:
        assert SiteAlert.objects.filter(kind=AlertKind.BACKUP, resolved_at=None).count() == 1

    try_every_call(error, prepare, look, check)


@every_kind
@pytest.mark.usefixtures("data_dir")
def test_erasure_is_done_once(error: DriverError, token: TokenMaster) -> None:
    def prepare() -> None:
        Extraction.with_deleted.all().delete()
        Erasure.objects.all().delete()
        make_extraction(state=State.FAILED, http_status=502, finished_at=AN_HOUR_AGO)
        make_extraction()
        Erasure.objects.create(
            scope=ErasureScope.COMPANY, subject="NT047", asked_by="asha", why="Asked for."
        )

    def erase() -> None:
        erasing.go_on(Erasure.objects.get().pk)

    def check() -> None:
        erasure = Erasure.objects.get()
        assert (erasure.ended_at is None, erasure.documents) == (False, 2)

    try_every_call(error, prepare, erase, check)
