"""The schema as one T-SQL script for a fresh database, made from the migrations without a server.

Tables, indexes and foreign keys are those of the models' last state, views those that the last
migration created. Every batch may be repeated: what is there is left alone. The rows of
django_migrations come last, so that ``manage.py migrate`` goes on from there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler

from ocrsite.lib.database_views import CreateViews, DropViews, View
from ocrsite.lib.initial_rows import InsertRows

# The statements are the same for every version that mssql-django supports.
_VERSION = 2022
_ALIAS = "setup_script"

_OPTIONS = """SET NOCOUNT ON;
SET XACT_ABORT ON;
-- Indexes with a condition need it; sqlcmd switches it off unless it is called with -I.
SET QUOTED_IDENTIFIER ON;
SET ANSI_NULLS ON;"""

_TABLE = re.compile(r"CREATE TABLE \[(\w+)\]")
_CONSTRAINT = re.compile(r"ALTER TABLE \[\w+\] ADD CONSTRAINT \[(\w+)\]")
_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX \[(\w+)\] ON \[(\w+)\]")


@dataclass(frozen=True, slots=True)
class Schema:
    """What the script creates. The parts of every list come in the same order every time."""

    tables: Mapping[str, str]
    """CREATE TABLE by table, in an order in which each could be filled."""
    columns: list[tuple[str, str]]
    constraints: Mapping[str, str]
    """ALTER TABLE … ADD CONSTRAINT by the constraint's name."""
    indexes: Mapping[tuple[str, str], str]
    """CREATE INDEX by table and the index's name."""
    views: Mapping[str, str]
    rows: Mapping[tuple[str, str], list[str]]
    """INSERT statements of what an installation begins with, by migration."""
    migrations: list[tuple[str, str]]


def script(settings: dict[str, Any], *, header: str, samples: str) -> str:
    """Return the whole script. ``settings`` are those of any SQL Server: none is connected to.

    ``header`` and ``samples`` go in front and behind, as comments.
    """
    batches = [_comment(header), _OPTIONS, *_batches(_schema(settings)), "SET NOEXEC OFF;"]
    return "".join(f"{batch}\nGO\n\n" for batch in batches) + _comment(samples) + "\n"


def _schema(settings: dict[str, Any]) -> Schema:
    connection = ConnectionHandler({"default": settings, _ALIAS: settings})[_ALIAS]
    known: Any = connection
    known._known_versions[_ALIAS] = _VERSION
    known._known_azures[_ALIAS] = False
    loader = MigrationLoader(None)
    plan = loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True)
    recorder: type[models.Model] = MigrationRecorder.Migration
    every_model = [recorder, *_in_order(loader.project_state().apps.get_models())]
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        for model in every_model:
            if model._meta.can_migrate(connection):
                editor.create_model(model)
    # In any order: the backend keeps them in sets.
    statements = [statement.rstrip(";") for statement in editor.collected_sql]
    return Schema(
        tables={table: text for (table,), text in _matching(_TABLE, statements)},
        columns=list(_columns(every_model, connection)),
        constraints={name: text for (name,), text in _matching(_CONSTRAINT, sorted(statements))},
        indexes={
            (table, name): text for (name, table), text in _matching(_INDEX, sorted(statements))
        },
        views=dict(_views(loader, plan, connection)),
        rows=dict(_rows(loader, plan, connection)),
        migrations=sorted(plan),
    )


