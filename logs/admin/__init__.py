"""The log in the admin."""

from logs.admin import audit_list, log_records  # noqa: F401  # Django imports only this package
