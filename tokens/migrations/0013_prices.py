import django.core.validators
from django.db import migrations, models

from ocrsite.lib.initial_rows import InsertRows
from tokens.price_list import rows


class Migration(migrations.Migration):

    dependencies = [
        ('tokens', '0012_fill_companies'),
    ]

    operations = [
        migrations.AddField(
            model_name='tokenusagelog',
            name='cost',
            field=models.DecimalField(db_column='Cost', decimal_places=10, help_text='By the price that applied at the time; empty where that is not known.', max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name='tokenusagelog',
            name='currency',
            field=models.CharField(db_column='Currency', help_text='Of the cost; ISO 4217.', max_length=3, null=True),
        ),
        migrations.AddField(
            model_name='tokenusagelog',
            name='model',
            field=models.CharField(db_column='Model', help_text='Which model was called.', max_length=100, null=True),
        ),
        migrations.CreateModel(
            name='ModelPrice',
            fields=[
                ('price_id', models.BigAutoField(db_column='PriceID', primary_key=True, serialize=False)),
                ('model', models.CharField(db_column='Model', help_text="As in the provider's price list, such as gemini-2.5-flash. It applies to the versions of the model, too (-preview-09-2025, -001, -latest), unless they have a row.", max_length=100)),
                ('valid_from', models.DateTimeField(db_column='ValidFrom', help_text="UTC. It applies until the model's next row.")),
                ('input', models.DecimalField(db_column='InputPrice', decimal_places=4, help_text='For a million LLM tokens of input.', max_digits=14, validators=[django.core.validators.MinValueValidator(0)], verbose_name='input')),
                ('cached_input', models.DecimalField(db_column='CachedInputPrice', decimal_places=4, help_text='For a million LLM tokens of input that the provider had in its cache.', max_digits=14, validators=[django.core.validators.MinValueValidator(0)], verbose_name='cached input')),
                ('output', models.DecimalField(db_column='OutputPrice', decimal_places=4, help_text='For a million LLM tokens of output, thinking included.', max_digits=14, validators=[django.core.validators.MinValueValidator(0)], verbose_name='output with thinking')),
                ('currency', models.CharField(db_column='Currency', db_default='USD', default='USD', help_text='ISO 4217.', max_length=3, validators=[django.core.validators.RegexValidator('\\A[A-Z]{3}\\Z', 'Three capital letters, such as USD.')])),
                ('source', models.CharField(blank=True, db_column='Source', db_default='', default='', help_text='Where the price is published, and when it was read there.', max_length=300)),
            ],
            options={
                'verbose_name': 'price',
                'db_table': 'ModelPrices',
                'ordering': ['model', '-valid_from'],
                'constraints': [models.UniqueConstraint(fields=('model', 'valid_from'), name='UQ_ModelPrices_Moment')],
            },
        ),
        InsertRows('tokens', 'ModelPrice', rows()),
    ]
