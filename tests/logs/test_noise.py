"""What strangers can have logged."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from django.test import Client

from logs import context, noise
from logs.noise import NOISE_LIMIT, NoiseFilter
from tests.running_site import eventually


class Rows(logging.Handler):
    """Keeps what would become rows."""

    def __init__(self) -> None:
        super().__init__()
        self.noise = NoiseFilter()
        self.addFilter(self.noise)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def total(self) -> Counter[str]:
        """How many records there were of each kind, dropped ones included."""
        total: Counter[str] = Counter()
        for record in self.records:
            dropped = re.match(r"(\d+) more records .*: (.+)", record.getMessage())
            if dropped:
                total[dropped[2].split(",")[0]] += int(dropped[1])
            else:
                total[record.name] += 1
        return total


@pytest.fixture
def rows(db: None) -> Iterator[Rows]:
    rows = Rows()
    logging.getLogger().addHandler(rows)
    yield rows
    logging.getLogger().removeHandler(rows)


def test_a_thousand_bad_requests_leave_few_rows_and_the_right_count(rows: Rows) -> None:
    stranger, bad_host = Client(), Client(headers={"Host": "evil.org"})
    for _ in range(500):
        assert stranger.get("/nowhere").status_code == 404
        assert bad_host.get("/").status_code == 400
    rows.noise.report()

    assert {record.levelno for record in rows.records} == {logging.WARNING}
    assert rows.total() == {"django.request": 500, "django.security.DisallowedHost": 500}
    assert len(rows.records) == 2 * (NOISE_LIMIT + 1)


def test_forms_without_csrf_token_and_wrong_keys_are_counted_as_well(rows: Rows) -> None:
    client = Client(enforce_csrf_checks=True)
    for _ in range(100):
        assert client.post("/login/", {"username": "a", "password": "b"}).status_code == 403
        client.get("/api/v1/nothing/", headers={"Authorization": "Api-Key wrong.key"})
    rows.noise.report()

    assert rows.total()["django.security.csrf"] == 100
    assert rows.total()["django.request"] == 100
    assert len(rows.records) < 6 * (NOISE_LIMIT + 1)


def test_a_bad_host_has_no_traceback(rows: Rows) -> None:
    Client(headers={"Host": "evil.org"}).get("/")

    assert [record.exc_info for record in rows.records] == [None]


def log_404(times: int = 100) -> None:
    for _ in range(times):
        logging.getLogger("django.request").warning("Not Found", extra={"status_code": 404})


def test_what_signed_in_people_do_is_logged_in_full(rows: Rows) -> None:
    with context.bound(user="asha"):
        log_404()

    assert len(rows.records) == 100


def test_faults_and_other_records_are_logged_in_full(rows: Rows) -> None:
    for _ in range(100):
        logging.getLogger("django.request").error("Fault", extra={"status_code": 500})
        logging.getLogger("extraction").warning("Something else")

    assert len(rows.records) == 200


def test_a_minute_that_has_passed_is_told_without_another_request(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise, "PERIOD_SECONDS", 0.3)
    log_404()

    for _ in eventually(5):
        if len(rows.records) > NOISE_LIMIT:
            break
    log_404(1)

    assert rows.records[NOISE_LIMIT].getMessage() == (
        "80 more records of this kind within 0 seconds: django.request, 404"
    )
    assert len(rows.records) == NOISE_LIMIT + 2, "a new minute has begun"


def test_few_records_need_no_summary(rows: Rows) -> None:
    log_404(NOISE_LIMIT)
    rows.noise.report()

    assert len(rows.records) == NOISE_LIMIT


def test_threads_count_together(rows: Rows) -> None:
    threads = [threading.Thread(target=log_404) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows.noise.report()

    assert rows.total()["django.request"] == 800
