"""kill -9 at random, of everything: every extraction ends, right, charged once for each call made.

`make test` has short runs: processes; the servers beside a site, together; and what befalls a site
from outside. They are whole, and each server has its own, in `make chaos`, where ``CHAOS_SEED`` and
``CHAOS_EXTRACTIONS`` choose another run, or a longer one. Pauses take half a minute each, so a
short run has none; test_pauses.py has those that matter most.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import psycopg
import pytest

from tests import postgresql as postgresql_server
from tests import redis_server
from tests.chaos import PATIENCE, Chaos, Outside, Query, invoice
from tests.chaos_rows import WORKERS, as_told, assert_all_is_right, shell
from tests.disturbances import (
    Missing,
    SiteClock,
    fill,
    hostile_document,
    hostile_names,
    page_of_digits,
    small_disk,
    take_documents_away,
)
from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf
from tests.postgresql import PostgresqlMissing, running_postgresql
from tests.redis_server import RedisMissing, running_redis
from tests.running_site import RunningSite, eventually, running_site

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("CHAOS_SEED", "12"))
EXTRACTIONS = int(os.environ.get("CHAOS_EXTRACTIONS", "200"))
# What befalls a site all at once, in the short and in the whole run.
LIGHT = {"full disk": 1, "documents away": 1, "set clock": 2}
HEAVY = {
    **{"stopped worker": 2, "stopped web": 1, "stopped process": 3, "set clock": 6},
    **{"full disk": 3, "documents away": 3, "process": 2, "sentinel": 1, "main": 1, "web": 2},
}
HOUR = 3600
# Far more than a run stores.
DISK_MEGABYTES = 200
# One kill of each kind in a short run, and as many extractions as these interrupt.
SHORT = 40
KEY = "AIza-chaos-test-key"
ENVIRONMENT: dict[str, Any] = {
    "WORKERS": str(WORKERS),
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
    """How many extractions the random runs share."""
    return SHORT if request.param == "short" else EXTRACTIONS


def test_processes_killed_at_random(tmp_path: Path, emulator: Emulator, extractions: int) -> None:
    random = Random(f"processes {SEED}")
    victims = shuffled(random, extractions, process=6, sentinel=3, main=3, web=3)
    with running_site(tmp_path / "data", GEMINI_BASE_URL=emulator.url, **ENVIRONMENT) as site:
        survive(site, emulator, tmp_path, random, victims, extractions, share=50)


@pytest.mark.chaos
def test_database_and_processes_killed_at_random(
    tmp_path: Path, emulator: Emulator, postgresql: postgresql_server.Server
) -> None:
    random = Random(f"database {SEED}")
    victims = shuffled(random, EXTRACTIONS, database=4, process=2, sentinel=1, main=1, web=1)
    with running_site(
        tmp_path / "data",
        GEMINI_BASE_URL=emulator.url,
        DATABASE_URL=postgresql.url,
        **ENVIRONMENT,
    ) as site:
        survive(
            site,
            emulator,
            tmp_path,
            random,
            victims,
            EXTRACTIONS,
            share=25,
            query=queries(postgresql),
            outside={"database": away(postgresql.stop, postgresql.start)},
        )


@pytest.mark.chaos
def test_redis_and_processes_killed_at_random(
    tmp_path: Path, emulator: Emulator, redis: redis_server.Server
) -> None:
    random = Random(f"redis {SEED}")
    victims = shuffled(random, EXTRACTIONS, redis=3, process=2, sentinel=1, main=1, web=1)
    outside = {"redis": away(redis.kill, redis.start)}
    with running_site(
        tmp_path / "data", GEMINI_BASE_URL=emulator.url, REDIS_URL=redis.url, **ENVIRONMENT
    ) as site:
        survive(site, emulator, tmp_path, random, victims, EXTRACTIONS, share=25, outside=outside)


def test_database_redis_and_a_process_killed_at_random(
    tmp_path: Path,
    emulator: Emulator,
    postgresql: postgresql_server.Server,
    redis: redis_server.Server,
) -> None:
    random = Random(f"database and redis {SEED}")
    with running_site(
        tmp_path / "data",
        GEMINI_BASE_URL=emulator.url,
        DATABASE_URL=postgresql.url,
        REDIS_URL=redis.url,
        **ENVIRONMENT,
    ) as site:
        survive(
            site,
            emulator,
            tmp_path,
            random,
            shuffled(random, SHORT, database=1, redis=1, process=1),
            SHORT,
            share=25,
            query=queries(postgresql),
            outside={
                "database": away(postgresql.stop, postgresql.start),
                "redis": away(redis.kill, redis.start),
            },
        )


def queries(server: postgresql_server.Server) -> Query:
    """Read the database of this server."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(server.url) as connection:
            return connection.execute(sql).fetchall()

    return query


def away(stop: Callable[[], None], start: Callable[[], None]) -> Outside:
    """Take a server away while something is sent."""

    def kill(send: Callable[[], None]) -> None:
        stop()
        send()
        start()

    return kill


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path | None]:
    """A folder that can be full; None where none can be mounted."""
    try:
        with small_disk(tmp_path / "disk", megabytes=DISK_MEGABYTES) as folder:
            yield folder
    except Missing:
        yield None


def test_what_befalls_a_site_all_at_once(
    tmp_path: Path, emulator: Emulator, disk: Path | None, extractions: int
) -> None:
    random = Random(f"all at once {SEED}")
    try:
        clock = SiteClock(tmp_path)
    except Missing as missing:
        give_up(missing)
    victims = shuffled(random, extractions, **(LIGHT if extractions == SHORT else HEAVY))
    if disk is None:
        victims = [victim for victim in victims if victim != "full disk"]
    data_dir = (disk or tmp_path) / "data"

    def set_clock(send: Callable[[], None]) -> None:
        clock.set_by(random.choice([-HOUR, HOUR]))
        send()

    outside: dict[str, Outside] = {
        "full disk": lambda send: fill(data_dir.parent, random, send),
        "documents away": lambda send: take_documents_away(data_dir, random, send),
        "set clock": set_clock,
    }
    environment = {**ENVIRONMENT, **clock.environment}
    with running_site(data_dir, GEMINI_BASE_URL=emulator.url, **environment) as site:
        survive(
            site,
            emulator,
            tmp_path,
            random,
            victims,
            extractions,
            share=15 if extractions == SHORT else 100,
            outside=outside,
            hostile=1 if extractions == SHORT else extractions // 20,
            clock=clock,
        )
    if disk is None:
        pytest.skip("All but the full disk was tried: none can be mounted here.")


@pytest.mark.chaos
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
    hostile: int = 0,
    clock: SiteClock | None = None,
) -> None:
    """Have a share of the extractions done, in per cent, while all victims are killed.

    So many ``hostile`` documents come besides, at random.
    """
    names = [f"I{number}" for number in range(extractions * share // 100)]
    intruders = hostile_names(random, hostile)
    to_send = [*names, *intruders]
    if intruders:
        random.shuffle(to_send)
    add_faults(emulator, random, 4 * extractions)
    shell(site, ADD_KEY)
    query = query or site.query
    chaos = Chaos(site, folder, random, query, outside or {}, content, intruders.__contains__)
    chaos.run(to_send, victims)
    moments = clock.moments if clock else as_told
    assert_all_is_right(site, emulator, query, names, victims, intruders, moments)
    chaos.end()


def content(name: str) -> bytes:
    """A hostile document, or every tenth one a page that is hard to read, else a plain one."""
    if name.startswith("hostile"):
        return hostile_document(name)
    return page_of_digits(name) if name.endswith("7") else invoice(name)


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
