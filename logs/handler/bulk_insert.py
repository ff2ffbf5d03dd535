"""Inserts rows into ApplicationLogs by multi-row statements."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connections

from logs.handler.records import Row

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Field

_WIDTH = len(Row._fields)
_TIMESTAMP = Row._fields.index("timestamp")
_EXTRACTION_ID = Row._fields.index("extraction_id")


def insert(rows: Sequence[Row]) -> None:
    """Insert rows, as many in a statement as the database takes, and group the errors among them.

    Call it in a transaction. Raises django.db.Error.
    """
    # Not by bulk_create: making its model instances takes eight times as long as the database.
    from logs.handler import error_grouping  # logging is set up before models can be imported

    connection = connections[DEFAULT_DB_ALIAS]
    grouped = error_grouping.record(rows)
    with connection.cursor() as cursor:
        for sql, parameters in statements(grouped, connection):
            cursor.executemany(sql, parameters)


def statements(
    rows: Sequence[Row], connection: "BaseDatabaseWrapper"
) -> Iterator[tuple[str, list[list[Any]]]]:
    """Yield each INSERT with all the parameters that it is to be executed with."""
    step = connection.ops.bulk_batch_size(_fields(), rows)
    whole = len(rows) - len(rows) % step
    for start, end, size in ((0, whole, step), (whole, len(rows), len(rows) - whole)):
        if start < end:
            yield (
                _insert_of(size, connection),
                [_parameters(rows[at : at + size], connection) for at in range(start, end, size)],
            )


def _insert_of(count: int, connection: "BaseDatabaseWrapper") -> str:
    from logs.models import ApplicationLog

    quoted: Callable[[str], str] = connection.ops.quote_name
    fields = _fields()
    columns = ", ".join(quoted(field.column or "") for field in fields)
    placeholders: list[Any] = [["%s"] * _WIDTH] * count  # the stubs name another type
    values = connection.ops.bulk_insert_sql(fields, placeholders)
    return f"INSERT INTO {quoted(ApplicationLog._meta.db_table)} ({columns}) {values}"


def _fields() -> "list[Field[Any, Any]]":
    from logs.models import ApplicationLog

    by_name = {field.name: field for field in ApplicationLog._meta.concrete_fields}
    return [by_name[name] for name in Row._fields]


def _parameters(rows: Sequence[Row], connection: "BaseDatabaseWrapper") -> list[Any]:
    parameters: list[Any] = list(chain.from_iterable(rows))
    moments = [row.timestamp for row in rows]
    if not connection.features.supports_timezones:  # Django does the same, in twice the time
        zone = connection.timezone
        moments = [moment.astimezone(zone) for moment in moments]
        # replace(tzinfo=None) would take three times as long.
        moments = [datetime.combine(moment.date(), moment.time()) for moment in moments]
    adapt = connection.ops.adapt_datetimefield_value
    parameters[_TIMESTAMP::_WIDTH] = [adapt(moment) for moment in moments]
    if not connection.features.has_native_uuid_field:
        ids = {row.extraction_id for row in rows}  # few
        hexes = {each: each and each.hex for each in ids}
        parameters[_EXTRACTION_ID::_WIDTH] = [hexes[row.extraction_id] for row in rows]
    return parameters
