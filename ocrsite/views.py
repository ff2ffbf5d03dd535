"""What the site as a whole answers."""

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ocrsite.lib.database import is_unreachable
from ocrsite.lib.errors import DatabaseUnavailable


@login_not_required
@never_cache
@require_safe
def health(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while this process and its database work, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        if not (isinstance(error, Error) or is_unreachable(error)):
            raise
        answer = DatabaseUnavailable()
        return JsonResponse(
            {"status": "error"}, status=answer.http_status, headers=answer.headers()
        )
    return JsonResponse({"status": "ok"})
