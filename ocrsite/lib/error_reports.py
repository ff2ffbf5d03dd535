"""What Django's error pages and mails may show."""

import re
from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class NoVariables(SafeExceptionReporterFilter):
    """Shows no variable of any frame: ours and the SDK's may hold a provider's key.

    Django hides form fields marked as sensitive only while DEBUG is off; this one always does.
    """

    # By name, in settings and environment: addresses, which may hold a password.
    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|DATABASE|REDIS", re.IGNORECASE
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        """Whatever DEBUG says."""
        return True

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        """None of them."""
        return {}.items()
