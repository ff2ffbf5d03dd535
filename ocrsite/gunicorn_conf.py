"""How gunicorn serves the site; the address is given on the command line (``--bind``)."""

wsgi_app = "ocrsite.wsgi"
worker_class = "gthread"
workers = 2
# POST /extract holds a thread while it waits: up to extraction.waiting.MAX_WAITERS of them,
# and enough others for everybody else.
threads = 40
# An open wait is cut at a stop: its extraction goes on, and the caller asks again.
graceful_timeout = 10
loglevel = "warning"  # to the console, and only until Django's logging has taken over
# Its default path is shared by every gunicorn of the user.
control_socket_disable = True
