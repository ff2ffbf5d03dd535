"""Levels that staff set follow the modules that moved: a logger is named after its module."""

from django.db import migrations

MOVED = {
    "extraction.lease": "extraction.heartbeat",
    "extraction.outage": "ocrsite.lib.database",
    "extraction.readers.gemini": "extraction.readers.gemini.reader",
    "extraction.readers.gemini_errors": "extraction.readers.gemini.errors",
    "extraction.retention": "extraction.documents.retention",
    "extraction.waiting": "extraction.api.long_polling",
    "extraction.worker": "extraction.worker.main",
    "ocrsite.mail_once": "ocrsite.lib.email_outbox",
    "tokens.audit": "tokens.ledger_audit",
    "tokens.rotation": "tokens.key_rotation",
}


def rename(apps, names):
    levels = apps.get_model("logs", "LoggerLevel").objects
    for old, new in names.items():
        # A level that staff gave to the new name already is the later word.
        if levels.filter(logger=new).exists():
            levels.filter(logger=old).delete()
        else:
            levels.filter(logger=old).update(logger=new)


def forwards(apps, schema_editor):
    rename(apps, MOVED)


def backwards(apps, schema_editor):
    rename(apps, {new: old for old, new in MOVED.items()})


class Migration(migrations.Migration):
    dependencies = [("logs", "0005_levels_and_entered_files")]
    operations = [migrations.RunPython(forwards, backwards)]
