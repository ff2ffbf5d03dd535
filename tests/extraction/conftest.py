"""People, programs, keys and folders for the tests of endpoints and of documents."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from extraction.documents import sandbox
from extraction.models import ApiClient, ApiClientCompany
from extraction.readers.gemini import errors, prompt_cost
from extraction.roles import LEAD
from ocrsite.lib import files
from tests.extraction.api.schema_checked import SchemaCheckedClient
from tests.extraction.factories import make_user
from tests.tokens.rows import make_token
from tokens.models import Provider, TokenMaster


@dataclass(frozen=True)
class Integrator:
    """An API client that is bound to NT047, and what it calls with."""

    record: ApiClient
    key: str
    http: APIClient


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Begin each test like a process that has just started."""
    prompt_cost.forget()
    caches["known_clients"].clear()
    caches["locks"].clear()


@pytest.fixture
def quota_day_begins_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have daily quotas begin anew in twelve hours, so that a test is not run just before."""
    later = (datetime.now(UTC) + timedelta(hours=12)).timetz()
    monkeypatch.setattr(errors, "QUOTA_DAY_BEGINS", later)


@pytest.fixture
def integrator(db: None) -> Integrator:
    record, key = ApiClient.objects.create_key(name="ERP")
    assert isinstance(record, ApiClient)
    ApiClientCompany.objects.create(client=record, company_id="NT047")
    http = SchemaCheckedClient()
    http.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
    return Integrator(record, key, http)


@pytest.fixture
def operator(db: None) -> User:
    """May do everything for NT047."""
    return make_user("asha", LEAD, "NT047", password="a-long-password")


@pytest.fixture
def signed_in(operator: User) -> Client:
    """The operator's session."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def token(db: None) -> TokenMaster:
    """The key of NT047: read offline, so nothing is called."""
    return make_token("none", provider=Provider.OFFLINE)


@pytest.fixture
def data_dir(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Store the files of one test in a data folder of its own."""
    # Else a folder of the same name, which another run in this process made, seems to be away.
    monkeypatch.setattr(files, "_seen", set())
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


@pytest.fixture
def no_poppler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide poppler, as on a machine without it."""
    which = shutil.which
    hidden = sandbox.POPPLER_TOOLS
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool in hidden else which(tool))


@pytest.fixture(params=["poppler", "pdfium"])
def either_renderer(request: pytest.FixtureRequest) -> None:
    """Run a test with poppler and with the fall-back for machines without it."""
    if request.param == "pdfium":
        request.getfixturevalue("no_poppler")
    elif not sandbox.poppler_installed():
        pytest.skip("poppler is not installed")
