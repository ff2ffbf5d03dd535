"""The WSGI application that gunicorn and waitress serve."""

import os

from django.core.wsgi import get_wsgi_application

from ocrsite.lib.files import restrict_umask

restrict_umask()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")

application = get_wsgi_application()