def _matching(
    pattern: re.Pattern[str], statements: Iterable[str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for statement in statements:
        if match := pattern.match(statement):
            yield match.groups(), statement


def _in_order(found: Iterable[type[models.Model]]) -> list[type[models.Model]]:
    """By name, each after those that it refers to."""
    left = sorted(found, key=lambda model: model._meta.label)
    ordered: list[type[models.Model]] = []
    while left:
        for model in left:
            others = {
                field.related_model
                for field in model._meta.local_fields
                if field.related_model not in (None, model)
            }
            if others <= set(ordered):
                break
        ordered.append(model)
        left.remove(model)
    return ordered


def _columns(
    found: Iterable[type[models.Model]], connection: BaseDatabaseWrapper
) -> Iterator[tuple[str, str]]:
    for model in found:
        if not model._meta.can_migrate(connection):
            continue
        links = [field.remote_field.through for field in model._meta.local_many_to_many]
        for each in (model, *[link for link in links if link and link._meta.auto_created]):
            for field in each._meta.local_concrete_fields:
                yield each._meta.db_table, field.column or ""


def _views(
    loader: MigrationLoader, plan: list[tuple[str, str]], connection: BaseDatabaseWrapper
) -> Iterator[tuple[str, str]]:
    """Each view as the last migration left it."""
    views: dict[str, View] = {}
    for node in plan:
        for operation in loader.graph.nodes[node].operations:
            if isinstance(operation, DropViews):
                for view in operation.views:
                    views.pop(view.name, None)
            elif isinstance(operation, CreateViews):
                views.update({view.name: view for view in operation.views})
    for name in sorted(views):
        with connection.schema_editor(collect_sql=True, atomic=False) as editor:
            views[name].create(editor)
        yield name, editor.collected_sql[-1].rstrip(";")


def _rows(
    loader: MigrationLoader, plan: list[tuple[str, str]], connection: BaseDatabaseWrapper
) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """The rows that migrations insert, into tables as the last migration leaves them."""
    apps = loader.project_state().apps
    for node in plan:
        operations = loader.graph.nodes[node].operations
        inserting = [each for each in operations if isinstance(each, InsertRows)]
        if inserting:
            editor = connection.schema_editor(collect_sql=True, atomic=False)
            yield node, [text for each in inserting for text in each.statements(apps, editor)]


def _batches(schema: Schema) -> Iterator[str]:
    tables = [
        _if(f"OBJECT_ID(N'[{table}]', N'U') IS NULL", _laid_out(text))
        for table, text in schema.tables.items()
    ]
    yield tables[0]  # django_migrations, which the next one reads
    yield _guard(schema)
    yield from tables[1:]
    for name, text in schema.constraints.items():
        yield _if(f"OBJECT_ID(N'[{name}]') IS NULL", text)
    for (table, name), text in schema.indexes.items():
        yield _if(
            f"NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'{name}'"  # noqa: S608 - our names
            f" AND object_id = OBJECT_ID(N'[{table}]'))",
            text,
        )
    for name, text in schema.views.items():
        yield f"DROP VIEW IF EXISTS [{name}];"
        yield f"{text};"
    for node, statements in schema.rows.items():
        yield _insert_once(node, statements)
    yield _check(schema)
    yield _record(schema)


def _guard(schema: Schema) -> str:
    """Executes nothing more where ``migrate`` of another release has been at work."""
    return f"""IF EXISTS (SELECT 1 FROM [django_migrations]) AND EXISTS (
    SELECT released.app, released.name
    FROM (VALUES
        {_values(schema.migrations, indent=8)}
    ) AS released (app, name)
    EXCEPT SELECT [app], [name] FROM [django_migrations]
)
BEGIN
    RAISERROR(N'This database is of another release: run manage.py migrate.', 16, 1);
    SET NOEXEC ON;
END"""  # noqa: S608 - our own names


def _check(schema: Schema) -> str:
    """Executes nothing more where a table of the same name was there, another program's."""
    return f"""IF EXISTS (
    SELECT 1
    FROM (VALUES
        {_values(schema.columns, indent=8)}
    ) AS expected (table_name, column_name)
    WHERE COL_LENGTH(QUOTENAME(expected.table_name), expected.column_name) IS NULL
)
BEGIN
    RAISERROR(N'A table lacks columns: was it there before? Nothing is recorded.', 16, 1);
    SET NOEXEC ON;
END"""  # noqa: S608 - our own names


def _insert_once(migration: tuple[str, str], statements: list[str]) -> str:
    """Inserts rows where the migration that brings them is not recorded yet, all of them or none.

    Recorded, or there, they are the installation's: what was deleted does not come back.
    """
    app, name = migration
    first = re.match(r"INSERT INTO (\[\w+\])", statements[0])
    table = first[1] if first else ""
    return _if(
        "NOT EXISTS (SELECT 1 FROM [django_migrations]"  # noqa: S608 - our own names
        f" WHERE [app] = N'{app}' AND [name] = N'{name}')"
        f" AND NOT EXISTS (SELECT 1 FROM {table})",
        ";\n".join(["BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION"]),
    )


def _record(schema: Schema) -> str:
    """Tells ``migrate`` what is there."""
    return f"""INSERT INTO [django_migrations] ([app], [name], [applied])
SELECT released.app, released.name, SYSUTCDATETIME()
FROM (VALUES
    {_values(schema.migrations, indent=4)}
) AS released (app, name)
WHERE NOT EXISTS (
    SELECT 1 FROM [django_migrations] AS recorded
    WHERE recorded.[app] = released.app AND recorded.[name] = released.name
);"""  # noqa: S608 - our own names


def _if(condition: str, statement: str) -> str:
    return f"IF {condition}\nBEGIN\n{statement};\nEND"


def _laid_out(create_table: str) -> str:
    """One line for each column: breaks behind the commas that are in one pair of brackets."""
    depth = 0
    text = ""
    for character in create_table:
        depth += (character == "(") - (character == ")")
        text += character
        if character == "(" and depth == 1 and not text[:-1].count("("):
            text += "\n    "
        elif character == "," and depth == 1:
            text += "\n   "
    return f"{text[:-1]}\n)"


def _values(pairs: Iterable[tuple[str, str]], *, indent: int) -> str:
    return (",\n" + " " * indent).join(f"(N'{first}', N'{second}')" for first, second in pairs)


def _comment(text: str) -> str:
    return "\n".join(f"-- {line}".rstrip() for line in text.strip().splitlines())
