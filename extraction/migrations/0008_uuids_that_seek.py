"""On SQL Server, makes the char(32) columns of UUIDs nchar(32), as the backend makes new ones.

pyodbc sends text as nvarchar, for which an index on a char column is scanned under SQL collations.
Nothing happens on other databases, nor on one whose columns are nchar(32) from the start. The data
stays; foreign keys, primary keys, unique constraints and indexes on the columns are dropped and
made again under their names, all in one transaction. The tables are locked meanwhile.

A migration that adds a foreign key to one of these columns must depend on this one: SQL Server
refuses it between char and nchar. Going backwards leaves the columns as they are.
"""

from itertools import groupby
from operator import itemgetter

from django.db import migrations
from django.db.migrations.operations.base import Operation
from django.db.models import UUIDField

from logs.database_views import FAILED_RETRIES_1

# The views that show one of the columns, by the table it is from.
VIEWS = {"RetryAttempts": [FAILED_RETRIES_1]}

COLUMNS = """
    SELECT c.name, c.is_nullable
    FROM sys.columns c JOIN sys.types y ON y.user_type_id = c.user_type_id
    WHERE c.object_id = OBJECT_ID(%s) AND y.name = 'char' AND c.max_length = 32
    ORDER BY c.column_id
"""
FOREIGN_KEYS = """
    SELECT k.name, OBJECT_NAME(k.parent_object_id), own.name,
        OBJECT_NAME(k.referenced_object_id), other.name,
        k.delete_referential_action_desc, k.update_referential_action_desc
    FROM sys.foreign_keys k
    JOIN sys.foreign_key_columns part ON part.constraint_object_id = k.object_id
    JOIN sys.columns own
        ON own.object_id = part.parent_object_id AND own.column_id = part.parent_column_id
    JOIN sys.columns other
        ON other.object_id = part.referenced_object_id
        AND other.column_id = part.referenced_column_id
    WHERE k.parent_object_id = OBJECT_ID(%s) OR k.referenced_object_id = OBJECT_ID(%s)
    ORDER BY k.name
"""
# Type 1 is clustered, 2 nonclustered; a constraint's index has the constraint's name.
INDEXES = """
    SELECT i.index_id, i.name, i.is_primary_key, i.is_unique_constraint, i.is_unique, i.type_desc,
        i.filter_definition, c.name, part.is_descending_key, part.is_included_column
    FROM sys.indexes i
    JOIN sys.index_columns part ON part.object_id = i.object_id AND part.index_id = i.index_id
    JOIN sys.columns c ON c.object_id = part.object_id AND c.column_id = part.column_id
    WHERE i.object_id = OBJECT_ID(%s) AND i.type IN (1, 2)
    ORDER BY i.index_id, part.is_included_column, part.key_ordinal, part.index_column_id
"""


class NcharUuids(Operation):
    """Alters every column of a UUID that is char(32)."""

    reversible = True

    def state_forwards(self, app_label, state):
        """Nothing: the models are the same."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        """Alter the columns of every app's tables."""
        if schema_editor.connection.vendor != "microsoft":
            return
        with schema_editor.connection.cursor() as cursor:
            statements, tables = plan(
                uuid_columns(from_state.apps), Catalogue(cursor, schema_editor.quote_name)
            )
        views = [view for table in tables for view in VIEWS.get(table, [])]
        for view in views:
            view.drop(schema_editor)
        for statement in statements:
            schema_editor.execute(statement, params=None)
        for view in views:
            view.create(schema_editor)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        """Nothing: earlier releases work with nchar(32), too."""

    def describe(self):
        """What migrate --plan prints."""
        return "Make the columns of UUIDs nchar(32) on SQL Server"


def uuid_columns(apps):
    """The columns that hold UUIDs, foreign keys included, by table."""
    columns = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            names = {field.column for field in model._meta.local_concrete_fields if is_uuid(field)}
            if names:
                columns.setdefault(model._meta.db_table, set()).update(names)
    return columns


