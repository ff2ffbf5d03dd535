"""What a new installation tells: how to try it, and where a Gemini key goes."""

from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from tokens.models import Provider, TokenMaster

DEMO = gettext_noop("Demo reads offline: by rules, without a key, and nothing leaves this machine.")
KEY = gettext_noop("A Gemini key reads more. It goes to Administration, Keys:")
# What is offered to try, by file name.
SAMPLES = {
    "acme-invoice.pdf": gettext_noop("An invoice"),
    "globex-3-pages.pdf": gettext_noop("One of three pages"),
    "himal-tax-invoice.pdf": gettext_noop("One from Nepal"),
}


def key_address() -> str:
    """Return the page of the admin where staff enter a key."""
    return reverse("admin:tokens_tokenmaster_add")


def lines(url: str) -> list[str]:
    """Return what ``serve`` prints for a site at ``url``; nothing once a key has been entered."""
    return [DEMO, f"{KEY} {url}{key_address()}"] if reads_offline_only() else []


def reads_offline_only() -> bool:
    """Whether companies read offline, and no provider's key has been entered yet."""
    providers = TokenMaster.objects.order_by().values_list("provider", flat=True).distinct()
    return set(providers) == {Provider.OFFLINE}


def sample_path(name: str) -> Path | None:
    """Return the file of a sample; None when it is none, or is not installed."""
    path = Path(settings.BASE_DIR) / "samples" / name
    return path if name in SAMPLES and path.is_file() else None


def samples() -> dict[str, str]:
    """Return labels by the names of the samples that are installed."""
    return {name: gettext(label) for name, label in SAMPLES.items() if sample_path(name)}
