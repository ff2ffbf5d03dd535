"""How gunicorn serves the site: ``python -m gunicorn --config python:ocrsite.gunicorn``."""

import os

from django.conf import settings

from ocrsite.lib.files import restrict_umask

restrict_umask()  # before the settings, which make files
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")

wsgi_app = "ocrsite.wsgi"
bind = f"127.0.0.1:{settings.PORT}"
worker_class = "gthread"
workers = 2
# POST /extract holds a thread while it waits: up to MAX_WAITERS of
# extraction.api.long_polling, and enough others for everybody else.
threads = 40
# An open wait is cut at a stop: its extraction goes on, and the caller asks again.
graceful_timeout = 10
# To the console, and only until Django's logging takes over in each worker.
loglevel = "warning"
# Its default path is shared by every gunicorn of the user.
control_socket_disable = True
