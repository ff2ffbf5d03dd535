"""docs/setup_database.sql creates what the migrations create, and lets migrate go on from there."""

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunPython, RunSQL
from django.db.models import Model
from sqlglot import exp, parse, parse_one

from ocrsite.lib.initial_rows import InsertRows
from tests.running_site import ROOT
from tests.t_sql import (
    OUR_APPS,
    Column,
    Statement,
    indexes_in,
    migration_statements,
    table_of,
    tables_in,
)

SCRIPT = ROOT / "docs" / "setup_database.sql"
# They change rows that a fresh database does not have. Another one must be judged first.
ONLY_CHANGE_ROWS = {
    ("auth", "0011_update_proxy_permissions"),
    ("contenttypes", "0002_remove_content_type_name"),
    ("extraction", "0006_retry_after_at"),
    ("extraction", "0013_fill_listed_columns"),
    ("extraction", "0020_accounts"),
    ("extraction", "0022_fill_companies"),
    ("extraction", "0027_roles"),
    ("extraction", "0030_digests_of_keys"),
    ("logs", "0006_renamed_loggers"),
    ("logs", "0011_audit_list"),
    ("rest_framework_api_key", "0004_prefix_hashed_key"),
    ("tokens", "0009_pending_wipes"),
    ("tokens", "0012_fill_companies"),
    ("tokens", "0014_quotas"),
    ("tokens", "0021_long_prompts"),  # the rows of the script say it already
}


def batches_of(script: str) -> list[str]:
    """What stands between two GO, without comments."""
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    batches = re.split(r"^GO$", "\n".join(lines), flags=re.MULTILINE)
    return [batch.strip() for batch in batches if batch.strip()]


