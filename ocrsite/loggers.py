"""Loggers that say less, or elsewhere, than their libraries have them."""

from typing import Any

# Django's without its own handlers, which print to the console.
LOGGERS: dict[str, dict[str, Any]] = {
    "django": {"handlers": [], "level": "INFO", "propagate": True},
    "django.server": {"handlers": [], "propagate": True},
    # A line for each call or message says nothing that the rows do not.
    "httpx2": {"level": "WARNING"},
    "django-q": {"level": "WARNING"},
    "gunicorn.error": {"handlers": [], "level": "WARNING", "propagate": True},
    "waitress": {"level": "WARNING"},
    # A warning for each request that waits for a thread.
    "waitress.queue": {"level": "ERROR"},
}
