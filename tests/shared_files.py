"""Where the shared invoices and bad inputs lie, beside the repository or in ``OCRSITE_SHARED``."""

import os
from pathlib import Path

_place = Path(
    os.environ.get("OCRSITE_SHARED", Path(__file__).resolve().parent.parent.parent / "shared")
)
SHARED: Path | None = _place if _place.is_dir() else None
