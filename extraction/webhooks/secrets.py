"""The secrets that sign webhooks: made here, shown once, stored as provider keys are.

Signatures are those of Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over id, time and
body.
"""

import base64
import logging
import secrets
from collections import Counter
from datetime import datetime, timedelta

from standardwebhooks import Webhook

from extraction.models import WebhookDelivery, WebhookEndpoint
from ocrsite.lib import clock
from tokens import encryption

logger = logging.getLogger(__name__)

# For so long both secrets sign, so that a receiver can change to the new one.
BOTH_SIGN_FOR = timedelta(days=1)
# Bytes; the specification asks for 24 to 64.
_LENGTH = 32
_PREFIX = "whsec_"


def give(endpoint: WebhookEndpoint) -> str:
    """Set the first secret of an unsaved endpoint and return it in clear."""
    clear = _new()
    endpoint.secret = encryption.encrypt(clear, _owner(endpoint))
    return clear


def rotate(endpoint: WebhookEndpoint) -> str:
    """Give an endpoint a new secret and return it in clear; the old one signs on for a day.

    One rotated away before is gone at once.
    """
    clear, before = _new(), endpoint.secret
    endpoint.secret = encryption.encrypt(clear, _owner(endpoint))
    endpoint.old_secret = before
    endpoint.old_secret_until = clock.now() + BOTH_SIGN_FOR
    endpoint.save(update_fields=["secret", "old_secret", "old_secret_until"])
    return clear


def headers(delivery: WebhookDelivery, at: datetime) -> dict[str, str]:
    """Return the headers that sign a message as sent at a time.

    Raises UndecryptableKey.
    """
    message_id = str(delivery.pk)
    signatures = [
        Webhook(clear).sign(message_id, at, delivery.body)
        for clear in _signing(delivery.endpoint, at)
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def rotate_encryption() -> Counter[str]:
    """Encrypt the secrets with the first encryption key; return rows per id of their key.

    What cannot be decrypted stays, and is logged: it needs a new secret.
    """
    counted: Counter[str] = Counter()
    for endpoint in WebhookEndpoint.objects.all():
        for column in ("secret", "old_secret"):
            if stored := getattr(endpoint, column):
                counted[encryption.key_id_of(_encrypted_anew(endpoint, column, stored))] += 1
    return counted


def _encrypted_anew(endpoint: WebhookEndpoint, column: str, stored: str) -> str:
    if encryption.key_id_of(stored) == encryption.writing_key_id():
        return stored
    try:
        clear = encryption.decrypt(stored, _owner(endpoint))
    except encryption.UndecryptableKey:
        logger.exception("The secret of webhook %s is of no use.", endpoint.pk)
        return stored
    replacement = encryption.encrypt(clear, _owner(endpoint))
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk, **{column: stored})
    return replacement if rows.update(**{column: replacement}) else stored


def _signing(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    """The secrets in clear that sign now, the newest first."""
    stored = [endpoint.secret]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > at:
        stored.append(endpoint.old_secret)
    return [encryption.decrypt(each, _owner(endpoint)) for each in stored]


def _new() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_LENGTH)).decode()


def _owner(endpoint: WebhookEndpoint) -> str:
    return f"webhook {endpoint.pk}"
