"""The schema on SQL Server, as far as it can be known without one."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import JSONField
from sqlglot import exp, parse, parse_one
from sqlglot.optimizer.qualify import qualify

from tests.t_sql import (
    OUR_APPS,
    Column,
    Index,
    Statement,
    indexes_in,
    migration_statements,
    print_t_sql,
    table_of,
    tables_in,
)

# CONTRACT section 1; what is ours besides is nullable or has a default.
CONTRACT = {
    "TokenMaster": {
        "TokenID": "BIGINT",
        "CompanyID": "NVARCHAR(50)",
        "CompanyName": "NVARCHAR(200)",
        "ApiKey": "NVARCHAR(1000)",
        "Provider": "NVARCHAR(100)",
        "TotalTokenLimit": "BIGINT",
        "Status": "NVARCHAR(50)",
        "CreatedAt": "DATETIMEOFFSET",
    },
    "TokenUsageLogs": {
        "UsageID": "BIGINT",
        "TokenID": "BIGINT",
        "Branch": "NVARCHAR(50)",
        "RequestedBy": "NVARCHAR(100)",
        "InputTokens": "BIGINT",
        "OutputTokens": "BIGINT",
        "TextPromptTokens": "BIGINT",
        "ImagePromptTokens": "BIGINT",
        "TextCandidatesTokens": "BIGINT",
        "TotalTokensUsed": "BIGINT",
        "RequestCount": "INTEGER",
        "LoggedAt": "DATETIMEOFFSET",
    },
    "TokenUsageSummary": {
        "SummaryID": "BIGINT",
        "TokenID": "BIGINT",
        "TotalUsedTokens": "BIGINT",
        "TotalRemainingTokens": "BIGINT",
        "Threshold": "BIGINT",
        "LastUpdated": "DATETIMEOFFSET",
    },
    "ApplicationLogs": {
        "LogID": "BIGINT",
        "Timestamp": "DATETIMEOFFSET",
        "LogLevel": "NVARCHAR(20)",
        "Logger": "NVARCHAR(255)",
        "Message": "NVARCHAR(MAX)",
        "Exception": "NVARCHAR(MAX)",
        "Module": "NVARCHAR(255)",
        "FunctionName": "NVARCHAR(255)",
        "LineNumber": "INTEGER",
    },
    "RetryAttempts": {
        "RetryID": "BIGINT",
        "TokenID": "BIGINT",
        "CompanyID": "NVARCHAR(50)",
        "Attempt": "INTEGER",
        "ErrorMessage": "NVARCHAR(MAX)",
        "IsRetryable": "BIT",
        "Timestamp": "DATETIMEOFFSET",
    },
}
VIEWS = {"vw_TokenStatus", "vw_UsageSummary", "vw_RecentErrors", "vw_FailedRetries"}
HAND_WRITTEN_INSERT = {
    "CompanyID",
    "CompanyName",
    "ApiKey",
    "Provider",
    "TotalTokenLimit",
    "Status",
}
DEFAULTS = {
    "TokenMaster": {"TotalTokenLimit": "100000", "Status": "'Active'"},
    "TokenUsageLogs": {
        "Branch": "'Default'",
        "RequestedBy": "'System'",
        "InputTokens": "0",
        "OutputTokens": "0",
        "TextPromptTokens": "0",
        "ImagePromptTokens": "0",
        "TextCandidatesTokens": "0",
        "TotalTokensUsed": "0",
        "RequestCount": "1",
    },
    "TokenUsageSummary": {
        "TotalUsedTokens": "0",
        "TotalRemainingTokens": "100000",
        "Threshold": "3000",
    },
}
INDEXES = {
    "TokenMaster": {"CompanyID, Status", "CreatedAt DESC"},
    "TokenUsageLogs": {"TokenID", "LoggedAt DESC", "Branch"},
    "ApplicationLogs": {"Timestamp DESC", "LogLevel", "Logger"},
    "RetryAttempts": {"TokenID", "CompanyID", "Timestamp DESC"},
}


@pytest.fixture(scope="module")
def statements() -> list[Statement]:
    """Every statement of every migration, in the order in which they run."""
    return migration_statements()


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> list[exp.Expr]:
    """What the code asks."""
    printed = print_t_sql("queries", DATA_DIR=str(tmp_path_factory.mktemp("data")))
    # What sqlglot does not know, and mssql-django puts in front of a query.
    texts = [_NOT_QUERY.sub("", text.replace("%s", "?")) for text in printed]
    return [tree for text in texts for tree in parse(text, read="tsql") if tree]


_NOT_QUERY = re.compile(
    r"DECLARE @\w+ \w+(?:\(\w+\))? = \?(?:\s*,@\w+ \w+(?:\(\w+\))? = \?)*\s+"
    r"|SET NOCOUNT ON(?=\s+INSERT)|SET IDENTITY_INSERT \S+ (?:ON|OFF);?|SAVE TRANSACTION \w+"
)


@pytest.fixture(scope="module")
def tables(statements: list[Statement]) -> dict[str, dict[str, Column]]:
    """The columns of our apps' tables."""
    return tables_in(each.tree for each in statements if each.app in OUR_APPS)


