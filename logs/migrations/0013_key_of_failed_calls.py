import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('logs', '0012_retention_of_webhooks'),
    ]

    operations = [
        migrations.AlterField(
            model_name='retryattempt',
            name='token',
            field=models.ForeignKey(db_column='TokenID', db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to='tokens.tokenmaster', verbose_name='key'),
        ),
    ]
