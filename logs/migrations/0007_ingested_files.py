"""EnteredFile becomes IngestedFile; its table and columns stay as they are."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("logs", "0006_renamed_loggers")]
    operations = [
        migrations.AlterModelTable("EnteredFile", "logs_enteredfile"),
        migrations.RenameModel("EnteredFile", "IngestedFile"),
        migrations.AlterField(
            "IngestedFile",
            "entered_at",
            models.DateTimeField(db_column="entered_at", default=django.utils.timezone.now),
        ),
        migrations.RenameField("IngestedFile", "entered_at", "ingested_at"),
    ]
