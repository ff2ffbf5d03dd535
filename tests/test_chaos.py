"""kill -9 at random, of everything: every extraction ends, right, charged once for each call made.

Each kind of run is short in `make test` and whole in `make chaos`, where ``CHAOS_SEED`` and
``CHAOS_EXTRACTIONS`` choose another run, or a longer one, with pauses.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import psycopg
import pytest

from tests import postgresql as postgresql_server
from tests import redis_server
from tests.chaos import PATIENCE, Chaos, Outside, Query
from tests.emulator.ledger import Call
from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf
from tests.postgresql import PostgresqlMissing, running_postgresql
from tests.redis_server import RedisMissing, running_redis
from tests.running_site import RunningSite, eventually, running_site

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("CHAOS_SEED", "12"))
EXTRACTIONS = int(os.environ.get("CHAOS_EXTRACTIONS", "200"))
# Half a minute each, so only in a longer run; test_pauses.py has the one that matters most.
PAUSES = {"stopped worker": 1, "stopped web": 1} if EXTRACTIONS > 200 else {}
# One kill of each kind, and as many extractions as these interrupt.
SHORT = 40
KEY = "AIza-chaos-test-key"
ENVIRONMENT: dict[str, Any] = {
    "WORKERS": "4",
    # So that a run does not wait for most of its time.
    "LEASE_SECONDS": "8",
    # So many that a document is never failed by the faults below.
    "RETRY_LIMIT": "10",
    "RETRY_INITIAL_SECONDS": "0.2",
    "RETRY_CAP_SECONDS": "2",
}
# Of a hundred calls so many go wrong, in this way.
FAULTS: list[tuple[int, str, dict[str, Any]]] = [
    (4, "internal", {}),
    (2, "bad_gateway", {}),
    (1, "per_minute", {"retry_delay": "0.5s"}),
    (2, "drop", {}),
    (2, "drop_mid_body", {}),
    (2, "malformed", {}),
    (12, "answer", {"delay": 2.0}),
]
ADD_KEY = f"""
from tokens.models import TokenMaster
TokenMaster.objects.create(
    company_id="DEMO", api_key="{KEY}", provider="Gemini", total_token_limit=10**9
)
"""
# Every row of the ledger and of the extractions, whatever the database, and what is wrong there.
READ_ROWS = """
import json
from extraction.models import Attempt, Extraction
from logs.models import RetryAttempt
from tokens.ledger_audit import audit_ledger
from tokens.models import TokenReservation, TokenUsageLog, TokenUsageSummary
print(json.dumps({
    "extractions": list(Extraction.objects.values()),
    "attempts": list(Attempt.objects.values()),
    "charges": list(TokenUsageLog.objects.values()),
    "failures": list(RetryAttempt.objects.values()),
    "reservations": list(TokenReservation.objects.values()),
    "totals": list(TokenUsageSummary.objects.filter(total_used_tokens__gt=0).values()),
    "problems": audit_ledger(),
}, default=str))
"""
# They run for minutes.
END_LEASES_OF_RESERVATIONS = """
from django.utils import timezone
from tokens.models import TokenReservation
TokenReservation.objects.update(leased_until=timezone.now())
"""

Row = dict[str, Any]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def postgresql() -> Iterator[postgresql_server.Server]:
    try:
        with running_postgresql() as running:
            yield running
    except PostgresqlMissing as missing:
        give_up(missing)


@pytest.fixture
def redis() -> Iterator[redis_server.Server]:
    try:
        with running_redis() as running:
            yield running
    except RedisMissing as missing:
        give_up(missing)


def give_up(missing: Exception) -> NoReturn:
    """Skip, but not where the run must prove it."""
    if os.environ.get("CI"):
        pytest.fail(str(missing))
    pytest.skip(str(missing))


@pytest.fixture(params=["short", pytest.param("whole", marks=pytest.mark.chaos)])
def extractions(request: pytest.FixtureRequest) -> int:
    """How many extractions the three random runs share."""
    return SHORT if request.param == "short" else EXTRACTIONS


def test_processes_killed_at_random(tmp_path: Path, emulator: Emulator, extractions: int) -> None:
    random = Random(f"processes {SEED}")
    victims = shuffled(random, extractions, process=6, sentinel=3, main=3, web=3, **PAUSES)
    with running_site(tmp_path / "data", GEMINI_BASE_URL=emulator.url, **ENVIRONMENT) as site:
        survive(site, emulator, tmp_path, random, victims, extractions, share=50)


def test_database_and_processes_killed_at_random(
    tmp_path: Path, emulator: Emulator, postgresql: postgresql_server.Server, extractions: int
) -> None:
    random = Random(f"database {SEED}")
    victims = shuffled(random, extractions, database=4, process=2, sentinel=1, main=1, web=1)

    def query(sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(postgresql.url) as connection:
            return connection.execute(sql).fetchall()

    def kill_database(send: Callable[[], None]) -> None:
        postgresql.stop()
        send()
        postgresql.start()

    with running_site(
        tmp_path / "data",
        GEMINI_BASE_URL=emulator.url,
        DATABASE_URL=postgresql.url,
        **ENVIRONMENT,
    ) as site:
        outside = {"database": kill_database}
        survive(
            site,
            emulator,
            tmp_path,
            random,
            victims,
            extractions,
            share=25,
            query=query,
            outside=outside,
        )


def test_redis_and_processes_killed_at_random(
    tmp_path: Path, emulator: Emulator, redis: redis_server.Server, extractions: int
) -> None:
    random = Random(f"redis {SEED}")
    victims = shuffled(random, extractions, redis=3, process=2, sentinel=1, main=1, web=1)

    def kill_redis(send: Callable[[], None]) -> None:
        redis.kill()
        send()
        redis.start()

    with running_site(
        tmp_path / "data", GEMINI_BASE_URL=emulator.url, REDIS_URL=redis.url, **ENVIRONMENT
    ) as site:
        outside = {"redis": kill_redis}
        survive(site, emulator, tmp_path, random, victims, extractions, share=25, outside=outside)


def test_redis_flushed_in_mid_run_loses_nothing(
    tmp_path: Path, emulator: Emulator, redis: redis_server.Server
) -> None:
    names = [f"F{number}" for number in range(16)]
    # Nothing is answered before the queue is full and empty again.
    for call in range(1, 5):
        emulator.faults.add("answer", call=call, delay=10)
    with running_site(
        tmp_path / "data", GEMINI_BASE_URL=emulator.url, REDIS_URL=redis.url, **ENVIRONMENT
    ) as site:
        shell(site, ADD_KEY)
        site.start_web()
        site.start_worker()
        for name in names:
            path = tmp_path / f"{name}.pdf"
            path.write_bytes(pdf(f"INVOICE {name}"))
            assert site.post(path, prefer="respond-async").status_code == 202
        assert emulator.wait_for_calls(1, PATIENCE)

        assert redis.client.llen("django_q:ocrsite:q") > 0
        redis.client.flushall()

        for _ in eventually(PATIENCE):
            if site.query("SELECT 1 FROM extraction_extraction WHERE finished_at IS NULL") == []:
                break
        assert_all_is_right(site, emulator, site.query, names, victims=[])
        assert len(emulator.calls) == len(names)


def survive(
    site: RunningSite,
    emulator: Emulator,
    folder: Path,
    random: Random,
    victims: list[str],
    extractions: int,
    *,
    share: int,
    query: Query | None = None,
    outside: Mapping[str, Outside] | None = None,
) -> None:
    """Have a share of the extractions done, in per cent, while all victims are killed."""
    names = [f"I{number}" for number in range(extractions * share // 100)]
    add_faults(emulator, random, 4 * extractions)
    shell(site, ADD_KEY)
    chaos = Chaos(site, folder, random, query or site.query, outside or {})
    chaos.run(names, victims)
    assert_all_is_right(site, emulator, query or site.query, names, victims)
    chaos.end()


def add_faults(emulator: Emulator, random: Random, calls: int) -> None:
    """Choose for each of so many calls whether it goes wrong, and how."""
    weights = [weight for weight, _, _ in FAULTS]
    plain = 100 - sum(weights)
    for number in range(1, calls):
        (chosen,) = random.choices([None, *FAULTS], [plain, *weights])
        if chosen:
            _, kind, options = chosen
            emulator.faults.add(kind, call=number, **options)


def shuffled(random: Random, extractions: int, **counts: int) -> list[str]:
    """So many kills of each kind in random order: one in the short run, more in a longer one."""
    longer = max(1, extractions // 200)
    victims = [
        victim
        for victim, count in counts.items()
        for _ in range(1 if extractions == SHORT else count * longer)
    ]
    random.shuffle(victims)
    return victims


def shell(site: RunningSite, script: str) -> str:
    return site.manage("shell", "-v0", "-c", script)


def assert_all_is_right(
    site: RunningSite, emulator: Emulator, query: Query, names: list[str], victims: list[str]
) -> None:
    wait_for_dead_reservations(site, query)
    rows = read_rows(site)
    documents = assert_results_are_right(site, rows["extractions"], names)
    assert sum(row["deaths"] for row in rows["extractions"]) <= victims.count("process")
    assert_calls_are_in_the_ledger(rows, documents, emulator)
    assert rows["reservations"] == []
    charged = sum(row["total_tokens_used"] for row in rows["charges"])
    assert [(row["total_used_tokens"], row["reserved_tokens"]) for row in rows["totals"]] == [
        (charged, 0)
    ]
    assert rows["problems"] == []


def wait_for_dead_reservations(site: RunningSite, query: Query) -> None:
    """Have reservations freed whose process died before it made an attempt of them."""
    reservations = query('SELECT "AttemptID" FROM "TokenReservations"')
    assert set(reservations).isdisjoint(query("SELECT id FROM extraction_attempt"))
    if reservations:
        shell(site, END_LEASES_OF_RESERVATIONS)
    for _ in eventually(PATIENCE):
        if query('SELECT count(*) FROM "TokenReservations"') == [(0,)]:
            return


def read_rows(site: RunningSite) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = json.loads(shell(site, READ_ROWS))
    return rows


def assert_results_are_right(
    site: RunningSite, extractions: list[Row], names: list[str]
) -> dict[str, str]:
    """Each document has one extraction, with what was answered to it; return its id by digest."""
    assert sorted((row["file_name"], row["state"], row["error_code"]) for row in extractions) == [
        (f"{name}.pdf", "succeeded", "") for name in sorted(names)
    ]
    documents = {}
    for row in extractions:
        page = (site.data_dir / "files" / row["file"]).parent / "pages" / "001.jpg"
        digest = hashlib.sha256(page.read_bytes()).hexdigest()
        assert row["result"]["invoice_number"] == f"EMU-{digest[:8].upper()}"
        documents[digest] = row["id"]
    assert len(documents) == len(names)
    return documents


def assert_calls_are_in_the_ledger(
    rows: dict[str, list[Row]], documents: dict[str, str], emulator: Emulator
) -> None:
    """Each call is an attempt, and charged as it was billed: exactly where that was heard."""
    charges = {row["attempt_id"]: row for row in rows["charges"]}
    failures = {(row["extraction_id"], row["attempt"]) for row in rows["failures"]}
    assert len(charges) == len(rows["charges"])
    assert len(failures) == len(rows["failures"])
    calls_of: dict[str, list[Call]] = {}
    for call in emulator.calls:
        calls_of.setdefault(documents[call.document], []).append(call)
    for attempt in rows["attempts"]:
        calls = [
            call for call in calls_of.get(attempt["extraction_id"], []) if within(attempt, call)
        ]
        for call in calls:
            calls_of[attempt["extraction_id"]].remove(call)
        failed = (attempt["extraction_id"], attempt["number"]) in failures
        assert failed == (attempt["outcome"] == "failed")
        assert_charge_is_right(attempt, calls, charges.pop(attempt["id"], None))
    assert not any(calls_of.values())  # no call without an attempt
    assert not charges  # no charge without an attempt


def within(attempt: Row, call: Call) -> bool:
    """Whether a call reached Gemini while this attempt of its document was under way."""
    began, ended = (datetime.fromisoformat(attempt[name]) for name in ("started_at", "finished_at"))
    return began <= datetime.fromtimestamp(call.received_at, UTC) <= ended


def assert_charge_is_right(attempt: Row, calls: list[Call], charge: Row | None) -> None:
    assert len(calls) <= 1
    bill = calls[0].bill.total if calls and calls[0].bill else 0
    if attempt["outcome"] == "unknown":  # killed before its outcome was recorded, or its call made
        assert charge is not None
        # Exact where the bill was heard of after all, by a process that had seemed dead.
        assert charge["estimated"] or charge["total_tokens_used"] == bill
        assert charge["total_tokens_used"] >= bill
    elif attempt["outcome"] == "succeeded":
        assert charge is not None
        assert (charge["total_tokens_used"], charge["estimated"]) == (bill, False)
    elif bill:  # answered, but the answer was lost
        assert charge is not None
        assert charge["estimated"]
        assert charge["total_tokens_used"] >= bill
    else:
        assert len(calls) == 1
        assert charge is None
