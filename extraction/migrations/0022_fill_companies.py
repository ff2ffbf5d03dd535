from django.db import migrations

from tokens.companies import register


def fill(apps, schema_editor):
    """Make a company of each id that only extractions, grants and API clients name.

    Rows with other spellings of an id keep them: Company.other_spellings lists them.
    """
    alias = schema_editor.connection.alias
    companies = apps.get_model("tokens", "Company")._default_manager.db_manager(alias)
    for model in ("ApiClientCompany", "CompanyGrant", "Extraction"):
        rows = apps.get_model("extraction", model)._base_manager.using(alias).order_by()
        used = rows.values_list("company_id", flat=True).distinct()
        register(companies, dict.fromkeys(sorted(used), ""))


class Migration(migrations.Migration):

    dependencies = [
        ('extraction', '0021_page_turns'),
        ('tokens', '0012_fill_companies'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
