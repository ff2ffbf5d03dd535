"""The samples of docs/webhooks.md tell genuine messages from forged ones."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from extraction.models import WebhookDelivery, WebhookEndpoint
from extraction.webhooks import secrets
from tests.running_site import ROOT

BODY = '{"type":"webhook.ping","text":"größer \\" $x `y`"}'


def sample(language: str) -> str:
    text = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(found)


def python(body: bytes, headers: dict[str, str], secret: str, _: Path) -> bool:
    names: dict[str, Any] = {}
    exec(sample("python"), names)
    return bool(names["is_genuine"](body, headers, secret))


def javascript(body: bytes, headers: dict[str, str], secret: str, _: Path) -> bool:
    given = json.dumps([body.decode(), headers, secret])
    script = f"{sample('javascript')}\nconst [body, headers, secret] = {given};\n"
    script += "console.log(isGenuine(Buffer.from(body), headers, secret));"
    return run("node", "-e", script) == "true"


def shell(body: bytes, headers: dict[str, str], secret: str, folder: Path) -> bool:
    (folder / "body").write_bytes(body)
    values = {name.replace("-", "_"): value for name, value in headers.items()}
    values |= {"secret": secret, "body": str(folder / "body")}
    return run("sh", "-c", sample("sh"), **values) == "genuine"


def run(*command: str, **environment: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    return done.stdout.strip()


@pytest.mark.parametrize("verify", [python, javascript, shell])
def test_sample_tells_genuine_from_forged(
    verify: Callable[[bytes, dict[str, str], str, Path], bool], tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    endpoint = WebhookEndpoint()
    secret = secrets.give(endpoint)
    endpoint.old_secret, old = endpoint.secret, secret
    endpoint.old_secret_until = now + timedelta(days=1)
    secret = secrets.give(endpoint)
    headers = secrets.headers(WebhookDelivery(endpoint=endpoint, body=BODY), now)
    body = BODY.encode()

    assert verify(body, headers, secret, tmp_path)
    assert verify(body, headers, old, tmp_path)
    assert not verify(body + b" ", headers, secret, tmp_path)
    assert not verify(body, headers, secrets.give(WebhookEndpoint()), tmp_path)
    for name, value in (
        ("webhook-id", "another"),
        ("webhook-timestamp", str(int(now.timestamp()) + 1)),
        ("webhook-signature", "v1,AAAA"),
        ("webhook-signature", ""),
    ):
        assert not verify(body, {**headers, name: value}, secret, tmp_path)


@pytest.mark.parametrize("verify", [python, javascript])
@pytest.mark.parametrize("age", [-400, 400])
def test_sample_refuses_what_is_old(
    verify: Callable[[bytes, dict[str, str], str, Path], bool], age: int, tmp_path: Path
) -> None:
    endpoint = WebhookEndpoint()
    secret = secrets.give(endpoint)
    message = WebhookDelivery(endpoint=endpoint, body=BODY)
    headers = secrets.headers(message, datetime.now(UTC) + timedelta(seconds=age))

    assert not verify(BODY.encode(), headers, secret, tmp_path)
