from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('extraction', '0033_earlier_documents'),
    ]

    operations = [
        migrations.AddField(
            model_name='webhookendpoint',
            name='alert_kinds',
            field=models.CharField(blank=True, db_default='', default='', help_text='Kinds of alerts, separated by commas; empty: every kind.', max_length=200, verbose_name='alerts about'),
        ),
    ]
