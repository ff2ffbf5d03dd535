"""The database is lost at each query in turn of a page for staff: 503, and nothing half done."""

from itertools import count

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from extraction.models import CompanyGrant, Correction, IdempotencyKey, ReviewState, Scope
from logs.audit_entry import AuditEntry
from ocrsite.lib import database
from tests.extraction.api.management.conftest import BASE, another
from tests.extraction.test_mistakes import read_one
from tests.extraction.test_review_views import doubtful, sent
from tests.failing_database import every_call, failing
from tests.ocrsite.admin_rows import make_rows
from tests.ocrsite.test_bound_staff import MINE
from tests.pyodbc_errors import LINK_LOST
from tests.tokens.rows import make_company

pytestmark = pytest.mark.django_db(transaction=True)

OF_DOCUMENT = ("result", "trace", "review")
PATHS = (
    *("/admin/usage-report/", "/admin/usage-report/xlsx/", "/admin/extraction/worker/"),
    *("/admin/tokens/tokenmaster/", "/admin/tokens/tokenmaster/csv/export/"),
    *("/admin/logs/applicationlog/export/", "/admin/logs/auditentry/export/"),
)


@pytest.fixture
def root() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.mark.no_cover  # pages that other tests open
def test_every_page_is_answered_or_503(root: Client) -> None:
    make_rows(MINE)
    document = read_one(company_id=MINE)
    for path in (*PATHS, *(reverse(name, args=[document.pk]) for name in OF_DOCUMENT)):
        usual = root.get(path).status_code
        for failure in every_call(LINK_LOST):
            answer = root.get(path)
            assert answer.status_code == (503 if failure.happened else usual), path
            if answer.streaming:
                answer.getvalue()
            database.drop_connections()


def test_decision_of_a_review_is_whole_or_503(root: Client) -> None:
    for at in count(1):
        extraction = doubtful()
        connection.ensure_connection()
        with failing(LINK_LOST, at) as failure:
            answer = root.post(reverse("review", args=[extraction.pk]), sent("approve"))
        database.drop_connections()
        extraction.refresh_from_db()
        recorded = AuditEntry.objects.filter(object_id=str(extraction.pk)).count()
        is_approved = extraction.review_state is ReviewState.APPROVED
        assert answer.status_code == (302 if is_approved else 503)
        assert (extraction.version, recorded) == (is_approved, is_approved)
        assert not Correction.objects.exists()
        if failure.calls < at:
            break
    assert at > 5


def test_grant_is_made_once_for_its_key_whatever_call_fails() -> None:
    make_company(MINE)
    http = another("Terraform", Scope.MANAGE, MINE).http
    user = User.objects.create_user("ina")
    body = {"username": "ina", "company_id": MINE}
    for at in count(1):
        headers = {"Idempotency-Key": f"key {at}"}
        connection.ensure_connection()
        with failing(LINK_LOST, at, after_commit=bool(at % 2)) as failure:
            first = http.post(f"{BASE}grants/", body, format="json", headers=headers)
        database.drop_connections()
        assert first.status_code in (201, 503)

        again = http.post(f"{BASE}grants/", body, format="json", headers=headers)

        assert again.status_code == 201
        made = CompanyGrant.objects.filter(user=user), AuditEntry.objects.all()
        assert [rows.count() for rows in (*made, IdempotencyKey.objects.all())] == [1, 1, 1]
        for rows in (*made, IdempotencyKey.objects.all()):
            rows.delete()
        if failure.calls < at:
            break
    assert at > 10
