"""Scripts in processes of their own, with the site's own logging."""

import os
import subprocess
import sys

from django.conf import settings
from django.db import connection


def run_site(
    script: str, *, before_setup: str = "", check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end, on the tests' database, without coverage.

    A fork takes coverage's lock along, perhaps while another thread holds it: the child would wait
    for ever.
    """
    prelude = "import logging, os, django; django.setup(); log = logging.getLogger('script')"
    return subprocess.run(
        [sys.executable, "-c", f"{before_setup}\n{prelude}\n{script}"],
        cwd=settings.BASE_DIR,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("COV")},
            "DATA_DIR": str(settings.DATA_DIR),
            "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
            **environment,
        },
        capture_output=True,
        text=True,
        check=check,
        timeout=60,
    )