@pytest.fixture(scope="module")
def indexes(statements: list[Statement]) -> list[Index]:
    """The indexes and unique constraints of our apps' tables."""
    return indexes_in(each.tree for each in statements if each.app in OUR_APPS)


def test_every_migration_of_every_app_is_readable_t_sql(statements: list[Statement]) -> None:
    migrated = {config.label for config in apps.get_app_configs() if _has_migrations(config.path)}

    assert {statement.app for statement in statements} == migrated
    assert {"django_q", "rest_framework_api_key"} < migrated
    # sqlglot keeps what it does not understand as a Command.
    assert [each.text for each in statements if isinstance(each.tree, exp.Command)] == []


def _has_migrations(path: str) -> bool:
    return any((Path(path) / "migrations").glob("0*.py"))


def test_tables_and_columns_are_the_contracts(tables: dict[str, dict[str, Column]]) -> None:
    for name, columns in CONTRACT.items():
        types = {column: tables[name][column].type for column in columns}
        assert types == columns
        ours = {column: tables[name][column] for column in tables[name].keys() - columns.keys()}
        assert all(column.nullable or column.default for column in ours.values()), name


def test_contract_columns_keep_their_defaults(tables: dict[str, dict[str, Column]]) -> None:
    for name, columns in DEFAULTS.items():
        assert {column: tables[name][column].default for column in columns} == columns


def test_every_timestamp_of_the_contract_defaults_to_utc(
    tables: dict[str, dict[str, Column]],
) -> None:
    defaults = {
        tables[name][column].default
        for name, columns in CONTRACT.items()
        for column, kind in columns.items()
        if kind == "DATETIMEOFFSET"
    }

    assert defaults == {"SYSUTCDATETIME()"}


def test_hand_written_insert_leaves_no_column_without_a_value(
    tables: dict[str, dict[str, Column]],
) -> None:
    columns = tables["TokenMaster"]

    assert columns.keys() >= HAND_WRITTEN_INSERT
    needed = {
        name
        for name, column in columns.items()
        if not (column.nullable or column.default or column.identity)
    }
    assert needed <= HAND_WRITTEN_INSERT


def test_contract_tables_keep_their_indexes(indexes: list[Index]) -> None:
    for table, texts in INDEXES.items():
        assert {index.text for index in indexes if index.table == table} >= texts


def test_uuids_are_national_text_like_the_parameters_that_look_for_them(
    tables: dict[str, dict[str, Column]],
) -> None:
    """Under an SQL collation an index on char is scanned for an nvarchar, which pyodbc sends."""
    columns = import_module("extraction.migrations.0008_uuids_that_seek").uuid_columns(apps)

    assert sum(map(len, columns.values())) >= 10
    for table, names in columns.items():
        assert {tables[table][name].type for name in names} == {"NCHAR(32)"}, table
    assert not any(
        column.type.startswith("CHAR") for table in tables.values() for column in table.values()
    )


def test_bytes_of_a_company_are_found_by_an_index(indexes: list[Index]) -> None:
    assert ("extraction_extraction", ("company_id", "sha256")) in {
        (index.table, index.columns) for index in indexes
    }


def test_unique_indexes_ignore_nulls(
    tables: dict[str, dict[str, Column]], indexes: list[Index]
) -> None:
    """SQL Server takes a second NULL for a duplicate, unless the index is filtered."""
    for index in indexes:
        if index.unique:
            nullable = {each for each in index.columns if tables[index.table][each].nullable}
            assert nullable <= index.not_null, index
    for name, columns in tables.items():
        for column, definition in columns.items():
            assert not (definition.unique and definition.nullable), f"{name}.{column}"
    assert ("AttemptID",) in {index.columns for index in indexes if index.unique}


def test_index_keys_fit_into_a_page(
    tables: dict[str, dict[str, Column]], indexes: list[Index]
) -> None:
    """At most 1700 bytes; an nvarchar takes two a character, and nvarchar(max) cannot be one."""
    for index in indexes:
        types = [
            parse_one(f"CAST(x AS {tables[index.table][column].type})", read="tsql")
            for column in index.columns
        ]
        sizes = [
            2 * int(parameter.name)
            for kind in types
            for parameter in kind.find_all(exp.DataTypeParam)
        ]
        assert sum(sizes) <= 1700, index


