"""The log in the admin."""

from logs.admin import failed_calls, log_records  # noqa: F401  # Django imports only this package
