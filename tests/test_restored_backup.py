"""A backup that was made while the site ran, restored where the site was lost."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests.running_site import ROOT, RunningSite, eventually, running_site

pytestmark = pytest.mark.crash

SAMPLES = ROOT / "samples"
GEMINI_KEY = "AIza-of-a-restored-site"
ADD_KEY = f"""
from tokens.models import TokenMaster
from tokens.services import create_token
create_token(token=TokenMaster(api_key={GEMINI_KEY!r}, company_id="NT047", company_name="Rubi"))
"""
REVEAL_KEY = """
from tokens.models import TokenMaster
print(TokenMaster.objects.get(provider="Gemini").reveal_key())
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RunningSite]:
    with running_site(tmp_path / "data") as site:
        yield site


def start(site: RunningSite) -> None:
    site.start_web()
    site.start_worker()


def read(site: RunningSite, sample: str) -> str:
    """Have a document read, and return its id."""
    for _ in eventually(120):
        response = site.post(SAMPLES / sample)
        if response.status_code == 200 and response.json()["data"]:
            break
    return str(response.json()["extraction"]).rstrip("/").rpartition("/")[2]


def log_in(site: RunningSite) -> httpx2.Client:
    browser = httpx2.Client(base_url=site.url, timeout=60, follow_redirects=True)
    browser.get("/login/")
    form = {
        "username": site.credentials["username"],
        "password": site.credentials["password"],
        "csrfmiddlewaretoken": browser.cookies["csrftoken"],
    }
    browser.post("/login/", data=form, headers={"Referer": f"{site.url}/login/"})
    return browser


def test_restored_site_goes_on_where_the_backup_was_made(site: RunningSite, tmp_path: Path) -> None:
    site.manage("shell", "-c", ADD_KEY)
    start(site)
    kept = read(site, "acme-invoice.pdf")
    site.manage("backup", "--to", str(tmp_path / "backups"))
    lost = read(site, "himal-tax-invoice.pdf")
    site.stop()
    site.data_dir.rename(tmp_path / "lost")
    (folder,) = (tmp_path / "backups").glob("ocrsite-*Z")
    assert not (folder / "secrets.env").exists()

    shutil.copytree(folder, site.data_dir)
    shutil.copy2(tmp_path / "lost" / "secrets.env", site.data_dir)
    site.manage("migrate", "-v0")
    site.manage("collectstatic", "--no-input", "-v0")

    assert "The ledger is right." in site.manage("audit_ledger")
    assert GEMINI_KEY in site.manage("shell", "-c", REVEAL_KEY)
    site.client = httpx2.Client(base_url=site.url, headers=site.client.headers, timeout=120)
    start(site)
    with closing(log_in(site)) as browser:
        page = browser.get(f"/extractions/{kept}/")
        assert page.status_code == 200
        assert "acme-invoice.pdf" in page.text
        assert browser.get(f"/extractions/{kept}/pages/1/").status_code == 200
        assert browser.get(f"/extractions/{lost}/").status_code == 404
    assert read(site, "himal-tax-invoice.pdf") not in (kept, lost)
    assert "The ledger is right." in site.manage("audit_ledger")
