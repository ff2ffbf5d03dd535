from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('extraction', '0034_kinds_of_alerts'),
        ('tokens', '0021_long_prompts'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='extraction',
            name='extraction_all_to_review',
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['needs_review', 'reviewed_at', 'created_at', 'id', 'deleted_at', 'currency', 'document_type', 'total_amount'], name='extraction_all_to_review'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['state', 'created_at', 'id', 'deleted_at'], name='extraction_all_state'),
        ),
    ]
