"""ApplicationLogs, as the writers see it."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connections

from logs.entries import Row

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_WIDTH = len(Row._fields)
_TIMESTAMP = Row._fields.index("timestamp")
_EXTRACTION_ID = Row._fields.index("extraction_id")


def insert(rows: Sequence[Row]) -> None:
    """Insert rows, as many in a statement as the database takes. Raises django.db.Error.

    Not by ``bulk_create``: its models take eight times as long as the database itself.
    """
    from logs.models import ApplicationLog  # logging is set up before models can be imported

    connection = connections[DEFAULT_DB_ALIAS]
    quoted: Callable[[str], str] = connection.ops.quote_name
    by_name = {field.name: field for field in ApplicationLog._meta.concrete_fields}
    fields = [by_name[name] for name in Row._fields]
    columns = ", ".join(quoted(field.column or "") for field in fields)
    into = f"INSERT INTO {quoted(ApplicationLog._meta.db_table)} ({columns})"
    step = connection.ops.bulk_batch_size(fields, rows)
    with connection.cursor() as cursor:
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            placeholders: list[Any] = [["%s"] * _WIDTH] * len(part)  # the stubs name another type
            values = connection.ops.bulk_insert_sql(fields, placeholders)
            cursor.execute(f"{into} {values}", _parameters(part, connection))


def _parameters(rows: Sequence[Row], connection: "BaseDatabaseWrapper") -> list[Any]:
    parameters: list[Any] = list(chain.from_iterable(rows))
    moments = [row.timestamp for row in rows]
    if not connection.features.supports_timezones:  # Django does the same, in twice the time
        zone = connection.timezone
        moments = [moment.astimezone(zone).replace(tzinfo=None) for moment in moments]
    adapt = connection.ops.adapt_datetimefield_value
    parameters[_TIMESTAMP::_WIDTH] = [adapt(moment) for moment in moments]
    if not connection.features.has_native_uuid_field:
        parameters[_EXTRACTION_ID::_WIDTH] = [
            row.extraction_id and row.extraction_id.hex for row in rows
        ]
    return parameters
