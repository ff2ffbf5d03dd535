"""UUID columns of an existing SQL Server database become nchar(32), with a catalogue of our own."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from sqlglot import exp, parse_one

migration = import_module("extraction.migrations.0008_uuids_that_seek")

EXTRACTIONS, ATTEMPTS, RETRIES, USAGE = (
    "extraction_extraction",
    "extraction_attempt",
    "RetryAttempts",
    "TokenUsageLogs",
)
# Name and whether it is nullable, of the columns that are char(32).
COLUMNS: dict[str, list[tuple[str, bool]]] = {
    EXTRACTIONS: [("id", False), ("lease_id", True)],
    ATTEMPTS: [("id", False), ("extraction_id", False), ("repairs_id", True)],
    RETRIES: [("ExtractionID", True)],
    USAGE: [("AttemptID", True), ("Checksum", True)],
}
FK = ("NO_ACTION", "NO_ACTION")
FOREIGN_KEYS = {
    EXTRACTIONS: [
        ("attempt_fk", ATTEMPTS, "extraction_id", EXTRACTIONS, "id", *FK),
        ("token_fk", EXTRACTIONS, "token_id", "TokenMaster", "TokenID", *FK),
    ],
    ATTEMPTS: [
        ("attempt_fk", ATTEMPTS, "extraction_id", EXTRACTIONS, "id", *FK),
        ("repairs_fk", ATTEMPTS, "repairs_id", ATTEMPTS, "id", "SET_NULL", "NO_ACTION"),
    ],
}
# Number, name, primary, constraint, unique, kind, condition, column, descending, included.
INDEXES = {
    EXTRACTIONS: [
        (1, "PK_extraction", True, False, True, "CLUSTERED", None, "id", False, False),
        (2, "extraction_due", False, False, False, "NONCLUSTERED", None, "due_at", False, False),
    ],
    ATTEMPTS: [
        (1, "PK_attempt", True, False, True, "CLUSTERED", None, "id", False, False),
        (3, "once", False, True, True, "NONCLUSTERED", None, "extraction_id", False, False),
        (3, "once", False, True, True, "NONCLUSTERED", None, "number", True, False),
    ],
    RETRIES: [
        (4, "IX_R", False, False, False, "NONCLUSTERED", None, "Timestamp", True, False),
        (4, "IX_R", False, False, False, "NONCLUSTERED", None, "ExtractionID", False, True),
    ],
    USAGE: [
        *[
            (5, "UQ", False, False, True, "NONCLUSTERED", "([AttemptID] IS NOT NULL)", *column)
            for column in [("AttemptID", False, False)]
        ],
    ],
}
EXPECTED = [
    "ALTER TABLE [extraction_attempt] DROP CONSTRAINT [attempt_fk]",
    "ALTER TABLE [extraction_attempt] DROP CONSTRAINT [repairs_fk]",
    "DROP INDEX [IX_R] ON [RetryAttempts]",
    "DROP INDEX [UQ] ON [TokenUsageLogs]",
    "ALTER TABLE [extraction_attempt] DROP CONSTRAINT [once]",
    "ALTER TABLE [extraction_attempt] DROP CONSTRAINT [PK_attempt]",
    "ALTER TABLE [extraction_extraction] DROP CONSTRAINT [PK_extraction]",
    "ALTER TABLE [RetryAttempts] ALTER COLUMN [ExtractionID] nchar(32) NULL",
    "ALTER TABLE [TokenUsageLogs] ALTER COLUMN [AttemptID] nchar(32) NULL",
    "ALTER TABLE [extraction_attempt] ALTER COLUMN [id] nchar(32) NOT NULL",
    "ALTER TABLE [extraction_attempt] ALTER COLUMN [extraction_id] nchar(32) NOT NULL",
    "ALTER TABLE [extraction_attempt] ALTER COLUMN [repairs_id] nchar(32) NULL",
    "ALTER TABLE [extraction_extraction] ALTER COLUMN [id] nchar(32) NOT NULL",
    "ALTER TABLE [extraction_extraction] ALTER COLUMN [lease_id] nchar(32) NULL",
    "CREATE NONCLUSTERED INDEX [IX_R] ON [RetryAttempts] ([Timestamp] DESC)"
    " INCLUDE ([ExtractionID])",
    "CREATE UNIQUE NONCLUSTERED INDEX [UQ] ON [TokenUsageLogs] ([AttemptID])"
    " WHERE ([AttemptID] IS NOT NULL)",
    "ALTER TABLE [extraction_attempt] ADD CONSTRAINT [PK_attempt] PRIMARY KEY CLUSTERED ([id])",
    "ALTER TABLE [extraction_attempt] ADD CONSTRAINT [once] UNIQUE NONCLUSTERED"
    " ([extraction_id], [number] DESC)",
    "ALTER TABLE [extraction_extraction] ADD CONSTRAINT [PK_extraction]"
    " PRIMARY KEY CLUSTERED ([id])",
    "ALTER TABLE [extraction_attempt] WITH CHECK ADD CONSTRAINT [attempt_fk]"
    " FOREIGN KEY ([extraction_id]) REFERENCES [extraction_extraction] ([id])"
    " ON DELETE NO ACTION ON UPDATE NO ACTION",
    "ALTER TABLE [extraction_attempt] WITH CHECK ADD CONSTRAINT [repairs_fk]"
    " FOREIGN KEY ([repairs_id]) REFERENCES [extraction_attempt] ([id])"
    " ON DELETE SET NULL ON UPDATE NO ACTION",
]


class Server:
    """Answers for the catalogue, and is a cursor, a connection and a schema editor in one."""

    vendor = "microsoft"

    def __init__(self, columns: dict[str, list[tuple[str, bool]]]) -> None:
        self._columns = columns
        self._rows: list[Any] = []
        self.executed: list[str] = []
        self.connection = self

    def cursor(self) -> "Server":
        return self

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def quote_name(self, name: str) -> str:
        return f"[{name}]"

    def execute(self, sql: str, params: list[str] | None = None) -> None:
        if params is None:
            self.executed.append(sql)
            return
        assert sql.count("%s") == len(params)
        answers: dict[str, Any] = {
            migration.COLUMNS: self._columns,
            migration.FOREIGN_KEYS: FOREIGN_KEYS,
            migration.INDEXES: INDEXES,
        }
        self._rows = answers[sql].get(params[0].strip("[]"), [])

    def fetchall(self) -> list[Any]:
        return self._rows


def alter(server: Server) -> list[str]:
    state = SimpleNamespace(apps=apps)
    migration.NcharUuids().database_forwards("extraction", server, state, state)
    return server.executed


def test_keys_and_indexes_are_dropped_and_made_again_around_the_columns() -> None:
    executed = alter(Server(COLUMNS))

    assert executed[0] == 'DROP VIEW IF EXISTS "vw_FailedRetries"'
    assert executed[1:-2] == EXPECTED
    assert executed[-1].startswith('CREATE VIEW "vw_FailedRetries"')


def test_database_with_nchar_columns_is_left_alone() -> None:
    assert alter(Server({})) == []


def test_other_databases_are_left_alone() -> None:
    server = Server(COLUMNS)
    server.vendor = "postgresql"

    assert alter(server) == []


def test_column_that_holds_no_uuid_is_left_alone() -> None:
    assert "Checksum" not in "".join(alter(Server(COLUMNS)))


def test_every_uuid_of_the_models_is_looked_at() -> None:
    columns = migration.uuid_columns(apps)

    assert columns[ATTEMPTS] == {"id", "extraction_id", "repairs_id"}
    assert columns["TokenReservations"] == {"AttemptID"}
    assert columns["ApplicationLogs"] == {"ExtractionID"}
    uuids = {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        if model._meta.managed
        for field in model._meta.local_fields
        if isinstance(field, models.UUIDField)
    }
    assert uuids <= {(table, name) for table, names in columns.items() for name in names}


@pytest.mark.parametrize("query", ["COLUMNS", "FOREIGN_KEYS", "INDEXES"])
def test_queries_are_readable_t_sql(query: str) -> None:
    tree = parse_one(getattr(migration, query).replace("%s", "?"), read="tsql")

    assert isinstance(tree, exp.Select)


@pytest.mark.parametrize("statement", EXPECTED)
def test_statements_are_readable_t_sql(statement: str) -> None:
    assert not isinstance(parse_one(statement, read="tsql"), exp.Command)


def test_view_names_the_table_whose_column_it_shows() -> None:
    for table, views in migration.VIEWS.items():
        assert all(f'FROM "{table}"' in view.select for view in views)


@pytest.mark.django_db
def test_it_is_applied_on_this_database() -> None:
    assert connection.vendor != "microsoft"
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'extraction'")
        assert "0008_uuids_that_seek" in {name for (name,) in cursor.fetchall()}
