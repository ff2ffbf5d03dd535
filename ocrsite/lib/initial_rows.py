"""Rows that a fresh installation begins with, in migrations.

A migration inserts them once: what staff delete later does not come back. The script for SQL Server
(ocrsite.lib.sqlserver.setup_script) inserts the same rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunPython

Row = Mapping[str, str | int | bool]


class InsertRows(RunPython):
    """Inserts rows of one model, given by the attributes of its fields; backwards they stay.

    Primary keys that other rows refer to are given, too, so that the same are used everywhere. What
    a row says for a field of a later migration is left to that migration; the script for SQL
    Server, whose tables are those of the last one, inserts it.
    """

    def __init__(self, app_label: str, model_name: str, rows: Sequence[Row]) -> None:
        self.app_label = app_label
        self.model_name = model_name
        self.rows = rows
        super().__init__(self._insert, RunPython.noop)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """How squashmigrations writes it down."""
        return f"{__name__}.InsertRows", [self.app_label, self.model_name, list(self.rows)], {}

    def _insert(self, apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        model = apps.get_model(self.app_label, self.model_name)
        rows = model._default_manager.using(schema_editor.connection.alias)
        known = {name for field in model._meta.fields for name in (field.name, field.attname)}
        for row in self.rows:
            rows.create(**{name: value for name, value in row.items() if name in known})

    def statements(self, apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> list[str]:
        """Return an INSERT for each row, in the SQL of the editor's database."""
        model = apps.get_model(self.app_label, self.model_name)
        connection = schema_editor.connection
        quote = connection.ops.quote_name
        statements = []
        for row in self.rows:
            columns, values = [], []
            for name, value in row.items():
                field = next(
                    each for each in model._meta.fields if name in (each.name, each.attname)
                )
                columns.append(quote(field.column or ""))
                values.append(_literal(field.get_db_prep_save(value, connection)))
            statements.append(
                f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)})"  # noqa: S608 - ours
                f" VALUES ({', '.join(values)})"
            )
        return statements


def _literal(value: object) -> str:
    if isinstance(value, (bool, int)):
        return str(int(value))
    text = str(value).replace("'", "''")
    return f"N'{text}'"
