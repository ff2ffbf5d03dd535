"""The log in the admin."""

from logs.admin import log_records  # noqa: F401  # Django imports only this package
