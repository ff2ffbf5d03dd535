"""The WSGI application that gunicorn and waitress serve."""

import os
import signal
import threading

from django.core.wsgi import get_wsgi_application

from ocrsite.lib.database_guard import when_refused
from ocrsite.lib.files import restrict_umask

# Time for the answers under way.
_END_AFTER_SECONDS = 3.0


def _end_soon() -> None:
    """End this process: whoever started it starts another, which may find the right database."""
    end = threading.Timer(_END_AFTER_SECONDS, os.kill, [os.getpid(), signal.SIGTERM])
    end.daemon = True
    end.start()


restrict_umask()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")

application = get_wsgi_application()

from tokens import installation  # noqa: E402  # it imports models, which had to be set up

when_refused(_end_soon)
installation.guard()
