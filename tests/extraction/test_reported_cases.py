"""Faults that were reported in public, each on the way that a caller takes.

The files are shared ones (``reports/cases.json``): what a model answered, or what was posted, and
the outcomes of which any will do. Others of each kind are in the tests of the single modules.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Sum
from django.utils import timezone
from pytest_django import Settings

from extraction import pipeline
from extraction.evidence.values import values_of
from extraction.models import Extraction
from tests.emulator.server import Emulator
from tests.extraction.conftest import Integrator
from tests.extraction.readers.einvoice.einvoices import pdf
from tests.running_site import ROOT
from tests.shared_files import SHARED, needs_shared
from tests.tokens.rows import make_token
from tokens.models import Provider, TokenUsageLog

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("same_input"),
    needs_shared,
]

# Cases that must not be flagged, although what was answered is not on the document that is named:
# a document is drawn that prints it.
DRAWN = {"52", "54"}

REPORTS = (SHARED or Path()) / "reports"
CASES: dict[str, dict[str, Any]] = (
    {case["id"]: case for case in json.loads((REPORTS / "cases.json").read_text())}
    if SHARED
    else {}
)


def ids_of(suffix: str) -> list[Any]:
    """The numbers of the cases with such a file."""
    return [number for number, case in CASES.items() if case["file"].endswith(suffix)]


def is_document(number: str) -> bool:
    return not CASES[number]["file"].endswith(".json")


@pytest.fixture(autouse=True)
def no_waiting(settings: Settings) -> None:
    settings.EXTRACT_WAIT_SECONDS = 0
    settings.RETRY_JITTER = False


def document(name: str) -> SimpleUploadedFile:
    path = ROOT / name
    return SimpleUploadedFile(path.name, path.read_bytes())


def drawn(folder: Path, responses: list[dict[str, Any]]) -> SimpleUploadedFile:
    """Return a page that prints every value of a model's answer."""
    answer = json.loads(responses[0]["body"]["candidates"][0]["content"]["parts"][0]["text"])
    values = [value for _, _, value in values_of(answer)]
    text = "INVOICE\n" + "\n".join(values)
    return SimpleUploadedFile("drawn.pdf", pdf(folder, text).read_bytes())


def process_to_end(extraction: Extraction) -> None:
    """Run the pipeline whenever the extraction is due."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        while not extraction.ended:
            clock.move_to(max(extraction.due_at, timezone.now()))
            pipeline.process(extraction.pk)
            extraction.refresh_from_db()


def facts_of(body: dict[str, Any], status: int, calls: int) -> dict[str, Any]:
    """What an expectation can name beside the paths into the canonical invoice."""
    usage = TokenUsageLog.objects.aggregate(total=Sum("total_tokens_used"))["total"]
    return {
        "http": status,
        "state": body.get("state"),
        "code": body.get("code"),
        "calls_max": calls,
        "usage.total": usage,
        "usage.estimated": TokenUsageLog.objects.filter(estimated=True).count(),
        "lines": len((body.get("invoice") or {}).get("line_items", [])),
    }


def value_at(invoice: Any, path: str) -> Any:
    for name in path.split("."):
        invoice = invoice[int(name)] if isinstance(invoice, list) else invoice[name]
    return invoice


def is_met(expected: dict[str, Any], body: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Whether everything that an expectation names is so; numbers are compared as numbers."""
    for path, value in expected.items():
        if path == "calls_max":
            met = facts[path] <= value
        elif path in facts:
            met = facts[path] == value
        else:
            found = value_at(body["invoice"], path) if body.get("invoice") else None
            met = _number(found) == _number(value)
        if not met:
            return False
    return True


def _number(value: Any) -> Any:
    try:
        return Decimal(value) if isinstance(value, str) else value
    except ArithmeticError:
        return value


@pytest.mark.parametrize("number", ids_of(".model.json"))
def test_answer_of_a_model(
    number: str, integrator: Integrator, emulator: Emulator, tmp_path: Path
) -> None:
    case = CASES[number]
    given = json.loads((REPORTS / case["file"]).read_text())
    make_token()
    emulator.faults.replay(given["responses"])

    file = drawn(tmp_path, given["responses"]) if number in DRAWN else document(given["document"])
    form = {"file": file, "companyID": "NT047", "username": "asha"}
    accepted = integrator.http.post("/extract", form)
    assert accepted.status_code == 202
    extraction = Extraction.objects.get()
    process_to_end(extraction)

    body = integrator.http.get(accepted["Location"]).json()
    facts = facts_of(body, body["http_status"], len(emulator.calls))
    assert any(is_met(expected, body, facts) for expected in case["expect_any_of"]), (facts, body)


@pytest.mark.parametrize("number", [number for number in CASES if is_document(number)])
def test_document(number: str, integrator: Integrator) -> None:
    case = CASES[number]
    make_token(provider=Provider.OFFLINE)
    file = SimpleUploadedFile(case["file"], (REPORTS / case["file"]).read_bytes())

    form = {"file": file, "companyID": "NT047", "username": "asha"}
    accepted = integrator.http.post("/extract", form)
    for extraction in Extraction.objects.all():
        process_to_end(extraction)

    body = accepted.json()
    if "Location" in accepted:
        body = integrator.http.get(accepted["Location"]).json()
    facts = facts_of(body, accepted.status_code, 0)
    assert any(
        expected["says"] in str(body) if "says" in expected else is_met(expected, body, facts)
        for expected in case["expect_any_of"]
    ), body


@pytest.mark.parametrize("endpoint", ["/extract", "/api/v1/extractions/"])
@pytest.mark.parametrize("number", ids_of(".http.json"))
def test_request(number: str, endpoint: str, integrator: Integrator) -> None:
    case = CASES[number]
    given = json.loads((REPORTS / case["file"]).read_text())
    make_token()
    form: dict[str, Any] = {}
    for part in given["multipart"]:
        value = document(part["file"]) if "file" in part else part["value"]
        form.setdefault(part["name"], []).append(value)
    form["companyID"] = ["NT047"]  # the one that the caller may act for

    response = integrator.http.post(endpoint, form)

    body = response.json()
    facts = facts_of(body, response.status_code, 0)
    assert any(is_met(expected, body, facts) for expected in case["expect_any_of"]), (facts, body)
    assert not Extraction.objects.exists()