def test_each_view_is_created_alone_in_its_batch_and_dropped_before(
    statements: list[Statement],
) -> None:
    texts = [statement.text for statement in statements]
    created = [text for text in texts if "CREATE VIEW" in text]

    assert all(len(parse(text, read="tsql")) == 1 for text in created)
    assert all(text.startswith("CREATE VIEW") for text in created)
    assert {table_of(parse_one(text, read="tsql")) for text in created} == VIEWS
    for text in created:
        name = table_of(parse_one(text, read="tsql"))
        assert texts[texts.index(text) - 1] == f'DROP VIEW IF EXISTS "{name}";'


def test_views_read_columns_that_exist(
    statements: list[Statement], tables: dict[str, dict[str, Column]]
) -> None:
    schema: dict[str, object] = {
        name: {column: definition.type for column, definition in columns.items()}
        for name, columns in tables.items()
    }
    views = [each.tree for each in statements if each.text.startswith("CREATE VIEW")]

    for view in views:
        # Raises where a column cannot be found. Without ORDER BY, which no view may have.
        query = qualify(view.expression, schema=schema, dialect="tsql")
        assert query.args.get("order") is None


def test_queries_are_readable_t_sql(queries: list[exp.Expr]) -> None:
    asked = {table.name for query in queries for table in query.find_all(exp.Table)}

    assert asked >= CONTRACT.keys() | VIEWS
    assert [query.sql() for query in queries if isinstance(query, exp.Command)] == []


def test_queries_read_columns_that_exist(
    queries: list[exp.Expr], tables: dict[str, dict[str, Column]]
) -> None:
    schema: dict[str, object] = {
        name: {column: definition.type for column, definition in columns.items()}
        for name, columns in tables.items()
    }
    ours = [
        query
        for query in queries
        if isinstance(query, exp.Select)
        and {table.name for table in query.find_all(exp.Table)} <= tables.keys()
    ]

    assert len(ours) > 50
    for query in ours:
        qualify(query, schema=schema, dialect="tsql")  # raises where a column cannot be found


def test_queries_avoid_what_sql_server_refuses(queries: list[exp.Expr]) -> None:
    assert [query.sql("tsql") for query in queries if _is_refused(query)] == []


def _is_refused(query: exp.Expr) -> bool:
    """Errors 144, 130 and 1033 of SQL Server, in this order."""
    return (
        any(group.find(exp.Select) for group in query.find_all(exp.Group))
        or any(aggregate.find(exp.Select) for aggregate in query.find_all(exp.AggFunc))
        or any(
            inner is not query and inner.args.get("order") and not _is_limited(inner)
            for inner in query.find_all(exp.Select)
        )
    )


def _is_limited(select: exp.Select) -> bool:
    return bool(select.args.get("limit") or select.args.get("offset"))


@pytest.mark.parametrize(
    ("sql", "refused"),
    [
        ("SELECT a FROM t GROUP BY (SELECT 1)", True),
        ("SELECT SUM((SELECT 1)) FROM t", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a) AS x", True),
        ("SELECT a FROM (SELECT TOP 1 a FROM t ORDER BY a) AS x ORDER BY a", False),
        ("SELECT a FROM t WHERE a IN (SELECT a FROM t) ORDER BY a", False),
    ],
)
def test_refused_queries_are_recognised(sql: str, refused: bool) -> None:
    assert _is_refused(parse_one(sql, read="tsql")) == refused


OUR_MODULES = [
    path
    for app in (*sorted(OUR_APPS), "ocrsite")
    for path in sorted((Path(settings.BASE_DIR) / app).rglob("*.py"))
]


def test_code_avoids_what_sql_server_cannot_do() -> None:
    """No conflict clauses, no regular expressions, no locks of one table, no filter on JSON."""
    json_fields = {
        field.name
        for model in apps.get_models()
        if model._meta.app_label in OUR_APPS
        for field in model._meta.get_fields()
        if isinstance(field, JSONField)
    }
    assert "result" in json_fields

    offences = [
        f"{path}:{call.lineno} {keyword.arg}"
        for path in OUR_MODULES
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if _is_unportable(call, keyword.arg or "", json_fields)
    ]

    assert offences == []


def _is_unportable(call: ast.Call, keyword: str, json_fields: set[str]) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return (
        keyword in {"ignore_conflicts", "update_conflicts"}
        or keyword.endswith(("__regex", "__iregex"))
        or (name == "select_for_update" and keyword == "of")
        or any(
            keyword.startswith(f"{field}__") and not keyword.endswith("__isnull")
            for field in json_fields
        )
    )


@pytest.mark.parametrize(
    ("code", "unportable"),
    [
        ("rows.bulk_create(new, ignore_conflicts=True)", True),
        ("rows.filter(name__iregex='x')", True),
        ("rows.select_for_update(of=('self',))", True),
        ("Q(result__total='1')", True),
        ("rows.filter(result__isnull=True)", False),
        ("rows.filter(name__startswith='x')", False),
    ],
)
def test_unportable_code_is_recognised(code: str, unportable: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)

    found = [_is_unportable(call, each.arg or "", {"result"}) for each in call.keywords]

    assert any(found) == unportable
