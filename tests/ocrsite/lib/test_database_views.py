"""Views and the migrations that change the tables under them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter

from logs.database_views import FAILED_RETRIES_1, RECENT_ERRORS_1
from logs.models import ApplicationLog, RecentError
from ocrsite.lib.database_views import CreateViews, DropViews, View, around_views
from tokens.database_views import TOKEN_STATUS_1, USAGE_SUMMARY_1

CHANGED = View("vw_RecentErrors", RECENT_ERRORS_1.select + " AND 1 = 0", RECENT_ERRORS_1.dialects)
WIDEN = migrations.AlterField(
    "applicationlog", "logger", models.CharField(db_column="Logger", max_length=300)
)


def throwaway(operations: list[Operation]) -> migrations.Migration:
    """A migration of the logs app that is only ever applied here."""
    migration = migrations.Migration("0999_throwaway", "logs")
    vars(migration)["operations"] = operations  # typed as a class variable
    return migration


def project_state() -> ProjectState:
    state = MigrationLoader(connection).project_state()
    assert isinstance(state, ProjectState)
    return state


@contextmanager
def applied(operations: list[Operation]) -> Iterator[None]:
    migration = throwaway(operations)
    with connection.schema_editor() as editor:
        migration.apply(project_state(), editor)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            migration.unapply(project_state(), editor)


def logger_type() -> str:
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, "ApplicationLogs")
    [size] = [column.display_size for column in columns if column.name == "Logger"]
    return f"varchar({size})"


@pytest.mark.django_db(transaction=True)
def test_table_is_rebuilt_and_its_view_replaced_in_both_directions() -> None:
    ApplicationLog.objects.create(level="ERROR", logger="test", message="kept")

    with applied(around_views(before=[RECENT_ERRORS_1], operations=[WIDEN], after=[CHANGED])):
        assert logger_type() == "varchar(300)"
        assert not RecentError.objects.exists()

    assert logger_type() == "varchar(255)"
    assert RecentError.objects.get().message == "kept"


@pytest.mark.django_db(transaction=True)
def test_table_cannot_be_rebuilt_with_its_view_in_the_way() -> None:
    """The reason for around_views; when this passes without it, it may go."""
    with pytest.raises(OperationalError, match="error in view"), applied([WIDEN]):
        raise AssertionError("not reached")


@pytest.mark.django_db
def test_every_unmanaged_model_reads_its_view() -> None:
    views = {
        view.name: view
        for view in (FAILED_RETRIES_1, RECENT_ERRORS_1, TOKEN_STATUS_1, USAGE_SUMMARY_1)
    }
    unmanaged = {model._meta.db_table: model for model in project_state().apps.get_models()}
    for name in views:
        model = unmanaged[name]
        assert not model._meta.managed
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{name}"')
            columns = {column[0] for column in cursor.description}
        assert columns == {field.column for field in model._meta.fields}


@pytest.mark.parametrize("operation_class", [CreateViews, DropViews])
def test_operation_can_be_written_into_a_squashed_migration(
    operation_class: type[CreateViews],
) -> None:
    operation = operation_class([CHANGED])

    written = MigrationWriter(throwaway([operation])).as_string()

    assert f"ocrsite.lib.database_views.{operation_class.__name__}(" in written
    namespace: dict[str, type[migrations.Migration]] = {}
    exec(written, namespace)
    [restored] = namespace["Migration"].operations
    assert isinstance(restored, operation_class)
    assert restored.views == [CHANGED]
    assert restored.describe() == operation.describe()