def is_uuid(field):
    while field.remote_field:
        field = field.target_field
    return isinstance(field, UUIDField)


class Catalogue:
    """What the server knows of a table."""

    def __init__(self, cursor, quote):
        self.cursor = cursor
        self.quote = quote

    def read(self, query, table):
        name = self.quote(table)
        self.cursor.execute(query, [name] * query.count("%s"))
        return [tuple(row) for row in self.cursor.fetchall()]


def plan(columns, catalogue):
    """The statements, in order, and the tables that they alter."""
    quote = catalogue.quote
    altered = {}
    for table in sorted(columns):
        for column, nullable in catalogue.read(COLUMNS, table):
            if column in columns[table]:
                altered[table, column] = nullable
    tables = list(dict.fromkeys(table for table, _ in altered))
    drops, alters, creates = [], [], []

    keys = {
        key[0]: key for table in tables for key in catalogue.read(FOREIGN_KEYS, table)
        if (key[1], key[2]) in altered or (key[3], key[4]) in altered
    }
    for name, table, *_ in keys.values():
        drops.append(f"ALTER TABLE {quote(table)} DROP CONSTRAINT {quote(name)}")
    for table in tables:
        indexes = [
            list(parts)
            for _, parts in groupby(catalogue.read(INDEXES, table), key=itemgetter(0))
        ]
        touched = [
            parts for parts in indexes if any((table, part[7]) in altered for part in parts)
        ]
        # The clustered index, which has the lowest number, is dropped last and made first: all
        # others are built on it.
        drops.extend(drop_index(table, parts, quote) for parts in reversed(touched))
        creates.extend(create_index(table, parts, quote) for parts in touched)
    for (table, column), nullable in altered.items():
        null = "NULL" if nullable else "NOT NULL"
        alters.append(
            f"ALTER TABLE {quote(table)} ALTER COLUMN {quote(column)} nchar(32) {null}"
        )
    creates.extend(create_foreign_key(key, quote) for key in keys.values())
    return [*drops, *alters, *creates], tables


def drop_index(table, parts, quote):
    _, name, is_primary, is_constraint, *_ = parts[0]
    if is_primary or is_constraint:
        return f"ALTER TABLE {quote(table)} DROP CONSTRAINT {quote(name)}"
    return f"DROP INDEX {quote(name)} ON {quote(table)}"


def create_index(table, parts, quote):
    _, name, is_primary, is_constraint, is_unique, kind, condition, *_ = parts[0]
    key = ", ".join(
        f"{quote(column)} DESC" if descending else quote(column)
        for *_, column, descending, included in parts
        if not included
    )
    if is_primary or is_constraint:
        rule = "PRIMARY KEY" if is_primary else "UNIQUE"
        return f"ALTER TABLE {quote(table)} ADD CONSTRAINT {quote(name)} {rule} {kind} ({key})"
    unique = "UNIQUE " if is_unique else ""
    included = ", ".join(quote(part[7]) for part in parts if part[9])
    return (
        f"CREATE {unique}{kind} INDEX {quote(name)} ON {quote(table)} ({key})"
        + (f" INCLUDE ({included})" if included else "")
        + (f" WHERE {condition}" if condition else "")
    )


def create_foreign_key(key, quote):
    name, table, column, other_table, other_column, on_delete, on_update = key
    return (
        f"ALTER TABLE {quote(table)} WITH CHECK ADD CONSTRAINT {quote(name)}"
        f" FOREIGN KEY ({quote(column)}) REFERENCES {quote(other_table)} ({quote(other_column)})"
        f" ON DELETE {on_delete.replace('_', ' ')} ON UPDATE {on_update.replace('_', ' ')}"
    )


class Migration(migrations.Migration):

    dependencies = [
        ("extraction", "0007_same_bytes"),
        ("logs", "0006_renamed_loggers"),
        ("tokens", "0008_labels"),
    ]

    operations = [NcharUuids()]
