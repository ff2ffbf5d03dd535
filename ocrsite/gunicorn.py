"""How gunicorn serves the site: ``python -m gunicorn --config python:ocrsite.gunicorn``."""

import os

from django.conf import settings

from ocrsite.lib.files import restrict_umask
from ocrsite.web_server import GRACE_SECONDS

restrict_umask()  # before the settings, which make files
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")

wsgi_app = "ocrsite.wsgi"
bind = f"{settings.HOST}:{settings.PORT}"
worker_class = "ocrsite.gunicorn_worker.WebWorker"
workers = 2
# Then gunicorn kills a process that has been told to stop; it ends before by itself.
graceful_timeout = int(GRACE_SECONDS) + 5
# To the console, and only until Django's logging takes over in each worker.
loglevel = "warning"
# Its default path is shared by every gunicorn of the user.
control_socket_disable = True
