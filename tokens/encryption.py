"""Provider keys as they are stored and shown: encrypted, masked, fingerprinted.

A stored key is ``enc:<key id>:<Fernet token>``; the key id is a short digest of the encryption
key. The row's id is encrypted with the key, so that a value copied to another row does not decrypt.
Other secrets are encrypted alike: the id of their rows begins with what they are.
"""

import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

PREFIX = "enc:"
# A key of this length is stored in 793 of the column's 1000 characters.
MAX_KEY_LENGTH = 500
_STORED_LENGTH = 1000
# The ends of a shorter key would be too large a part of it.
_MASKED_WHOLLY_BELOW = 20


class UndecryptableKey(Exception):
    """A stored key that no configured encryption key decrypts, or that is another row's."""


def is_encrypted(stored: str) -> bool:
    """Whether a stored value is encrypted, rather than a key inserted in clear."""
    return stored.startswith(PREFIX)


def writing_key_id() -> str:
    """Return the id of the encryption key that writes: the first."""
    return _key_id(settings.TOKEN_ENCRYPTION_KEYS[0])


def key_id_of(stored: str) -> str:
    """Return the id of the encryption key that wrote a stored value; "clear" for none."""
    return stored.split(":")[1] if is_encrypted(stored) else "clear"


def encrypt(clear: str, token_id: int | str) -> str:
    """Return the value to store in the row of this id.

    Raises ValueError for a key that would not fit into the column; 500 ASCII characters do.
    """
    cipher = Fernet(settings.TOKEN_ENCRYPTION_KEYS[0])
    ciphertext = cipher.encrypt(f"{token_id}:{clear}".encode()).decode()
    stored = f"{PREFIX}{writing_key_id()}:{ciphertext}"
    if len(stored) > _STORED_LENGTH:
        raise ValueError(f"Key {token_id} is too long to be stored encrypted.")
    return stored


def decrypt(stored: str, token_id: int | str) -> str:
    """Return the clear key of this row; one inserted in clear is returned without its blanks.

    Raises UndecryptableKey.
    """
    if not is_encrypted(stored):
        return stored.strip()
    key_id, _, ciphertext = stored.removeprefix(PREFIX).partition(":")
    for key in settings.TOKEN_ENCRYPTION_KEYS:
        if _key_id(key) == key_id:
            try:
                content = Fernet(key).decrypt(ciphertext.encode()).decode()
            except InvalidToken:
                break
            owner, _, clear = content.partition(":")
            if owner == str(token_id):
                return clear
    raise UndecryptableKey(f"Stored key {token_id} cannot be decrypted.")


def mask(clear: str) -> str:
    """Return what may be shown of a key: ``AIza…x9Qz``, or ``…`` for a short one."""
    if len(clear) < _MASKED_WHOLLY_BELOW:
        return "…" if clear else ""
    return f"{clear[:4]}…{clear[-4:]}"


def fingerprint(clear: str) -> str:
    """Return the HMAC-SHA256 (hex) by which equal keys are found; rotation does not change it."""
    secret = settings.TOKEN_FINGERPRINT_KEY.encode()
    return hmac.new(secret, clear.encode(), hashlib.sha256).hexdigest()


def _key_id(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]
