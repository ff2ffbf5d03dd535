"""What the site as a whole answers."""

import os
import shutil

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from extraction import liveness
from extraction.documents.intake import documents_folder
from extraction.queue_state import Pace, QueueState, queue_state
from ocrsite.lib.database import is_unreachable
from ocrsite.lib.errors import DatabaseUnavailable, StorageUnavailable

# Bytes. Below this a site that takes some invoices a minute is full within the hour.
LEAST_FREE = 500 * 1024**2


@login_not_required
@never_cache
@require_safe
def health(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while this process and its database work, else 503."""
    if not _database_answers():
        answer = DatabaseUnavailable()
        return JsonResponse(
            {"status": "error"}, status=answer.http_status, headers=answer.headers()
        )
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def readiness(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while documents can be taken and read, else 503 and which part fails.

    A queue that staff paused, or that is long but moves, is said and fails nothing: documents are
    accepted, and are read.
    """
    works = {
        "database": _database_answers(),
        "documents": _documents_are_there(),
        "disk": _has_space(),
        "worker": liveness.has_sign(),
    }
    checks = {name: "ok" if is_well else "error" for name, is_well in works.items()}
    queue = _queue() if works["database"] else None
    checks["queue"] = queue.pace if queue else "unknown"
    is_ready = all(works.values()) and (queue is None or queue.pace is not Pace.STUCK)
    body: dict[str, object] = {"status": "ok" if is_ready else "error", "checks": checks}
    if queue:
        body["oldest_wait_seconds"] = round(queue.oldest_wait.total_seconds())
    headers = {} if is_ready else StorageUnavailable().headers()
    return JsonResponse(body, status=200 if is_ready else 503, headers=headers)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        if not (isinstance(error, Error) or is_unreachable(error)):
            raise
        return False
    return True


def _queue() -> QueueState | None:
    """How the queue moves; None when the database went away this moment."""
    try:
        return queue_state()
    except Exception as error:
        if not (isinstance(error, Error) or is_unreachable(error)):
            raise
        return None


def _documents_are_there() -> bool:
    """Whether the folder of the documents can be read and written to."""
    try:
        folder = documents_folder()
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _has_space() -> bool:
    try:
        return shutil.disk_usage(settings.DATA_DIR).free >= LEAST_FREE
    except OSError:
        return False


@login_not_required
@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Send browsers that ask here for the icon to where it is."""
    return redirect(static("ocrsite/icon.svg"))
