"""Levels that staff set follow the modules that moved: a logger is named after its module."""

from django.db import migrations

# Not extraction.worker and extraction.readers.gemini: their modules became packages of that name,
# so that the level reaches all that was split off them.
MOVED = {
    "extraction.lease": "extraction.heartbeat",
    "extraction.outage": "ocrsite.lib.database",
    "extraction.readers.gemini_errors": "extraction.readers.gemini.errors",
    "extraction.retention": "extraction.documents.retention",
    "extraction.waiting": "extraction.api.long_polling",
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
    # What was one module writes under two names now.
    levels = apps.get_model("logs", "LoggerLevel").objects
    for row in levels.filter(logger="extraction.pipeline"):
        levels.get_or_create(logger="extraction.outcomes", defaults={"level": row.level})


def backwards(apps, schema_editor):
    apps.get_model("logs", "LoggerLevel").objects.filter(logger="extraction.outcomes").delete()
    rename(apps, {new: old for old, new in MOVED.items()})


class Migration(migrations.Migration):
    dependencies = [("logs", "0005_levels_and_entered_files")]
    operations = [migrations.RunPython(forwards, backwards)]
