"""A site whose PostgreSQL goes away in mid-work and comes back: nothing is lost or paid twice."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.emulator.server import Emulator
from tests.extraction.sample_documents import pdf
from tests.postgresql import PostgresqlMissing, Server, running_postgresql
from tests.running_site import RunningSite, eventually, running_site

pytestmark = pytest.mark.crash

KEY = "AIza-key-of-the-company"
FILE_KEY = "AIza-key-of-the-app-setting"
NAMES = ["one", "two", "three", "four"]
# Far above what any answer takes, and far below what a connection without a time-out would.
BOUND = 60
# A connection that is kept leads to one and the same web process.
ANEW = {"Connection": "close"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def server() -> Iterator[Server]:
    try:
        with running_postgresql() as running:
            yield running
    except PostgresqlMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture
def site(tmp_path: Path, emulator: Emulator, server: Server) -> Iterator[RunningSite]:
    data_dir = tmp_path / "data"
    with running_site(data_dir, GEMINI_BASE_URL=emulator.url, DATABASE_URL=server.url) as site:
        query(
            server,
            """INSERT INTO "TokenMaster" ("CompanyID", "ApiKey", "Provider", "TotalTokenLimit")"""
            " VALUES (%s, %s, 'Gemini', 1000000)",
            site.credentials["company_id"],
            KEY,
        )
        (data_dir / "appSetting.txt").write_text(f"GEMINI_API_KEY={FILE_KEY}\n")
        site.start("manage.py", "serve")
        for _ in eventually(60):
            if answers(site):
                break
        yield site


def answers(site: RunningSite) -> bool:
    try:
        return site.client.get("/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def query(server: Server, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.url) as connection:
        cursor = connection.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def second_client(site: RunningSite) -> str:
    """The key of an API client of the same company that has not called yet."""
    script = f"""
from extraction.models import ApiClient, ApiClientCompany
client, key = ApiClient.objects.create_key(name="quiet")
ApiClientCompany.objects.create(client=client, company_id="{site.credentials["company_id"]}")
print(key)
"""
    return site.manage("shell", "-v0", "-c", script).strip()


def post(site: RunningSite, path: Path, key: str | None = None) -> httpx2.Response:
    with path.open("rb") as file:
        return site.client.post(
            "/extract",
            files={"file": (path.name, file)},
            data={"companyID": site.credentials["company_id"], "username": "test"},
            headers=ANEW | ({"Authorization": f"Api-Key {key}"} if key else {}),
            timeout=BOUND,
        )


def assert_unavailable(response: httpx2.Response) -> None:
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"


def test_database_that_goes_away_in_mid_work_and_comes_back(
    site: RunningSite, emulator: Emulator, server: Server, tmp_path: Path
) -> None:
    stranger = second_client(site)
    files = {name: tmp_path / f"{name}.pdf" for name in [*NAMES, "away"]}
    for name, path in files.items():
        path.write_bytes(pdf(f"INVOICE {name}"))
    # Enough requests that each web process has seen the client.
    for _ in range(40):
        site.client.get("/api/v1/nowhere", headers=ANEW)
    emulator.faults.add("answer", key=KEY, delay=5)
    for name in NAMES:
        assert site.post(files[name], prefer="respond-async").status_code == 202
    for _ in eventually(30):
        if len(emulator.calls) >= 2:
            break

    server.stop()

    assert_unavailable(site.client.get("/healthz", timeout=BOUND))
    page = httpx2.get(
        f"{site.url}/extractions/", headers={"Cookie": "sessionid=of-an-operator"}, timeout=BOUND
    )
    assert_unavailable(page)
    assert "The service is not available" in page.text
    refused = post(site, files["away"], stranger)
    assert_unavailable(refused)
    assert (refused.json()["status"], refused.json()["code"]) == ("error", "database_unavailable")
    for _ in eventually(BOUND):  # until it meets a process that knows it
        served = post(site, files["away"])
        if served.status_code == 200:
            break
        assert_unavailable(served)
    assert served.json()["data"]["company_name"] == "Emulated Traders Pvt. Ltd."
    # The calls that were running have ended; their workers could not say so.
    for _ in eventually(30):
        if all(call.outcome != "received" for call in emulator.calls):
            break

    server.start()

    for _ in eventually(180):
        rows = query(server, "SELECT state FROM extraction_extraction")
        journal = list((site.data_dir / "journal").glob("*.json"))
        if {state for (state,) in rows} <= {"succeeded", "failed"} and not journal:
            break
    assert_results_are_right(server, emulator)
    assert_ledger_is_right(server, emulator)


def assert_results_are_right(server: Server, emulator: Emulator) -> None:
    results = query(
        server,
        "SELECT file_name, state, result ->> 'invoice_number' FROM extraction_extraction",
    )
    assert sorted((name, state) for name, state, _ in results) == sorted(
        (f"{name}.pdf", "succeeded") for name in NAMES
    )
    read = {call.document for call in emulator.calls if call.key == KEY}
    assert {number for _, _, number in results} == {
        f"EMU-{document[:8].upper()}" for document in read
    }


def assert_ledger_is_right(server: Server, emulator: Emulator) -> None:
    """One exact charge for each call, and no call made twice."""
    rows = query(
        server,
        'SELECT "AttemptID", "TokenID", "TotalTokensUsed", "Estimated", "KeyFingerprint"'
        ' FROM "TokenUsageLogs"',
    )
    bills: dict[str, list[int]] = {KEY: [], FILE_KEY: []}
    for call in emulator.calls:
        assert call.usage is not None
        bills[call.key].append(int(str(call.usage["totalTokenCount"])))
    assert len({attempt for attempt, *_ in rows}) == len(rows) == len(emulator.calls)

    journalled = [row for row in rows if row[1] is None]
    assert [(total, estimated) for _, _, total, estimated, _ in journalled] == [
        (bills[FILE_KEY][0], False)
    ]
    assert journalled[0][4]

    booked = [row for row in rows if row[1] is not None]
    assert sorted((total, estimated) for _, _, total, estimated, _ in booked) == [
        (bill, False) for bill in sorted(bills[KEY])
    ]
    assert len(booked) == len(NAMES)
    assert query(server, 'SELECT count(*) FROM "TokenReservations"') == [(0,)]
    assert query(
        server,
        'SELECT "TotalUsedTokens", "ReservedTokens" FROM "TokenUsageSummary"'
        ' WHERE "TotalUsedTokens" > 0',
    ) == [(sum(total for _, _, total, _, _ in booked), 0)]