@pytest.fixture(scope="module")
def batches() -> list[str]:
    return batches_of(SCRIPT.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def trees(batches: list[str]) -> list[exp.Expr]:
    """Every statement of the script."""
    return [tree for batch in batches for tree in parse(batch, read="tsql") if tree]


@pytest.fixture(scope="module")
def created(trees: list[exp.Expr]) -> list[exp.Expr]:
    """What is created where it is not there."""
    found: list[exp.Expr] = []
    for tree in trees:
        if isinstance(tree, exp.IfBlock):
            found += [*tree.find_all(exp.Create), *tree.find_all(exp.Alter)]
        elif isinstance(tree, exp.Create):
            found.append(tree)
    return found


@pytest.fixture(scope="module")
def migrated() -> list[Statement]:
    return migration_statements()


@pytest.mark.usefixtures("measured_processes")
def test_file_is_what_the_command_writes(tmp_path: Path) -> None:
    written = tmp_path / "setup.sql"

    # In a process of its own, since it patches Django for every database.
    subprocess.run(
        [sys.executable, "manage.py", "setup_sql", "--output", str(written)], cwd=ROOT, check=True
    )

    assert set(batches_of(written.read_text())) == set(batches_of(SCRIPT.read_text()))
    assert written.read_text() == SCRIPT.read_text()


def test_every_statement_is_readable_t_sql(batches: list[str], trees: list[exp.Expr]) -> None:
    assert len(trees) > 140
    for batch in batches:
        for tree in parse(batch, read="tsql"):
            assert tree is not None
            # sqlglot keeps what it does not understand as a Command.
            assert tree.find(exp.Command) is None, batch


def test_tables_and_columns_are_those_of_the_migrations(
    created: list[exp.Expr], migrated: list[Statement], tables_of_our_apps: set[str]
) -> None:
    ours = tables_in(tree for tree in created if isinstance(tree, exp.Create))
    theirs = final_tables(migrated)

    assert ours.keys() - theirs.keys() == {"django_migrations"}
    for table, columns in theirs.items():
        if table in tables_of_our_apps:
            assert ours[table] == columns, table
        else:  # their migrations change defaults and uniqueness, too, by names that a server gives
            assert types(ours[table]) == types(columns), table


@pytest.fixture(scope="module")
def tables_of_our_apps(migrated: list[Statement]) -> set[str]:
    return set(tables_in(each.tree for each in migrated if each.app in OUR_APPS))


def types(columns: dict[str, Column]) -> dict[str, tuple[str, bool]]:
    return {name: (column.type, column.nullable) for name, column in columns.items()}


def final_tables(migrated: list[Statement]) -> dict[str, dict[str, Column]]:
    """What the migrations lead to."""
    tables: dict[str, dict[str, Column]] = {}
    for statement in migrated:
        for table, columns in tables_in([statement.tree]).items():
            tables.setdefault(table, {}).update(columns)
        alter = re.match(
            r"ALTER TABLE \[(\w+)\] ALTER COLUMN \[(\w+)\] (.+?)(?: (NOT NULL|NULL))?;",
            statement.text,
        )
        drop = re.match(r"ALTER TABLE \[(\w+)\] DROP COLUMN \[(\w+)\]", statement.text)
        rename = re.match(r"EXEC sp_rename '\[?(\w+)\]?\.\[?(\w+)\]?', \[?(\w+)", statement.text)
        if alter:
            table, column, kind, null = alter.groups()
            tables[table][column] = tables[table][column]._replace(
                type=parse_one(f"CAST(x AS {kind})", read="tsql").args["to"].sql("tsql"),
                nullable=null != "NOT NULL",
            )
        elif drop:
            del tables[drop[1]][drop[2]]
        elif rename:
            tables[rename[1]][rename[3]] = tables[rename[1]].pop(rename[2])
    return tables


def test_indexes_and_unique_constraints_are_those_of_the_migrations(
    created: list[exp.Expr], migrated: list[Statement], tables_of_our_apps: set[str]
) -> None:
    def keys(trees: Iterable[exp.Expr]) -> set[tuple[str, str, bool, frozenset[str]]]:
        return {
            (each.table, each.text, each.unique, each.not_null)
            for each in indexes_in(trees)
            if each.table in tables_of_our_apps
        }

    assert keys(created) == keys(each.tree for each in without_dropped_indexes(migrated))


def without_dropped_indexes(migrated: list[Statement]) -> list[Statement]:
    """The statements but those that create an index which a later one drops."""
    left: dict[tuple[str, str] | int, Statement] = {}
    for number, statement in enumerate(migrated):
        create = re.match(r"CREATE (?:UNIQUE )?INDEX \[(\w+)\] ON \[(\w+)\]", statement.text)
        drop = re.match(r"DROP INDEX \[(\w+)\] ON \[(\w+)\]", statement.text)
        if drop:
            left.pop((drop[2], drop[1]), None)
        else:
            left[(create[2], create[1]) if create else number] = statement
    return list(left.values())


def foreign_keys(trees: list[exp.Expr]) -> set[tuple[str, str, str]]:
    """Table, column and what it refers to."""
    return {
        (table_of(tree), key.expressions[0].name, table_of(reference))
        for tree in trees
        if isinstance(tree, exp.Alter)
        for key in tree.find_all(exp.ForeignKey)
        for reference in key.find_all(exp.Reference)
    }


def test_foreign_keys_are_those_of_the_migrations(
    created: list[exp.Expr], migrated: list[Statement]
) -> None:
    keys = foreign_keys(created)

    assert ("TokenUsageLogs", "TokenID", "TokenMaster") in keys
    assert keys == foreign_keys([each.tree for each in migrated])


def test_views_are_those_of_the_migrations_alone_in_their_batches(
    batches: list[str], migrated: list[Statement]
) -> None:
    views = {batch.rstrip(";") for batch in batches if "CREATE VIEW" in batch}
    last = {
        table_of(each.tree): each.text.rstrip(";")
        for each in migrated
        if each.text.startswith("CREATE VIEW")
    }

    assert views == set(last.values())
    assert all(view.startswith("CREATE VIEW") for view in views)


def test_nothing_is_created_twice(batches: list[str]) -> None:
    """Whatever creates something asks first whether it is there, or has dropped it."""
    for position, batch in enumerate(batches):
        if match := re.search(r"CREATE TABLE \[(\w+)\]", batch):
            assert batch.startswith(f"IF OBJECT_ID(N'[{match[1]}]', N'U') IS NULL\nBEGIN\n")
        elif match := re.search(r"ADD CONSTRAINT \[(\w+)\]", batch):
            assert batch.startswith(f"IF OBJECT_ID(N'[{match[1]}]') IS NULL\nBEGIN\n")
        elif match := re.search(r"CREATE (?:UNIQUE )?INDEX \[(\w+)\] ON \[(\w+)\]", batch):
            condition = (
                f"IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'{match[1]}'"
                f" AND object_id = OBJECT_ID(N'[{match[2]}]'))\nBEGIN\n"
            )
            assert batch.startswith(condition)
        elif match := re.match(r'CREATE VIEW "(\w+)"', batch):
            assert batches[position - 1] == f"DROP VIEW IF EXISTS [{match[1]}];"
        else:
            assert "CREATE" not in batch


def test_tables_come_before_what_refers_to_them(created: list[exp.Expr]) -> None:
    tables = set()
    for tree in created:
        if isinstance(tree, exp.Create) and tree.kind == "TABLE":
            tables.add(table_of(tree))
        else:
            named = {table.name for table in tree.find_all(exp.Table)} - {table_of(tree)}
            assert named <= tables


def test_quoted_identifiers_are_on_before_anything_is_created(batches: list[str]) -> None:
    """Indexes with a condition need it, and sqlcmd without -I has it off."""
    assert "SET QUOTED_IDENTIFIER ON;" in batches[0]
    assert "SET NOEXEC ON" in batches[2]
    assert batches[-1] == "SET NOEXEC OFF;"


@pytest.mark.django_db
def test_every_migration_is_recorded_and_migrate_has_nothing_left(batches: list[str]) -> None:
    recorded = set(re.findall(r"\(N'(\w+)', N'(\w+)'\)", batches[-2]))

    assert recorded == set(MigrationLoader(None).graph.nodes)
    guarded = set(re.findall(r"\(N'(\w+)', N'(\w+)'\)", batches[2]))
    assert guarded == recorded


def test_every_column_is_looked_for_before_anything_is_recorded(
    batches: list[str], created: list[exp.Expr]
) -> None:
    expected = set(re.findall(r"\(N'(\w+)', N'(\w+)'\)", batches[-3]))

    tables = tables_in(tree for tree in created if isinstance(tree, exp.Create))
    assert expected == {(table, column) for table, each in tables.items() for column in each}


def test_rows_that_migrations_write_are_none_of_a_fresh_database() -> None:
    loader = MigrationLoader(None)
    writing = {
        node
        for node, migration in loader.graph.nodes.items()
        for operation in migration.operations
        if isinstance(operation, (RunPython, RunSQL)) and not isinstance(operation, InsertRows)
    }

    assert writing == ONLY_CHANGE_ROWS


def test_rows_of_a_fresh_database_are_those_that_migrations_insert(
    batches: list[str], trees: list[exp.Expr]
) -> None:
    inserted = [
        (table_of(each), dict(zip(columns_of(each), values_of(each), strict=True)))
        for tree in trees
        if isinstance(tree, exp.IfBlock)
        for each in tree.find_all(exp.Insert)
    ]

    graph = MigrationLoader(None).graph
    # As migrate runs them.
    plan = dict.fromkeys(node for leaf in graph.leaf_nodes() for node in graph.forwards_plan(leaf))
    expected = [
        (model_of(operation)._meta.db_table, by_column(operation, row))
        for node in plan
        for operation in graph.nodes[node].operations
        if isinstance(operation, InsertRows)
        for row in operation.rows
    ]
    assert len(expected) > 10

    # Which app's rows come first follows from the dependencies of the migrations.
    def of_app(rows: list[Any], app: str) -> list[Any]:
        tables = {model._meta.db_table for model in apps.get_app_config(app).get_models()}
        return [(table, as_text(row)) for table, row in rows if table in tables]

    for app in ("extraction", "logs", "tokens"):
        assert of_app(inserted, app) == of_app(expected, app)
    assert len(inserted) == len(expected)


def test_rows_of_a_fresh_database_are_inserted_once_and_all_together(batches: list[str]) -> None:
    inserting = [batch for batch in batches if "VALUES (N'" in batch and "INSERT INTO [" in batch]

    assert inserting
    for batch in inserting:
        assert re.match(
            r"IF NOT EXISTS \(SELECT 1 FROM \[django_migrations\] WHERE \[app\] = N'\w+'"
            r" AND \[name\] = N'\w+'\) AND NOT EXISTS \(SELECT 1 FROM \[\w+\]\)\nBEGIN\n"
            r"BEGIN TRANSACTION;\n(INSERT INTO .+;\n)+COMMIT TRANSACTION;\nEND$",
            batch,
        )
    # Before their migration is recorded, which keeps what is deleted later from coming back.
    assert batches.index(inserting[-1]) < len(batches) - 2


def model_of(operation: InsertRows) -> type[Model]:
    return apps.get_model(operation.app_label, operation.model_name)


def by_column(operation: InsertRows, row: Mapping[str, object]) -> dict[str, object]:
    fields = model_of(operation)._meta.fields
    columns = {name: each.column for each in fields for name in (each.name, each.attname)}
    return {columns[name] or "": value for name, value in row.items()}


def columns_of(insert: exp.Expr) -> list[str]:
    return [column.name for column in insert.this.expressions]


def values_of(insert: exp.Expr) -> list[str]:
    [row] = insert.expression.expressions
    return [value.name for value in row.expressions]


def as_text(row: Mapping[str, object]) -> dict[str, str]:
    """As the script writes it: whole numbers, and UUIDs without hyphens."""
    return {
        name: str(int(value) if isinstance(value, bool) else value).replace("-", "")
        for name, value in row.items()
    }


def samples() -> list[str]:
    """The statements in the comments at the end."""
    comments = SCRIPT.read_text().split("-- Samples.")[1]
    indented = re.findall(r"^-- {4,}(.+)$", comments, flags=re.MULTILINE)
    return [text for text in " ".join(indented).split(";") if text.strip()]


@pytest.mark.parametrize("sample", samples())
def test_samples_name_columns_that_exist(sample: str, created: list[exp.Expr]) -> None:
    tree = parse_one(sample, read="tsql")
    table = table_of(tree)
    columns = set(
        tables_in(each for each in created if isinstance(each, exp.Create)).get(table, {})
    )
    for view in created:
        if isinstance(view, exp.Create) and view.kind == "VIEW" and table_of(view) == table:
            columns = {each.alias_or_name for each in view.expression.expressions}
    named = {column.name for column in tree.find_all(exp.Column)}
    named |= {each.name for each in tree.find_all(exp.Schema) for each in each.expressions}

    assert not isinstance(tree, exp.Command)
    assert columns
    assert named - {alias.alias for alias in tree.find_all(exp.Alias)} <= columns


def test_contracts_insert_needs_no_option_of_sqlcmd(created: list[exp.Expr]) -> None:
    """An INSERT into a table that has an index with a condition fails there without -I (1934)."""
    conditional = {
        table_of(tree)
        for tree in created
        if isinstance(tree, exp.Create)
        and tree.kind == "INDEX"
        and tree.this.args["params"].args.get("where")
    }

    assert "TokenUsageLogs" in conditional
    assert not conditional & {"TokenMaster", "TokenUsageSummary", "TokenChanges", "TokenAlerts"}
