"""A running site whose database is replaced, removed or exchanged for another installation's."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests.made_once import migrated_database
from tests.running_site import ROOT, RunningSite, eventually, running_site

pytestmark = pytest.mark.crash

SAMPLE = ROOT / "samples" / "acme-invoice.pdf"
# The logs of databases that were replaced, which the site sets aside.
LOGS = "db.sqlite3-wal.of-replaced-*"
TOLD = "SELECT 1 FROM ApplicationLogs WHERE Message LIKE '%was replaced while%'"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("console") / "console"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, console: Path) -> Iterator[RunningSite]:
    """A site that is served; a test leaves it served."""
    with running_site(tmp_path_factory.mktemp("site") / "data") as site:
        serve(site, console)
        yield site


def serve(site: RunningSite, console: Path) -> None:
    site.start("manage.py", "serve", console=console)
    for _ in eventually(90):
        if status(site) == 200:
            return


def status(site: RunningSite) -> int:
    """Of a new connection: one that is kept leads to one and the same process."""
    try:
        return site.client.get("/healthz", headers={"Connection": "close"}).status_code
    except httpx2.TransportError:
        return 0


def back_up(database: Path, copy: Path) -> None:
    """As SQLite's own ``.backup`` does it."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def extractions(database: Path) -> int:
    with closing(sqlite3.connect(database)) as reader:
        (count,) = reader.execute("SELECT COUNT(*) FROM extraction_extraction").fetchone()
    return int(count)


def served_again(site: RunningSite) -> None:
    for _ in eventually(90):
        try:
            if site.post(SAMPLE, force="true").status_code == 200:
                return
        except httpx2.TransportError:
            continue


def test_site_goes_on_with_the_restored_file_and_writes_nothing_to_the_old_one(
    site: RunningSite, console: Path, tmp_path: Path
) -> None:
    database, restored = site.data_dir / "db.sqlite3", tmp_path / "restored.sqlite3"
    said, kept = len(console.read_text()), set(site.data_dir.glob(LOGS))
    back_up(database, restored)
    before, told = extractions(restored), len(site.query(TOLD))
    assert site.post(SAMPLE, force="true").status_code == 200

    database.rename(tmp_path / "old.sqlite3")
    restored.rename(database)
    served_again(site)

    (log,) = set(site.data_dir.glob(LOGS)) - kept
    shutil.move(log, tmp_path / "old.sqlite3-wal")
    assert extractions(tmp_path / "old.sqlite3") == before + 1
    with closing(sqlite3.connect(database)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert "CRITICAL: The database" in console.read_text()[said:]
    for _ in eventually(90):
        if len(site.query(TOLD)) > told:
            break


def test_database_that_is_gone_is_not_made_anew_and_served_when_it_is_back(
    site: RunningSite, console: Path, tmp_path: Path
) -> None:
    database, copy = site.data_dir / "db.sqlite3", tmp_path / "copy.sqlite3"
    back_up(database, copy)

    for path in site.data_dir.glob("db.sqlite3*"):
        path.unlink(missing_ok=True)  # the site sets them aside when it finds the first gone
    for _ in eventually(90):
        if "There is no database" in console.read_text():
            break
    assert status(site) in (0, 503)
    assert not database.exists()

    copy.rename(database)
    served_again(site)


def test_database_of_another_installation_is_refused_and_nothing_is_written_to_it(
    tmp_path: Path,
) -> None:
    foreign, console = tmp_path / "foreign.sqlite3", tmp_path / "console"
    (tmp_path / "other-data").mkdir()
    shutil.copy(migrated_database(), tmp_path / "other-data")  # which is nobody's yet
    with running_site(tmp_path / "other-data", fresh=True) as other:
        back_up(other.data_dir / "db.sqlite3", foreign)
    with running_site(tmp_path / "data") as site:
        serve(site, console)
        before = foreign.read_bytes()

        database = site.data_dir / "db.sqlite3"
        database.rename(tmp_path / "old.sqlite3")
        foreign.rename(database)
        for _ in eventually(90):
            if "The secrets of this installation do not fit" in console.read_text():
                break
        for _ in eventually(90):
            if status(site) == 503:
                break
        answer = site.client.post("/login/", headers={"Connection": "close"})
        assert answer.status_code in (403, 503)
        site.stop()

        assert database.read_bytes() == before
