"""The log in the admin."""

from logs.admin import levels, log_records  # noqa: F401  # where Django looks for them
