"""A watch inside the database: a trigger that writes down whatever passes a token's limit.

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
_TABLE = 'CREATE TABLE "Overspending" ("TokenID" BIGINT, "Promised" BIGINT, "Limit" BIGINT)'
_INSTALL = {
    "sqlite": [
        f'CREATE TRIGGER "Overspending_{event}" AFTER {event} ON "TokenUsageSummary" '
        f"BEGIN {_WRITE_DOWN} END"
        for event in ("INSERT", "UPDATE")
    ],
    "postgresql": [
        "CREATE FUNCTION write_overspending_down() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {_WRITE_DOWN} RETURN NULL; END $$",
        'CREATE TRIGGER "Overspending" AFTER INSERT OR UPDATE ON "TokenUsageSummary" '
        "FOR EACH ROW EXECUTE FUNCTION write_overspending_down()",
    ],
}
_REMOVE = {
    "sqlite": ['DROP TRIGGER "Overspending_INSERT"', 'DROP TRIGGER "Overspending_UPDATE"'],
    "postgresql": ["DROP FUNCTION write_overspending_down CASCADE"],
}

Breach = tuple[int, int, int]


@contextmanager
def overspending_watched() -> Iterator[Callable[[], list[Breach]]]:
    """Watch the totals; what it yields returns (token id, used + reserved, limit) of each breach.

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
