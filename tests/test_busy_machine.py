"""Limits count the CPU time of a document, not what else the machine does."""

import io
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.emulator.server import Emulator
from tests.running_site import eventually, running_site

pytestmark = [pytest.mark.crash, pytest.mark.chaos]

NAMES = [f"picture book {number}" for number in range(6)]
# Each page is drawn in 2 s of CPU time.
PAGES = 5
PICTURES = 20
# More than the machine has processors to spare.
NEIGHBOURS = 3
# Far beyond what it takes on a machine that does nothing else.
PATIENCE = 1800
ADD_KEY = """
from tokens.models import TokenMaster
TokenMaster.objects.create(
    company_id="DEMO", api_key="AIza-busy-test-key", provider="Gemini", total_token_limit=10**9
)
"""


def be_busy() -> None:
    while True:
        pass


@pytest.fixture
def busy_machine() -> Iterator[None]:
    """Have other processes take whatever they get of the CPU."""
    neighbours = [
        multiprocessing.get_context("spawn").Process(target=be_busy) for _ in range(NEIGHBOURS)
    ]
    for neighbour in neighbours:
        neighbour.start()
    try:
        yield
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.join()


def picture_book(name: str) -> bytes:
    """An honest invoice of five pages that take 10 s of CPU time to draw."""
    picture = ImageReader(Image.linear_gradient("L").resize((3000, 3000)).convert("RGB"))
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(600, 800), invariant=1)
    for page in range(PAGES):
        canvas.setFont("Helvetica", 40)
        canvas.drawString(20, 740, f"{name}, page {page + 1}")
        for number in range(PICTURES):
            canvas.drawImage(picture, 2 * number, 2 * number, 500, 500)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def test_six_long_invoices_at_once_are_all_read_on_a_busy_machine(
    busy_machine: None, tmp_path: Path
) -> None:
    with (
        Emulator() as emulator,
        running_site(tmp_path / "data", GEMINI_BASE_URL=emulator.url, WORKERS="6") as site,
    ):
        site.manage("shell", "-v0", "-c", ADD_KEY)
        site.start_web()
        site.start_worker()
        for name in NAMES:
            path = tmp_path / f"{name}.pdf"
            path.write_bytes(picture_book(name))
            assert site.post(path, prefer="respond-async").status_code == 202

        for _ in eventually(PATIENCE):
            rows = site.query("SELECT file_name, state, deaths FROM extraction_extraction")
            if {state for _, state, _ in rows} <= {"succeeded", "failed"}:
                break

        assert sorted(rows) == [(f"{name}.pdf", "succeeded", 0) for name in NAMES]
        assert len(emulator.calls) == len(NAMES)
