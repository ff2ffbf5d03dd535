"""A real site and a real browser for the tests of pages. They share one site for the session."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.running_site import RunningSite, running_site

# The first is the browser without what draws windows: its start and its pages take two thirds of
# the time.
_CHROMIUMS = ("chromium-headless-shell", "chromium", "google-chrome")


def find_chromium() -> str | None:
    """The program that opens pages in tests, or None where none is installed."""
    return next(filter(None, map(shutil.which, _CHROMIUMS)), None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's chromium, which asks nobody for updates and works for root."""
    chromium = find_chromium()
    if chromium is None:
        reason = "no chromium is installed; make test says how to get it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    flags = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-domain-reliability",
        "--disable-sync",
        "--no-default-browser-check",
        "--no-first-run",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")  # chromium refuses to run as root with one
    return {**browser_type_launch_args, "executable_path": chromium, "args": flags}


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, browser_type_launch_args: dict[str, Any]
) -> Iterator[RunningSite]:
    """The site with its offline reader, as ``serve`` starts it; not started without a browser."""
    with running_site(tmp_path_factory.mktemp("site") / "data") as site:
        site.start_web()
        site.start_worker()
        yield site


@pytest.fixture(scope="session")
def base_url(site: RunningSite) -> str:
    """What addresses in tests are relative to."""
    return site.url
