import django.utils.timezone
import ocrsite.lib.database
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tokens', '0010_installation'),
    ]

    operations = [
        migrations.CreateModel(
            name='Company',
            fields=[
                ('company_id', models.CharField(db_column='CompanyID', max_length=50, primary_key=True, serialize=False, verbose_name='company id')),
                ('folded_id', models.CharField(db_column='FoldedID', editable=False, max_length=150, unique=True)),
                ('name', models.CharField(blank=True, db_column='CompanyName', max_length=200)),
                ('time_zone', models.CharField(blank=True, db_column='TimeZone', help_text='IANA name, such as Asia/Kathmandu; empty means DISPLAY_TIME_ZONE.', max_length=64)),
                ('branches', models.TextField(blank=True, db_column='Branches', help_text='One per line; offered at an upload before those of earlier documents.')),
                ('default_reader', models.CharField(blank=True, db_column='DefaultReader', help_text="What is read of an upload: the value of an extraction's reader.", max_length=20)),
                ('default_model', models.CharField(blank=True, db_column='DefaultModel', help_text="Of new keys; empty means the site's default.", max_length=100)),
                ('export_as', models.CharField(blank=True, db_column='ExportAs', help_text='The columns of exports of its documents: format:id of a profile.', max_length=100)),
                ('other_spellings', models.JSONField(blank=True, db_column='OtherSpellings', default=list, editable=False)),
                ('created_at', models.DateTimeField(db_column='CreatedAt', db_default=ocrsite.lib.database.UtcNow(), default=django.utils.timezone.now, editable=False)),
                ('closed_at', models.DateTimeField(blank=True, db_column='ClosedAt', editable=False, null=True, verbose_name='closed')),
            ],
            options={
                'verbose_name_plural': 'companies',
                'db_table': 'Companies',
                'ordering': ['company_id'],
            },
        ),
    ]
