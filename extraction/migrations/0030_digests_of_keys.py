import hashlib
import uuid

from django.db import migrations


def replace_ids(apps, schema_editor):
    """Give API clients whose primary key holds the digest of their API key another one.

    Primary keys stand in addresses of the admin, and so in logs of proxies. The rows that name a
    client follow it.
    """
    alias = schema_editor.connection.alias
    model = apps.get_model("extraction", "ApiClient")
    clients = model._base_manager.using(alias)
    history = apps.get_model("admin", "LogEntry")._base_manager.using(alias)
    for number, old in enumerate(clients.filter(pk__contains="."), 1):
        old_id, prefix = old.pk, old.prefix
        # Two rows, for a moment, with one prefix: it is unique.
        clients.filter(pk=old_id).update(prefix=f"-{number}")
        old.pk = uuid.uuid4().hex
        old.prefix = prefix
        created = old.created
        old.save(using=alias, force_insert=True)
        clients.filter(pk=old.pk).update(created=created)
        for relation in model._meta.related_objects:
            rows = relation.related_model._base_manager.using(alias)
            field = relation.field.name
            rows.filter(**{field: old_id}).update(**{field: old.pk})
        history.filter(object_id=old_id).update(object_id=old.pk)
        clients.filter(pk=old_id).delete()


def digest_keys(apps, schema_editor):
    """Put the digest in the place of each Idempotency-Key of the last day."""
    alias = schema_editor.connection.alias
    keys = apps.get_model("extraction", "IdempotencyKey")._base_manager.using(alias)
    for pk, key in keys.values_list("pk", "key"):
        keys.filter(pk=pk).update(key=hashlib.sha256(key.encode()).hexdigest())


class Migration(migrations.Migration):

    dependencies = [
        ('admin', '0003_logentry_add_action_flag_choices'),
        ('extraction', '0029_client_scopes'),
    ]

    operations = [
        migrations.RunPython(replace_ids, migrations.RunPython.noop),
        migrations.RunPython(digest_keys, migrations.RunPython.noop),
    ]
