from django.db import migrations
from django.db.models import Min

from tokens.companies import names_by_id, register


def fill(apps, schema_editor):
    """Make a company of each id that keys and usage name; of several spellings, the oldest key's.

    Usage of the other spellings keeps them: Company.other_spellings lists them.
    """
    alias = schema_editor.connection.alias
    companies = apps.get_model("tokens", "Company")._default_manager.db_manager(alias)
    keys = apps.get_model("tokens", "TokenMaster").objects.using(alias).order_by("token_id")
    register(companies, names_by_id(keys.values_list("company_id", "company_name")))
    usage = apps.get_model("tokens", "TokenUsageLog").objects.using(alias)
    used = usage.exclude(company_id=None).order_by().values_list("company_id")
    oldest_first = sorted(used.annotate(first=Min("pk")), key=lambda row: row[1])
    register(companies, {company_id: "" for company_id, _ in oldest_first})


class Migration(migrations.Migration):

    dependencies = [
        ('tokens', '0011_companies'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
