"""The backend that ``mssql://`` addresses use. Importing it imports pyodbc, which needs unixODBC.

Vendor, operations, features and the schema editor are mssql-django's.
"""

from typing import Any, ClassVar

from mssql import base


class CursorWrapper(base.CursorWrapper):  # type: ignore[misc] # mssql-django has no types
    """A cursor that can be closed whatever became of its connection."""

    def close(self) -> None:
        """Close the cursor. Never raises an error of the driver.

        After a lost connection mssql-django has closed the connection already, and pyodbc refuses
        to close its cursor: that error would replace the one that says what happened, and it is
        not one of Django's, so that no ``except Error`` would catch it.
        """
        try:
            super().close()
        except self.connection.Database.Error:
            self.active = False


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc] # as above
    """mssql-django's connection, with UUID columns that are found by an index.

    pyodbc sends every text as nvarchar. Under an SQL collation (``SQL_Latin1_General_…``) comparing
    that with a char column converts the column, and the index is scanned instead of sought.
    """

    data_types: ClassVar[dict[str, str]] = {
        **base.DatabaseWrapper.data_types,
        "UUIDField": "nchar(32)",
    }

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor of ours."""
        return CursorWrapper(self.connection.cursor(), self)
