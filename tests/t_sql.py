"""T-SQL, read: the statements of the migrations, and what they create."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.conf import settings
from sqlglot import exp, parse_one

OUR_APPS = {"extraction", "logs", "tokens"}


class Statement(NamedTuple):
    """One statement of a migration."""

    app: str
    text: str
    tree: exp.Expr


class Column(NamedTuple):
    """One column of a table."""

    type: str
    nullable: bool
    default: str | None
    unique: bool
    identity: bool


class Index(NamedTuple):
    """One index or unique constraint that a statement of its own, or its table, creates."""

    table: str
    columns: tuple[str, ...]
    text: str
    unique: bool
    not_null: frozenset[str]
    """The columns that the index's condition demands not to be null."""


@functools.cache
def migration_statements() -> list[Statement]:
    """Every statement of every migration, in the order in which they run."""
    return [
        Statement(app, text, parse_one(text, read="tsql"))
        for app, _, texts in print_t_sql()
        for text in texts
    ]


def print_t_sql(*arguments: str, **environment: str) -> Any:
    """Return what ``python -m tests.sql_server`` prints."""
    printed = subprocess.run(
        [sys.executable, "-m", "tests.sql_server", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": "mssql://user:password@host/ocr", **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    return json.loads(printed)


def tables_in(trees: Iterable[exp.Expr]) -> dict[str, dict[str, Column]]:
    """The columns that the statements create, by table."""
    found: dict[str, dict[str, Column]] = {}
    for tree in trees:
        for definition in tree.find_all(exp.ColumnDef):
            found.setdefault(table_of(tree), {})[definition.name] = column_of(definition)
    return found


def indexes_in(trees: Iterable[exp.Expr]) -> list[Index]:
    """The indexes and unique constraints that the statements create."""
    return [index for tree in trees for index in indexes_of(tree)]


def table_of(tree: exp.Expr) -> str:
    """The first table that a statement names."""
    table = tree.find(exp.Table)
    assert table is not None
    return table.name


def column_of(definition: exp.ColumnDef) -> Column:
    """One column of a CREATE TABLE or ALTER TABLE."""
    kinds = {type(each.kind): each.kind for each in definition.constraints}
    default = kinds.get(exp.DefaultColumnConstraint)
    kind = definition.args["kind"]
    return Column(
        type=kind.sql("tsql"),
        nullable=bool(kinds[exp.NotNullColumnConstraint].args.get("allow_null")),
        default=default.this.unnest().sql("tsql") if default else None,
        unique=exp.UniqueColumnConstraint in kinds,
        identity=exp.GeneratedAsIdentityColumnConstraint in kinds,
    )


def indexes_of(tree: exp.Expr) -> list[Index]:
    """What one statement creates."""
    if isinstance(tree, exp.Create) and tree.kind == "INDEX":
        parameters = tree.this.args["params"]
        ordered = parameters.args["columns"]
        return [
            Index(
                table_of(tree),
                tuple(each.this.name for each in ordered),
                ", ".join(
                    f"{each.this.name} DESC" if each.args.get("desc") else each.this.name
                    for each in ordered
                ),
                bool(tree.args.get("unique")),
                frozenset(
                    each.this.this.name
                    for each in parameters.find_all(exp.Not)
                    if isinstance(each.this, exp.Is)
                ),
            )
        ]
    uniques = [
        each.this
        for each in tree.find_all(exp.UniqueColumnConstraint)
        if isinstance(each.this, exp.Schema)
    ]
    return [
        Index(
            table_of(tree),
            tuple(each.name for each in unique.expressions),
            ", ".join(each.name for each in unique.expressions),
            True,
            frozenset(),
        )
        for unique in uniques
    ]
