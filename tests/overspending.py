"""A watch inside the database: triggers that write down whatever passes a limit.

They watch the limits of keys, and those of quotas in each of their periods.

It sees every change of the totals by every process; what is rolled back leaves no trace.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

_WRITE_DOWN = """
    INSERT INTO "Overspending"
    SELECT "TokenID", NEW."TotalUsedTokens" + NEW."ReservedTokens", "TotalTokenLimit"
    FROM "TokenMaster"
    WHERE "TokenID" = NEW."TokenID"
        AND "TotalTokenLimit" < NEW."TotalUsedTokens" + NEW."ReservedTokens";
"""
# With the limit as it is raised, whenever that ends.
_WRITE_PERIODS_DOWN = """
    INSERT INTO "Overspending"
    SELECT -"QuotaID", NEW."Used" + NEW."Reserved", "QuotaLimit" + "RaisedBy"
    FROM "Quotas"
    WHERE "QuotaID" = NEW."QuotaID"
        AND "QuotaLimit" + "RaisedBy" < NEW."Used" + NEW."Reserved";
"""
_WATCHED = {"TokenUsageSummary": _WRITE_DOWN, "QuotaSums": _WRITE_PERIODS_DOWN}
_TABLE = 'CREATE TABLE "Overspending" ("TokenID" BIGINT, "Promised" BIGINT, "Limit" BIGINT)'
_INSTALL = {
    "sqlite": [
        f'CREATE TRIGGER "Overspending_{table}_{event}" AFTER {event} ON "{table}" '
        f"BEGIN {write_down} END"
        for table, write_down in _WATCHED.items()
        for event in ("INSERT", "UPDATE")
    ],
    "postgresql": [
        statement
        for table, write_down in _WATCHED.items()
        for statement in (
            f"CREATE FUNCTION write_down_{table}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {write_down} RETURN NULL; END $$",
            f'CREATE TRIGGER "Overspending" AFTER INSERT OR UPDATE ON "{table}" '
            f"FOR EACH ROW EXECUTE FUNCTION write_down_{table}()",
        )
    ],
}
_REMOVE = {
    "sqlite": [
        f'DROP TRIGGER "Overspending_{table}_{event}"'
        for table in _WATCHED
        for event in ("INSERT", "UPDATE")
    ],
    "postgresql": [f"DROP FUNCTION write_down_{table} CASCADE" for table in _WATCHED],
}

Breach = tuple[int, int, int]


@contextmanager
def overspending_watched() -> Iterator[Callable[[], list[Breach]]]:
    """Watch the totals; what it yields returns (token id, used + reserved, limit) of each breach.

    For a quota the negative of its id stands instead of a token's.

    For tests whose transactions are real: it changes the schema.
    """
    _execute([_TABLE, *_INSTALL[connection.vendor]])
    try:
        yield _breaches
    finally:
        _execute([*_REMOVE[connection.vendor], 'DROP TABLE "Overspending"'])


def _breaches() -> list[Breach]:
    with connection.cursor() as cursor:
        cursor.execute('SELECT * FROM "Overspending"')
        breaches: list[Breach] = cursor.fetchall()
    return breaches


def _execute(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
