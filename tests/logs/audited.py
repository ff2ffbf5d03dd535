"""What the audit list says, for tests."""

from typing import Any

from logs.models import AuditEntry


def entries(**of: Any) -> list[tuple[str, ...]]:
    """Who did what to what, the oldest first."""
    found = AuditEntry.objects.filter(**of).order_by("entry_id")
    return [(each.actor, each.action, each.object_type, each.object_name) for each in found]


def last(**of: Any) -> AuditEntry:
    """The newest entry."""
    return AuditEntry.objects.filter(**of).latest("entry_id")
