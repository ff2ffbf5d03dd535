"""The shared invoices on the way that production takes them, with the emulator for Gemini."""

import hashlib
from pathlib import Path

import pytest

from extraction import pipeline, submission
from extraction.documents.intake import folder_of
from extraction.evidence import collection
from extraction.models import ReaderChoice, State
from tests.emulator.server import Emulator
from tests.extraction.sample_documents import upload
from tests.shared_files import SHARED, needs_shared
from tests.tokens.rows import make_token
from tokens.models import TokenUsageLog

# All of the shared invoices are portrait; the photo (47) is stored sideways.
INVOICES = (
    sorted(path for path in (SHARED / "invoices").iterdir() if path.suffix not in {".json", ".csv"})
    if SHARED
    else []
)


@needs_shared
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", INVOICES, ids=lambda path: path.name[:2])
def test_pages_arrive_upright_in_order_and_bounded(
    path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the emulator makes up stands on no page: OCR would look for it in the pictures of each.
    monkeypatch.setattr(collection, "_pictures", lambda document, pages: ())
    make_token()
    extraction = submission.submit(
        upload(path.read_bytes(), path.name),
        company_id="NT047",
        requested_by="asha",
        branch="Default",
        client="user:1",
        reader=ReaderChoice.MODEL,
    ).extraction

    pipeline.process(extraction.pk)

    extraction.refresh_from_db()
    assert extraction.state == State.SUCCEEDED
    [call] = emulator.calls
    kept = sorted((folder_of(extraction.pk) / "pages").glob("*.jpg"))
    assert len(kept) == extraction.page_count
    assert [image.sha256 for image in call.images] == [
        hashlib.sha256(page.read_bytes()).hexdigest() for page in kept
    ]
    assert all(image.width < image.height <= 1920 for image in call.images)
    usage = TokenUsageLog.objects.get()
    assert call.usage is not None
    assert usage.total_tokens_used == call.usage["totalTokenCount"]
    assert usage.input_tokens == call.usage["promptTokenCount"]
    assert usage.output_tokens == call.usage["candidatesTokenCount"]
    assert usage.thinking_tokens == call.usage["thoughtsTokenCount"]
