"""What ``manage.py check`` says about this machine and its settings. Warnings: everything works."""

import shutil
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from extraction.documents.sandbox import poppler_installed


@register("extraction")
def check_tools(**_: Any) -> list[CheckMessage]:
    """Warn about a missing poppler, and about a platform without resource limits."""
    messages: list[CheckMessage] = []
    if not poppler_installed():
        messages.append(
            Warning(
                "poppler is not installed; PDF pages are drawn by pypdfium2 instead.",
                hint="Install poppler, for example: apt-get install poppler-utils",
                id="extraction.W001",
            )
        )
    missing = [tool for tool in ("prlimit", "setpriv") if shutil.which(tool) is None]
    if missing:
        messages.append(
            Warning(
                f"This machine has no {' and no '.join(missing)}; "
                "only time-outs bound the tools that open documents.",
                hint="In production run on Linux with util-linux, or bound the worker's memory.",
                id="extraction.W002",
            )
        )
    return messages


@register("extraction", deploy=True)
def check_proxies(**_: Any) -> list[CheckMessage]:
    """Warn when every caller would seem to have the proxy's address."""
    if not settings.HTTPS or settings.TRUSTED_PROXIES:
        return []
    return [
        Warning(
            "The addresses of callers are not known: HTTPS is on and TRUSTED_PROXIES is 0.",
            hint="Have the proxy append to X-Forwarded-For, and set TRUSTED_PROXIES=1. "
            "Until then nobody is throttled by address.",
            id="extraction.W003",
        )
    ]
