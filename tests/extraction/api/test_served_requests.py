"""Requests made up from the description, sent over HTTP to a site as ``serve`` starts it.

By every kind of client; what one request changes stays for the next ones. The same in one process,
with more requests and each one undone: ``test_generated_requests``. ``make chaos`` sends more.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from schemathesis import Case

from extraction.api.schema import openapi
from tests.extraction.api.served_rows import CALLERS
from tests.extraction.api.test_generated_requests import CHECKS, OPERATIONS, Asked
from tests.running_site import RunningSite, running_site

pytestmark = pytest.mark.crash

ROWS = "from tests.extraction.api.served_rows import make; make()"


@dataclass(frozen=True)
class Served:
    """A running site, its description as it serves it, and the rows made for each client."""

    site: RunningSite
    described: Any
    session: requests.Session
    keys: dict[str, str]
    named: dict[str, dict[str, dict[str, object]]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("site") / "data"
    site_of_its_own = running_site(
        folder,
        API_DOCS_PUBLIC="True",
        EXTRACT_WAIT_SECONDS="0",
        WEBHOOK_HOSTS="hooks.example.com",
    )
    with site_of_its_own as site, requests.Session() as session:
        rows = json.loads(site.manage("shell", "-v0", "-c", ROWS))
        site.start_web()
        described = schemathesis.openapi.from_url(f"{site.url}/api/schema/")
        yield Served(site, described, session, **rows)


def test_description_is_served_as_it_is_made(served: Served) -> None:
    assert served.session.get(f"{served.site.url}/api/schema/").json() == openapi()


@pytest.mark.parametrize("number", [2, pytest.param(8, marks=pytest.mark.chaos)])
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_described(
    method: str, path: str, caller: str, number: int, served: Served
) -> None:
    key = served.keys.get(caller)
    asked = Asked(
        served.described[path][method], key or "", served.named[caller][f"{method} {path}"]
    )
    headers = {"Authorization": f"Api-Key {key}"} if key else {}

    @seed(15)
    @hypothesis_settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(asked.requests())
    def ask(case: Case[Any]) -> None:
        response = case.call(session=served.session, headers=headers)
        if caller == "nobody":
            assert response.status_code == 401
        case.validate_response(response, CHECKS)

    ask()
