"""A closed company: nothing is read for it, and everybody is told so; then it is open again."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from extraction import pipeline, submission
from extraction.companies import closing
from extraction.models import ApiClient, ApiClientCompany, Extraction, State
from ocrsite.lib.audit import ActorKind, Who
from tests.emulator.server import Emulator
from tests.extraction.conftest import Integrator
from tests.extraction.factories import ASHA, make_extraction
from tests.extraction.sample_documents import pdf, upload
from tests.tokens.rows import make_token
from tokens import selection
from tokens.call_cost import Cost
from tokens.companies import register
from tokens.models import Company, TokenMaster
from tokens.selection import CompanyClosed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.vendor]

INVOICE = pdf("INVOICE 4711\nTotal 119.00")
ROOT = Who(ActorKind.USER, "root")
CLOSE, REOPEN = "/admin/tokens/company/NT047/close/", "/admin/tokens/company/NT047/reopen/"


@pytest.fixture(autouse=True)
def _no_waiting(settings: Settings) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0


@pytest.fixture
def company(token: TokenMaster) -> Company:
    return Company.objects.get(company_id="NT047")


def close(company: Company) -> None:
    assert closing.close(company, who=ROOT, why="Its contract has ended.")


def reopen(company: Company) -> None:
    assert closing.reopen(company, who=ROOT, why="It has a new contract.")


def post(http: APIClient, address: str = "/extract", company_id: str = "NT047") -> Any:
    form = {"file": upload(INVOICE), "companyID": company_id, "username": "asha"}
    return http.post(address, form)


@pytest.mark.parametrize("address", ["/extract", "/api/v1/extractions/"])
def test_programs_are_refused_and_accepted_again(
    integrator: Integrator, company: Company, address: str
) -> None:
    close(company)
    refused = post(integrator.http, address)
    asked = integrator.http.get("/api/v1/extractions/")
    reopen(company)
    accepted = post(integrator.http, address)

    assert [refused.status_code, asked.status_code, accepted.status_code] == [403, 403, 202]
    for answer in (refused, asked):
        assert answer.json()["code"] == "company_closed"
        assert answer.json()["message"] == "This company is closed."
        assert answer.json()["detail"] == (
            "Its documents are not read until it is opened again. Please contact support."
        )
    assert Extraction.objects.count() == 1


def test_program_goes_on_for_its_other_companies(integrator: Integrator, company: Company) -> None:
    ApiClientCompany.objects.create(client=integrator.record, company_id="NT048")
    make_token("none", company_id="NT048", provider="Offline")
    old = make_extraction(state=State.SUCCEEDED)
    close(company)

    refused, accepted = post(integrator.http), post(integrator.http, company_id="NT048")
    listed = integrator.http.get("/api/v1/extractions/").json()["results"]
    hidden = integrator.http.get(f"/api/v1/extractions/{old.pk}/")

    assert (refused.status_code, refused.json()["code"]) == (403, "company_closed")
    assert accepted.status_code == 202
    assert [row["company_id"] for row in listed] == ["NT048"]
    assert hidden.status_code == 404


def test_program_learns_nothing_of_a_company_that_is_not_its_own(
    integrator: Integrator, company: Company
) -> None:
    other = Company.objects.create(company_id="NT048")
    close(other)

    assert post(integrator.http, company_id="NT048").json()["code"] == "company_not_allowed"


def test_program_without_a_company_is_answered_as_ever(company: Company) -> None:
    _, key = ApiClient.objects.create_key(name="new")
    http = APIClient()
    http.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
    close(company)

    assert http.get("/api/v1/extractions/").json()["results"] == []


def test_operators_are_refused_at_the_upload_and_see_what_there_is(
    signed_in: Client, company: Company
) -> None:
    old = make_extraction(state=State.SUCCEEDED)
    close(company)

    page = signed_in.post("/", {"company_id": "NT047", "file": upload(INVOICE)})

    assert page.status_code == 422
    assert "This company is closed." in page.content.decode()
    assert signed_in.get(f"/extractions/{old.pk}/").status_code == 200
    assert Extraction.objects.count() == 1


@pytest.mark.parametrize("written", ["nt047", " NT047"])
def test_every_spelling_is_closed(company: Company, written: str) -> None:
    register(Company.objects, {written: ""})
    make_token("none", company_id=written, provider="Offline")
    company.refresh_from_db()
    close(company)

    with pytest.raises(CompanyClosed):
        submission.submit(
            upload(INVOICE), company_id=written, requested_by="a", branch="", client="user:1"
        )


def test_no_key_of_it_is_used(company: Company, emulator: Emulator) -> None:
    token = make_token()
    cost = Cost(fixed=0, output_max=10, output_floor=1)
    close(company)

    for ask in (selection.require_usable, selection.require_unblocked, selection.require_open):
        with pytest.raises(CompanyClosed):
            ask("NT047")
    for only in (None, token.pk):
        with pytest.raises(CompanyClosed):
            selection.take(
                "NT047",
                attempt_id=make_extraction().pk,
                cost_of=lambda _: cost,
                lease=timedelta(minutes=5),
                only=only,
            )


def test_what_waits_and_what_is_queued_ends_and_can_be_tried_again(
    company: Company, emulator: Emulator
) -> None:
    queued = submission.submit(
        upload(INVOICE), company_id="NT047", requested_by="a", branch="", client="user:1"
    ).extraction
    later = timezone.now() + timedelta(minutes=5)
    waiting = make_extraction(state=State.WAITING, due_at=later)
    elsewhere = make_extraction(state=State.WAITING, due_at=later, company_id="NT048")

    close(company)

    waiting.refresh_from_db()
    elsewhere.refresh_from_db()
    assert waiting.due_at <= timezone.now() < elsewhere.due_at
    Extraction.objects.filter(pk=waiting.pk).delete()
    pipeline.process(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, queued.http_status, queued.error_code) == (
        *(State.FAILED, 403, "company_closed"),
    )
    assert queued.error_message == "This company is closed."
    assert emulator.calls == ()

    reopen(company)
    assert submission.retry(queued, by=ASHA)
    pipeline.process(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.SUCCEEDED


def test_closing_twice_is_once(company: Company) -> None:
    close(company)
    closed_at = company.closed_at

    assert not closing.close(company, who=ROOT, why="Again.")
    company.refresh_from_db()
    assert company.closed_at == closed_at
    reopen(company)
    assert not closing.reopen(company, who=ROOT, why="Again.")


def test_staff_close_and_open_with_a_reason(
    admin_client: Client, company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    asked = admin_client.get(CLOSE).content.decode()
    without = admin_client.post(CLOSE, {"why": " "})
    assert not Company.objects.closed().exists()
    admin_client.post(CLOSE, {"why": "Its contract has ended."})
    closed = admin_client.get("/admin/tokens/company/NT047/change/").content.decode()
    admin_client.post(REOPEN, {"why": "It has a new contract."})

    assert "its keys are not used" in asked
    assert without.context["form"].errors == {"why": ["This field is required."]}
    assert f'href="{REOPEN}"' in closed
    assert '<span class="pill pill-disabled">Closed</span>' in closed
    assert not Company.objects.closed().exists()
    messages = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(messages) == [
        "Closed: Its contract has ended.",
        "Opened again: It has a new contract.",
    ]
    assert "admin closed the company NT047: Its contract has ended." in caplog.text


def test_only_those_who_may_change_companies_close_one(company: Company) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_company"))
    client = Client()
    client.force_login(viewer)

    assert client.post(CLOSE, {"why": "x"}).status_code == 403
    assert client.post("/admin/tokens/company/none/close/", {"why": "x"}).status_code == 404
    assert not Company.objects.closed().exists()
