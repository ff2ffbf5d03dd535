"""GET /api/v1/exports/<format>/: the filters of the list, as one file."""

import csv
import io
import json
import threading
from typing import Any

import pytest

from extraction.models import ExportColumn, ExportProfile, State
from logs.audit_entry import AuditEntry
from ocrsite.lib import downloads
from ocrsite.lib.audit import Action
from tests.extraction.conftest import Integrator
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice

RESULT = make_invoice().model_dump(mode="json")


def make_read(name: str, **fields: Any) -> None:
    make_extraction(
        **{"state": State.SUCCEEDED, "http_status": 200, "result": RESULT, **fields},
        file_name=name,
    )


def content(response: Any) -> bytes:
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


def rows(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(response).decode("utf-8-sig"))))


def test_filters_select_what_is_exported(integrator: Integrator) -> None:
    make_read("north.pdf", branch="North")
    make_read("south.pdf", branch="South")
    make_read("failed.pdf", branch="North", state=State.FAILED, result=None)
    make_read("theirs.pdf", branch="North", company_id="OTHER")

    response = integrator.http.get("/api/v1/exports/csv/", {"branch": "North"})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="invoices-' in response["Content-Disposition"]
    assert [row["extraction.file_name"] for row in rows(response)] == ["north.pdf"]


def test_json_lines_hold_whole_invoices(integrator: Integrator) -> None:
    make_read("a.pdf")

    [line] = content(integrator.http.get("/api/v1/exports/jsonl/")).splitlines()

    assert json.loads(line)["invoice_number"] == RESULT["invoice_number"]


@pytest.mark.parametrize("by", ["name", "pk"])
def test_profile_names_the_columns(integrator: Integrator, by: str) -> None:
    profile = ExportProfile.objects.create(name="ours", format="csv")
    ExportColumn.objects.create(
        profile=profile, position=1, path="invoice_number", heading="Number"
    )
    make_read("a.pdf")

    response = integrator.http.get("/api/v1/exports/csv/", {"profile": str(getattr(profile, by))})

    assert rows(response) == [{"Number": RESULT["invoice_number"]}]


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("pdf", {}, 404),
        ("csv", {"profile": "none"}, 400),
        ("csv", {"company": "OTHER"}, 400),
        ("csv", {"barnch": "North"}, 400),
        ("csv", {"received_since": "yesterday"}, 400),
        ("csv", {"profile": ["a", "b"]}, 400),
    ],
)
def test_what_cannot_be_exported_is_told(
    integrator: Integrator, path: str, parameters: dict[str, Any], status: int
) -> None:
    response = integrator.http.get(f"/api/v1/exports/{path}/", parameters)

    assert response.status_code == status
    assert response.json()["detail"]


def test_nobody_exports_without_a_key(integrator: Integrator) -> None:
    integrator.http.credentials()

    assert integrator.http.get("/api/v1/exports/csv/").status_code == 401


def test_more_than_a_few_at_once_are_told_to_come_again(
    integrator: Integrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes a thread for as long as its reader takes."""
    monkeypatch.setattr(downloads, "_places", threading.BoundedSemaphore(1))
    first = integrator.http.get("/api/v1/exports/csv/")

    response = integrator.http.get("/api/v1/exports/csv/")

    assert (response.status_code, response.json()["code"]) == (503, "download_busy")
    assert response["Retry-After"] == "30"
    # Nothing was taken, so that nothing is recorded.
    assert AuditEntry.objects.filter(action=Action.EXPORTED).count() == 1
    content(first)
    assert content(integrator.http.get("/api/v1/exports/csv/"))
