"""Secrets of an installation that was given none: made once, kept in ``$DATA_DIR/secrets.env``."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from ocrsite.lib.files import make_folder


def ensure_secrets_file(data_dir: Path) -> Path:
    """Return ``data_dir/secrets.env`` (mode 600), written first where it is missing.

    Web and worker may start at the same moment: the file appears complete and once, because
    it is linked into place and the loser of the race keeps the winner's secrets.
    """
    path = data_dir / "secrets.env"
    if path.exists():
        return path
    make_folder(data_dir)
    content = (
        f"SECRET_KEY={secrets.token_urlsafe(50)}\n"
        f"TOKEN_ENCRYPTION_KEYS={Fernet.generate_key().decode()}\n"
        f"TOKEN_FINGERPRINT_KEY={secrets.token_urlsafe(32)}\n"
    )
    descriptor, draft = tempfile.mkstemp(dir=data_dir, prefix=".secrets-")  # mkstemp: mode 600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
    return path
