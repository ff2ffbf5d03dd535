"""Every hostile or broken file gets the answer that the manifest expects."""

import csv

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django_q.models import OrmQ

from extraction import pipeline
from extraction.documents import rendering
from extraction.documents.sandbox import Limits
from extraction.models import Extraction
from tests.emulator.server import Emulator
from tests.extraction.conftest import Integrator
from tests.shared_files import SHARED, needs_shared
from tests.tokens.rows import make_token
from tokens.models import TokenUsageLog

MANIFEST = SHARED / "bad-inputs" / "manifest.csv" if SHARED else None
BAD_INPUTS = list(csv.DictReader(MANIFEST.read_text().splitlines())) if MANIFEST else []


@needs_shared
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda bad: bad["file"])
def test_bad_input_gets_the_answer_of_its_manifest(
    bad: dict[str, str],
    integrator: Integrator,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MANIFEST is not None
    # One of them is counted without end. The others take a tenth of a second.
    monkeypatch.setattr(rendering, "COUNT_LIMITS", Limits(cpu=3, wall=30))
    make_token()
    content = (MANIFEST.parent / bad["file"]).read_bytes()

    answer = integrator.http.post(
        "/extract",
        {
            "file": SimpleUploadedFile(bad["file"], content),
            "companyID": "NT047",
            "username": "asha",
        },
        headers={"Prefer": "respond-async"},
    )
    status, code = answer.status_code, answer.json().get("code")
    if status == 202:
        pipeline.process(Extraction.objects.get().pk)
        ended = integrator.http.get(answer.headers["Location"]).json()
        status, code = ended["http_status"], ended.get("code")
    else:
        assert not OrmQ.objects.exists()
        assert not Extraction.objects.exists()

    expected = {part.strip() for part in bad["expect_http"].split("or")}
    assert ("2xx" if status == 200 else str(status)) in expected
    if status != 200:
        assert code == bad["expect_code"]
        assert not emulator.calls
        assert not TokenUsageLog.objects.exists()
