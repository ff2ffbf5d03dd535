"""Where the files are that tests share with other projects: invoices and bad inputs.

They are not part of the repository: ``$OCRSITE_SHARED``, else ``shared`` beside the repository.
"""

import os
from pathlib import Path

import pytest

_candidate = Path(
    os.environ.get("OCRSITE_SHARED") or Path(__file__).resolve().parents[2] / "shared"
)
SHARED: Path | None = _candidate if _candidate.is_dir() else None

needs_shared = pytest.mark.skipif(
    SHARED is None, reason="the shared sample files are not here; set OCRSITE_SHARED"
)
