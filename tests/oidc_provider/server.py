"""The provider's HTTP server: discovery, authorization, token, user info, keys, end of session."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "ocrsite"
CLIENT_SECRET = "a-secret-of-the-tests"
KEY_ID = "key-1"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """Logs everybody in at once as ``person``; ``id_token`` and ``info`` change what it answers."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {
            "sub": "Subject-1",
            "email": "Asha@Example.com",
            "email_verified": True,
        }
        self.id_token: dict[str, Any] = {}
        self.info: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.signs_with_another_key = False
        self.algorithm = "RS256"
        self.token_status = 200
        self.asked: list[dict[str, str]] = []
        self.token_requests: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server = _Server(("127.0.0.1", 0), self)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="oidc-provider", daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def discovery(self) -> dict[str, Any]:
        """What the provider says of itself."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
            **self.document,
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser goes with a code."""
        self.asked.append(query)
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Return tokens for a code, once, with the right secret and verifier (RFC 7636)."""
        self.token_requests.append(form)
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or form.get("client_secret") != CLIENT_SECRET
            or form.get("redirect_uri") != asked["redirect_uri"]
            or asked.get("code_challenge") != challenge
        ):
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.person["sub"],
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            **self.id_token,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "HS256":
            key: Any = CLIENT_SECRET.ljust(32, "x")
        else:
            key = _OTHER_KEY if self.signs_with_another_key else _KEY
        token = jwt.encode(claims, key, self.algorithm, headers={"kid": KEY_ID})
        return {"access_token": "access", "token_type": "Bearer", "id_token": token}

    def user_info(self) -> dict[str, Any]:
        """The claims of the person."""
        return {**self.person, **self.info}

    def keys(self) -> dict[str, Any]:
        """The public key."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(_KEY.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], provider: Provider) -> None:
        super().__init__(address, _Handler)
        self.provider = provider


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        provider, parts = self.server.provider, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match parts.path:
            case "/.well-known/openid-configuration":
                self._answer(provider.discovery())
            case "/authorize":
                self._answer({}, 302, {"Location": provider.authorize(query)})
            case "/userinfo":
                self._answer(provider.user_info())
            case "/keys":
                self._answer(provider.keys())
            case "/end":
                self._answer({"ended": True})
            case _:
                self._answer({}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        provider = self.server.provider
        tokens = provider.token(form) if provider.token_status == 200 else None
        self._answer(tokens or {"error": "invalid_grant"}, 200 if tokens else 400)

    def _answer(
        self, body: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
