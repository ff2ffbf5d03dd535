from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('extraction', '0020_accounts'),
    ]

    operations = [
        migrations.AddField(
            model_name='extraction',
            name='page_turns',
            field=models.JSONField(editable=False, help_text='Degrees clockwise by page number: how people turned pages to be upright.', null=True),
        ),
    ]
