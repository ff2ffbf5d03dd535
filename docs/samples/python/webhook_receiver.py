"""Takes webhooks, and prints what happened: python webhook_receiver.py

OCRSITE_WEBHOOK_SECRET is the secret of the webhook (whsec_…).
Put it behind HTTPS. PORT is 8080 without it.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ["OCRSITE_WEBHOOK_SECRET"]
dealt_with: set[str] = set()  # keep this in your database


def is_genuine(body: bytes, headers: dict[str, str], secret: str) -> bool:
    """Whether ocrsite sent this body. Names of headers in lower case."""
    message_id, sent_at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(sent_at)) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{sent_at}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(
        hmac.compare_digest(expected, each) for each in headers["webhook-signature"].split(" ")
    )


class Receiver(BaseHTTPRequestHandler):
    """Answers at once; do your work afterwards."""

    def do_POST(self) -> None:
        """Take one message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            genuine = is_genuine(body, headers, SECRET)
        except (KeyError, ValueError):
            genuine = False
        self.send_response(204 if genuine else 401)
        self.end_headers()
        # A message may come twice, with the same id.
        if genuine and headers["webhook-id"] not in dealt_with:
            dealt_with.add(headers["webhook-id"])
            message = json.loads(body)
            print(message["type"], message["data"].get("extraction", ""), flush=True)


HTTPServer(("", int(os.environ.get("PORT", "8080"))), Receiver).serve_forever()
