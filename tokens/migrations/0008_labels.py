import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Labels and help texts of the admin only; no table changes."""

    dependencies = [
        ('tokens', '0007_circuit_breaker_fields'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='tokenchange',
            options={'ordering': ['-changed_at', '-change_id'], 'verbose_name': 'key change'},
        ),
        migrations.AlterModelOptions(
            name='tokenmaster',
            options={'ordering': ['-created_at'], 'verbose_name': 'key'},
        ),
        migrations.AlterModelOptions(
            name='tokenstatusrow',
            options={'managed': False, 'ordering': ['company_id', 'token_id'], 'verbose_name': 'key status', 'verbose_name_plural': 'key status'},
        ),
        migrations.AlterField(
            model_name='alertsubscription',
            name='ledger_alerts',
            field=models.BooleanField(db_default=False, default=False, help_text="To this user's address, when an audit finds the ledger wrong. For staff only.", verbose_name='mail ledger alerts'),
        ),
        migrations.AlterField(
            model_name='alertsubscription',
            name='threshold_alerts',
            field=models.BooleanField(default=False, help_text="To this user's address, when the quota of a key runs out. For staff only.", verbose_name='mail threshold alerts'),
        ),
        migrations.AlterField(
            model_name='cooldown',
            name='token',
            field=models.OneToOneField(db_column='TokenID', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.tokenmaster', verbose_name='key'),
        ),
        migrations.AlterField(
            model_name='ledgeralert',
            name='resolved_at',
            field=models.DateTimeField(db_column='ResolvedAt', help_text='When a later audit found nothing wrong, or something else.', null=True, verbose_name='resolved'),
        ),
        migrations.AlterField(
            model_name='recentcall',
            name='token',
            field=models.ForeignKey(db_column='TokenID', on_delete=django.db.models.deletion.CASCADE, to='tokens.tokenmaster', verbose_name='key'),
        ),
        migrations.AlterField(
            model_name='thresholdalert',
            name='threshold',
            field=models.BigIntegerField(db_column='Threshold', help_text='LLM tokens; 0: the key is used up.'),
        ),
        migrations.AlterField(
            model_name='thresholdalert',
            name='token',
            field=models.ForeignKey(db_column='TokenID', on_delete=django.db.models.deletion.CASCADE, to='tokens.tokenmaster', verbose_name='key'),
        ),
        migrations.AlterField(
            model_name='tokenchange',
            name='actor',
            field=models.CharField(db_column='Actor', help_text='The name of a user; system: this service by itself; provider: an answer of the provider; SQL: a change in the database by hand.', max_length=150),
        ),
        migrations.AlterField(
            model_name='tokenchange',
            name='token',
            field=models.ForeignKey(db_column='TokenID', on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='tokens.tokenmaster', verbose_name='key'),
        ),
        migrations.AlterField(
            model_name='tokenmaster',
            name='project',
            field=models.CharField(blank=True, db_column='Project', help_text='Google project of the key. Keys of one project share its quota and cool-downs.', max_length=100, null=True),
        ),
        migrations.AlterField(
            model_name='tokenreservation',
            name='leased_until',
            field=models.DateTimeField(db_column='LeasedUntil', help_text='After this the attempt counts as dead, and its quota is released.'),
        ),
        migrations.AlterField(
            model_name='tokenreservation',
            name='token',
            field=models.ForeignKey(db_column='TokenID', on_delete=django.db.models.deletion.CASCADE, to='tokens.tokenmaster', verbose_name='key'),
        ),
        migrations.AlterField(
            model_name='tokenusagelog',
            name='estimated',
            field=models.BooleanField(db_column='Estimated', db_default=False, default=False, help_text='The bill is unknown (the call was cut off): charged at what was reserved.'),
        ),
        migrations.AlterField(
            model_name='tokenusagelog',
            name='key_fingerprint',
            field=models.CharField(db_column='KeyFingerprint', editable=False, help_text='Keyed digest of the key of a call made while the database was unreachable.', max_length=64, null=True),
        ),
        migrations.AlterField(
            model_name='tokenusagelog',
            name='token',
            field=models.ForeignKey(db_column='TokenID', db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to='tokens.tokenmaster', verbose_name='key'),
        ),
        migrations.AlterField(
            model_name='tokenusagesummary',
            name='token',
            field=models.OneToOneField(db_column='TokenID', on_delete=django.db.models.deletion.CASCADE, related_name='summary', to='tokens.tokenmaster', verbose_name='key'),
        ),
    ]
