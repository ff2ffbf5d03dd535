"""What people call the reasons for which a call or a document fails: one name for each code.

Codes stand in RetryAttempts, Attempts and Extractions; programs get the code, people the name.
"""

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

NAMES: dict[str, StrOrPromise] = {
    # The provider
    "server_error": _("Provider overloaded"),
    "server_timeout": _("Provider too slow"),
    "timeout": _("No answer in time"),
    "unreachable": _("Provider unreachable"),
    "connect_timeout": _("No connection in time"),
    "connection_lost": _("Connection lost"),
    "provider_error": _("Call failed"),
    "rate_limited": _("Rate limit reached"),
    "quota_exhausted": _("Provider's quota used up"),
    "no_quota": _("No quota at the provider"),
    "no_credit": _("No credit at the provider"),
    "failed_precondition": _("Project may not use the provider"),
    "unknown_provider": _("Unknown provider"),
    # The key
    "key_rejected": _("Key rejected"),
    "permission_denied": _("Key may not use the model"),
    "model_not_found": _("Model not found"),
    "no_key_free": _("No key free"),
    "needs_gemini_key": _("No key that reads pages"),
    # The answer
    "malformed_answer": _("Answer not understood"),
    "answer_too_large": _("Answer too large"),
    "empty_answer": _("Empty answer"),
    "max_tokens": _("Answer too long"),
    "wrong_schema": _("Answer of a wrong form"),
    "recitation": _("Answer broken off"),
    # The document
    "invalid_request": _("Document refused by the provider"),
    "request_too_large": _("Document too large for the provider"),
    "blocked": _("Contents refused by the provider"),
    "blank": _("Blank pages"),
    "corrupt_file": _("Damaged file"),
    "empty_file": _("Empty file"),
    "file_too_large": _("File too large"),
    "image_too_large": _("Image too large"),
    "too_many_pages": _("Too many pages"),
    "no_pages": _("No pages"),
    "no_content": _("Nothing to read"),
    "no_einvoice": _("No e-invoice in it"),
    "password_protected": _("Password needed"),
    "wrong_password": _("Wrong password"),
    "portfolio": _("PDF portfolio"),
    "unsupported_media_type": _("Unknown kind of file"),
    "url_refused": _("Address not allowed"),
    "url_unreachable": _("Address unreachable"),
    "corrupt_archive": _("Damaged ZIP"),
    "archive_too_large": _("ZIP too large"),
    "too_many_files": _("Too many files in the ZIP"),
    # This service
    "pages_missing": _("Page images missing"),
    "render_timeout": _("Pages too slow to draw"),
    "render_busy": _("Service too busy to draw it"),
    "read_busy": _("Service too busy to read it"),
    "read_timeout": _("Text too slow to read"),
    "ocr_failed": _("Text recognition failed"),
    "storage_unavailable": _("Storage unavailable"),
    "database_unavailable": _("Database unavailable"),
    "worker_died": _("Worker died"),
    "worker_stopped": _("Worker stopped"),
    "internal_error": _("Internal error"),
    # A person
    "cancelled": _("Cancelled"),
}


def name_of(code: str | None) -> str:
    """Return the name of a code; the code itself in words where it has none, "" for none."""
    if not code:
        return ""
    return str(NAMES.get(code) or code.replace("_", " ").capitalize())
