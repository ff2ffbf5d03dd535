"""The definitions of the log views. Frozen: change a view by adding the next number."""

from ocrsite.lib.database_views import View

# A view cannot be ordered, so the newest 100 are numbered; the models order what they read.
RECENT_ERRORS_1 = View(
    "vw_RecentErrors",
    """
    SELECT "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception",
        {minutes} AS "MinutesAgo"
    FROM (
        SELECT "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception",
            ROW_NUMBER() OVER (ORDER BY "Timestamp" DESC, "LogID" DESC) AS "Place"
        FROM "ApplicationLogs"
        WHERE "LogLevel" IN ('ERROR', 'CRITICAL')
    ) errors
    WHERE "Place" <= 100
    """,
    {
        "minutes": {
            "sqlite": "(CAST(STRFTIME('%s', 'now') AS INTEGER)"
            " - CAST(STRFTIME('%s', \"Timestamp\") AS INTEGER)) / 60",
            # By seconds: DATEDIFF counts the boundaries crossed, so that 1 s could be 1 minute.
            "microsoft": 'DATEDIFF(SECOND, "Timestamp", SYSUTCDATETIME()) / 60',
            "postgresql": 'CAST(TRUNC(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP - "Timestamp") / 60)'
            " AS INTEGER)",
        }
    },
)

# The same, by 200 rows of an index rather than by every error that there is: a window function
# numbers all rows before it drops any.
RECENT_ERRORS_2 = View(
    "vw_RecentErrors",
    """
    SELECT "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception",
        {minutes} AS "MinutesAgo"
    FROM (
        SELECT "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception",
            ROW_NUMBER() OVER (ORDER BY "Timestamp" DESC, "LogID") AS "Place"
        FROM (
            SELECT * FROM (
                SELECT {top} "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception"
                FROM "ApplicationLogs" WHERE "LogLevel" = 'ERROR'
                ORDER BY "Timestamp" DESC, "LogID" {limit}
            ) errors
            UNION ALL
            SELECT * FROM (
                SELECT {top} "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception"
                FROM "ApplicationLogs" WHERE "LogLevel" = 'CRITICAL'
                ORDER BY "Timestamp" DESC, "LogID" {limit}
            ) criticals
        ) newest
    ) numbered
    WHERE "Place" <= 100
    """,
    {
        "minutes": RECENT_ERRORS_1.dialects["minutes"],
        "top": {"sqlite": "", "microsoft": "TOP 100", "postgresql": ""},
        "limit": {"sqlite": "LIMIT 100", "microsoft": "", "postgresql": "LIMIT 100"},
    },
)

# Rows of the old service name no extraction and cannot be grouped.
FAILED_RETRIES_1 = View(
    "vw_FailedRetries",
    """
    SELECT "ExtractionID", "CompanyID", COUNT(*) AS "TotalAttempts",
        CAST(SUM(CAST("IsRetryable" AS INTEGER)) AS FLOAT) / COUNT(*) AS "RetryableShare",
        MAX("Timestamp") AS "LastAttempt"
    FROM "RetryAttempts"
    WHERE "ExtractionID" IS NOT NULL
    GROUP BY "ExtractionID", "CompanyID"
    HAVING MAX("Attempt") >= MAX("AttemptsAllowed")
    """,
)
