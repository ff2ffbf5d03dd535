"""Writes docs/setup_database.sql anew."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from ocrsite.lib.database import database_settings

HEADER = """
The schema of ocrsite for a fresh SQL Server database. Made by `manage.py setup_sql` from the
migrations; docs/sql-server.md says when to use it and when `manage.py migrate` alone.

    sqlcmd -S server -d ocrsite -b -i docs/setup_database.sql

Then run `manage.py migrate`, which adds what Django keeps in rows (content types, permissions).
It may be run again: what is there is left alone, but for the views, which are created anew.
"""
SAMPLES = """
Samples.

A new key. It arrives in clear, is used at once and encrypted in place soon after:
    INSERT INTO TokenMaster (CompanyID, CompanyName, ApiKey, Provider, TotalTokenLimit, Status)
    VALUES ('NT047', 'RUBI TRADERS', 'YOUR_API_KEY', 'Gemini', 100000, 'Active');

The keys that need attention:
    SELECT CompanyID, CompanyName, Provider, Status, TotalRemainingTokens, HealthStatus
    FROM vw_TokenStatus WHERE HealthStatus <> 'OK' ORDER BY TotalRemainingTokens;

What each company used:
    SELECT CompanyID, TotalRequests, TotalTokensUsed, AvgTokensPerRequest, LastUsed
    FROM vw_UsageSummary ORDER BY TotalTokensUsed DESC;

What a company used by day and branch in the last 30 days:
    SELECT CAST(LoggedAt AS date) AS Day, Branch, SUM(TotalTokensUsed) AS Tokens
    FROM TokenUsageLogs
    WHERE CompanyID = 'NT047' AND LoggedAt >= DATEADD(DAY, -30, SYSUTCDATETIME())
    GROUP BY CAST(LoggedAt AS date), Branch ORDER BY Day, Branch;

The newest errors, and the documents that failed after every retry:
    SELECT Timestamp, LogLevel, Logger, Message, MinutesAgo
    FROM vw_RecentErrors ORDER BY Timestamp DESC;
    SELECT ExtractionID, CompanyID, TotalAttempts, RetryableShare, LastAttempt
    FROM vw_FailedRetries ORDER BY LastAttempt DESC;
"""


class Command(BaseCommand):
    help = "Write the schema for a fresh SQL Server database, as T-SQL, to docs/setup_database.sql."
    # None of the project's databases is used.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        default = settings.BASE_DIR / "docs" / "setup_database.sql"
        parser.add_argument("--output", type=Path, default=default, help="another file")

    def handle(self, *, output: Path, **_options: Any) -> None:
        # Imports mssql-django, which patches Django for every database of the process.
        from ocrsite.lib.sqlserver.setup_script import script

        database = database_settings("mssql://nobody@localhost/ocrsite", settings.DATA_DIR)
        output.write_text(script(database, header=HEADER, samples=SAMPLES), encoding="utf-8")
