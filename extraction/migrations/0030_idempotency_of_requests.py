import hashlib

from django.db import migrations, models


def digest_keys(apps, schema_editor):
    """Put the digest in the place of each key of the last day."""
    alias = schema_editor.connection.alias
    keys = apps.get_model("extraction", "IdempotencyKey")._base_manager.using(alias)
    for pk, key in keys.values_list("pk", "key"):
        keys.filter(pk=pk).update(key=hashlib.sha256(key.encode()).hexdigest())


class Migration(migrations.Migration):

    dependencies = [
        ('extraction', '0029_client_ids'),
    ]

    operations = [
        migrations.AddField(
            model_name='idempotencykey',
            name='request',
            field=models.CharField(blank=True, default='', help_text='SHA-256 of what else than a submission.', max_length=64),
        ),
        migrations.AlterField(
            model_name='idempotencykey',
            name='key',
            field=models.CharField(help_text='Its SHA-256.', max_length=200),
        ),
        migrations.RunPython(digest_keys, migrations.RunPython.noop),
    ]
