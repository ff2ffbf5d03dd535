"""A key whose provider is set by SQL to one that nobody knows is told of as the contract says."""

from collections.abc import Iterator
from unittest import mock

import pytest

from extraction import pipeline
from extraction.models import Attempt, Extraction
from tests.extraction.conftest import Integrator
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token
from tokens.models import TokenMaster, TokenQuerySet, TokenReservation, TokenStatus

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

EXCEEDED = "Your AI token is no longer available or has been disabled. Please contact support."
DETAIL = (
    "The company's keys are used up, disabled, unreadable or of an unknown provider. "
    "Ask support to check them."
)


@pytest.fixture(params=["exact", "ignores case"])
def _collation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compare texts as SQLite and PostgreSQL do, or as SQL Server does by default."""
    if request.param == "exact":
        yield
        return

    def usable(rows: TokenQuerySet) -> TokenQuerySet:
        known = {"provider__iregex": r"^(gemini|offline) *$"}
        return rows.unexpired().filter(status=TokenStatus.ACTIVE, **known)

    with mock.patch.object(TokenQuerySet, "usable", usable):
        yield


@pytest.mark.usefixtures("_collation")
@pytest.mark.parametrize("provider", ["Oracle", "gemini", "OFFLINE", "Gemini ", ""])
def test_provider_that_became_unknown_ends_its_extraction_with_402(
    integrator: Integrator, provider: str
) -> None:
    make_token()
    form = {"file": upload(pdf("INVOICE 1")), "companyID": "NT047", "username": "asha"}
    answer = integrator.http.post("/extract", form, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    TokenMaster.objects.update(provider=provider)

    extraction = Extraction.objects.get()
    pipeline.process(extraction.pk)

    extraction.refresh_from_db()
    assert (extraction.state, extraction.http_status) == ("failed", 402)
    assert (extraction.error_code, extraction.error_message, extraction.error_detail) == (
        "token_exceeded",
        EXCEEDED,
        DETAIL,
    )
    assert not Attempt.objects.exists()
    assert not TokenReservation.objects.exists()
    answer = integrator.http.post("/extract", {**form, "file": upload(pdf("INVOICE 2"))})
    assert (answer.status_code, answer.json()["code"]) == (402, "token_exceeded")
