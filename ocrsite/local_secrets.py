"""Secrets of an installation that has none in its environment: ``$DATA_DIR/secrets.env``."""

import contextlib
import os
import secrets
import uuid
from pathlib import Path

from cryptography.fernet import Fernet

from ocrsite.lib.files import atomic_write, make_folder


def ensure_secrets_file(data_dir: Path) -> Path:
    """Return ``data_dir/secrets.env`` (mode 600), written first where it is missing.

    Web and worker may start at the same moment: the first of them to link its complete file to
    this name decides, and the others use its secrets.
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
    draft = data_dir / f".secrets-{uuid.uuid4()}"
    try:
        with atomic_write(draft) as file:
            file.write(content.encode())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path
