"""Answers that more than one app gives."""

from pathlib import Path

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response


def private_file(request: HttpRequest, path: Path, content_type: str) -> HttpResponseBase:
    """Answer a file that its reader's browser may keep for an hour, or 304 to who has it.

    Raises FileNotFoundError.
    """
    stat = path.stat()
    etag = f'"{path.stem}-{stat.st_size:x}-{stat.st_mtime_ns:x}"'
    response = get_conditional_response(request, etag=etag) or FileResponse(
        path.open("rb"), content_type=content_type
    )
    response["ETag"] = etag
    response["Cache-Control"] = "private, max-age=3600"
    return response
