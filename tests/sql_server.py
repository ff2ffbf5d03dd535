"""Prints the T-SQL of every migration as JSON, ``[[app, name, [statement, …]], …]``.

    DATABASE_URL=mssql://user:password@host/name python -m tests.sql_server

With ``queries`` behind it, that of what the code asks: ``[statement, …]``.

A process of its own, because importing mssql-django patches Django for every database. It needs
no server: what the backend would ask one is answered here. As no server knows any constraint,
the statements that drop old ones by name are missing.
"""

import json
import logging
import sys
from unittest import mock

import django
from django.db import connection
from django.db.migrations.loader import MigrationLoader


def migration_statements() -> list[tuple[str, str, list[str]]]:
    """Return app, name and statements of every migration, each after those it depends on."""
    loader = MigrationLoader(None)
    migrations = []
    for app, name in loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True):
        before = loader.project_state((app, name), at_end=False)
        with connection.schema_editor(collect_sql=True, atomic=False) as editor:
            loader.graph.nodes[app, name].apply(before, editor, collect_sql=True)
        statements = [text for text in editor.collected_sql if not text.startswith("--")]
        migrations.append((app, name, statements))
    return migrations


def query_statements() -> list[str]:
    """Return what the code asks, each statement once."""
    from tests import sql_server_queries

    logging.disable()
    with sql_server_queries.recorded() as statements:
        sql_server_queries.ask_everything()
    return list(dict.fromkeys(statements))


def main() -> None:
    """Print what is asked for."""
    django.setup()
    from mssql.base import DatabaseWrapper

    DatabaseWrapper._known_versions["default"] = 2022
    DatabaseWrapper._known_azures["default"] = False
    if sys.argv[1:] == ["queries"]:
        json.dump(query_statements(), sys.stdout)
        return
    with (
        mock.patch.object(connection, "cursor"),
        mock.patch.object(connection.introspection, "get_constraints", return_value={}),
    ):
        json.dump(migration_statements(), sys.stdout)


if __name__ == "__main__":
    main()
