"""Database views in migrations, the same text on every database.

SQLite refuses to rebuild a table, and PostgreSQL to alter a column, while a view names it. A
migration that touches such a table therefore wraps its operations::

    operations = around_views(
        before=[TOKEN_STATUS_1], operations=[migrations.AlterField(…)], after=[TOKEN_STATUS_2]
    )

A definition that a migration uses is frozen: a changed view is a new ``View`` beside the old.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


@dataclass(frozen=True, slots=True)
class View:
    """One view. ``select`` quotes every name with double quotes.

    ``dialects`` holds what must differ: for each ``{name}`` in ``select`` the text by vendor
    (``connection.vendor``: sqlite, microsoft, postgresql).
    """

    name: str
    select: str
    dialects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def create(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Create the view, in place of one of the same name."""
        self.drop(schema_editor)
        vendor = schema_editor.connection.vendor
        select = self.select.format(
            **{name: by_vendor[vendor] for name, by_vendor in self.dialects.items()}
        )
        # Alone in its batch, as SQL Server demands; without params, so that % stands for itself.
        schema_editor.execute(f'CREATE VIEW "{self.name}" AS {select.strip()}', params=None)

    def drop(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Drop the view if it is there."""
        schema_editor.execute(f'DROP VIEW IF EXISTS "{self.name}"', params=None)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """How squashmigrations writes it down."""
        return f"{__name__}.View", [self.name, self.select, dict(self.dialects)], {}


class CreateViews(Operation):
    """Creates views; backwards it drops them."""

    reversible = True

    def __init__(self, views: Sequence[View]) -> None:
        self.views = views

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: the views' unmanaged models are created by their own operations."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Create each."""
        for view in self.views:
            view.create(schema_editor)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop each."""
        for view in self.views:
            view.drop(schema_editor)

    def describe(self) -> str:
        """What migrate --plan prints."""
        return f"Create views {', '.join(view.name for view in self.views)}"


class DropViews(CreateViews):
    """Drops views; backwards it creates them."""

    database_forwards = CreateViews.database_backwards
    database_backwards = CreateViews.database_forwards

    def describe(self) -> str:
        """What migrate --plan prints."""
        return f"Drop views {', '.join(view.name for view in self.views)}"


def around_views(
    *, before: Sequence[View], operations: Sequence[Operation], after: Sequence[View]
) -> list[Operation]:
    """Return the operations with the views dropped before and created after, backwards too."""
    return [DropViews(before), *operations, CreateViews(after)]
