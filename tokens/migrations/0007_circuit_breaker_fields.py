from django.db import migrations, models


class Migration(migrations.Migration):
    """Names of fields only: the columns keep theirs, and no table changes."""

    dependencies = [
        ('tokens', '0006_changes_by_sql'),
    ]

    operations = [
        migrations.RenameField(
            model_name='cooldown',
            old_name='closed_until',
            new_name='blocked_until',
        ),
        migrations.RenameField(
            model_name='cooldown',
            old_name='probing',
            new_name='half_open',
        ),
        migrations.AlterModelOptions(
            name='cooldown',
            options={'ordering': ['-blocked_until'], 'verbose_name': 'cool-down'},
        ),
        migrations.AlterField(
            model_name='cooldown',
            name='half_open',
            field=models.BooleanField(db_column='Probing', db_default=False, default=False, help_text='One trial call is under way to find out whether the provider answers again.'),
        ),
    ]
