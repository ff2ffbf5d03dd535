"""The log in the admin."""

# Django imports only this package.
from logs.admin import audit_list, failed_calls, log_records  # noqa: F401
