import django.utils.timezone
from django.db import migrations, models


def wipe_once(apps, schema_editor):
    # Nothing remembered so far what a crash had left in the write-ahead log.
    has_keys = apps.get_model("tokens", "TokenMaster").objects.exists()
    if schema_editor.connection.vendor == "sqlite" and has_keys:
        apps.get_model("tokens", "PendingWipe").objects.create()


class Migration(migrations.Migration):
    dependencies = [("tokens", "0008_labels")]
    operations = [
        migrations.CreateModel(
            name="PendingWipe",
            fields=[
                (
                    "wipe_id",
                    models.BigAutoField(db_column="WipeID", primary_key=True, serialize=False),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_column="CreatedAt", default=django.utils.timezone.now
                    ),
                ),
            ],
            options={"db_table": "PendingWipes"},
        ),
        migrations.RunPython(wipe_once, migrations.RunPython.noop),
    ]
