from django.db import migrations, models
from django.db.models import F


def copy_due_at(apps, schema_editor):
    """Until now due_at was also the time of Retry-After after a failure with 503."""
    Extraction = apps.get_model("extraction", "Extraction")
    unavailable = Extraction.objects.using(schema_editor.connection.alias).filter(
        state="failed", http_status=503
    )
    unavailable.update(retry_after_at=F("due_at"))


class Migration(migrations.Migration):

    dependencies = [
        ("extraction", "0005_file_retention"),
    ]

    operations = [
        migrations.AddField(
            model_name="extraction",
            name="retry_after_at",
            field=models.DateTimeField(help_text="When a key may be free again: set when it failed with status 503.", null=True),
        ),
        migrations.AlterField(
            model_name="extraction",
            name="timings",
            field=models.JSONField(help_text="Seconds of wall clock by stage: pages, read.", null=True),
        ),
        migrations.RunPython(copy_due_at, migrations.RunPython.noop),
    ]
