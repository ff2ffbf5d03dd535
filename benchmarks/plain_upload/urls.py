"""The plain site's only view, as Django's documentation has it."""

import uuid
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from benchmarks.plain_upload.models import Upload
from ocrsite.views import health


@csrf_exempt
def upload(request: HttpRequest) -> HttpResponse:
    """Store the file of a form and its row."""
    (file,) = request.FILES.getlist("file")
    stored = Path(settings.DATA_DIR) / "files" / str(uuid.uuid4())
    stored.parent.mkdir(exist_ok=True)
    with stored.open("wb") as target:
        for chunk in file.chunks():
            target.write(chunk)
    row = Upload._default_manager.create(
        name=file.name or "", path=str(stored), size=file.size or 0
    )
    return JsonResponse({"id": row.pk}, status=202)


urlpatterns = [path("extract", upload), path("healthz", health)]
