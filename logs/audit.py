"""Writes the audit list: what the apps record by ``ocrsite.lib.audit``."""

from collections.abc import Iterable
from uuid import UUID

from logs import context
from logs.models import AuditedExtraction, AuditEntry
from logs.redaction import redact
from ocrsite.lib.audit import Deed

# Characters of a value before and after; a list of all permissions has 10,000.
LONGEST_VALUE = 4_000
AT_ONCE = 200


def write(deed: Deed) -> int:
    """Insert one entry in the caller's transaction, without what looks like a secret."""
    what = deed.what
    entry = AuditEntry.objects.create(
        actor_kind=deed.who.kind,
        actor=_cut(redact(deed.who.name), 150),
        action=deed.action,
        object_type=_cut(what.kind, 50),
        object_id=_cut(what.key, 100),
        object_name=_cut(redact(what.name), 255),
        company_id=what.company_id,
        before=_cut(redact(deed.before), LONGEST_VALUE),
        after=_cut(redact(deed.after), LONGEST_VALUE),
        why=_cut(redact(deed.why), 500),
        request_id=context.current().request_id,
        address=deed.address and deed.address[:45],
    )
    return entry.pk


def name_extractions(entry_id: int, extraction_ids: Iterable[UUID]) -> None:
    """Say which extractions an entry about many is about: AT_ONCE per statement."""
    AuditedExtraction.objects.bulk_create(
        (AuditedExtraction(entry_id=entry_id, extraction_id=pk) for pk in extraction_ids),
        batch_size=AT_ONCE,
    )


def _cut(text: str, length: int) -> str:
    """A text as long as its column: in UTF-16 units, which SQL Server counts."""
    if len(text.encode("utf-16-le")) // 2 <= length:
        return text
    kept = text.encode("utf-16-le")[: 2 * (length - 1)].decode("utf-16-le", errors="ignore")
    return f"{kept}…"
