from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('extraction', '0013_fill_listed_columns'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='extraction',
            name='extraction_company',
        ),
        migrations.RemoveIndex(
            model_name='extraction',
            name='extraction_bytes',
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'sha256', 'created_at'], name='extraction_bytes'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['created_at', 'id'], name='extraction_received'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'created_at', 'id'], name='extraction_company'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'supplier_name', 'id'], name='extraction_supplier'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'supplier_tax_id', 'id'], name='extraction_tax_id'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'invoice_number', 'id'], name='extraction_number'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'invoice_date', 'id'], name='extraction_invoiced'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'due_date', 'id'], name='extraction_payable'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'total_amount', 'id'], name='extraction_total'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'file_name', 'id'], name='extraction_file_name'),
        ),
        migrations.AddIndex(
            model_name='extraction',
            index=models.Index(fields=['company_id', 'needs_review', 'reviewed_at', 'created_at', 'id'], name='extraction_to_review'),
        ),
    ]
