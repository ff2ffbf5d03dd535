"""The definitions of the views about keys. Frozen: change a view by adding the next number."""

from ocrsite.lib.database_views import View

# EXCEEDED comes first: a key below the threshold and over its limit is EXCEEDED. What remains
# is computed here: the stored remainder is outdated after a change of the limit by SQL.
TOKEN_STATUS_1 = View(
    "vw_TokenStatus",
    """
    SELECT "TokenID", "CompanyID", "CompanyName", "Provider", "Status", "TotalTokenLimit",
        "TotalUsedTokens", "TotalTokenLimit" - "TotalUsedTokens" AS "TotalRemainingTokens",
        "Threshold",
        CASE
            WHEN "Status" = 'Exceeded' OR "TotalUsedTokens" >= "TotalTokenLimit" THEN 'EXCEEDED'
            WHEN "TotalTokenLimit" - "TotalUsedTokens" < "Threshold" THEN 'WARNING'
            ELSE 'OK'
        END AS "HealthStatus",
        "CreatedAt", "LastUpdated"
    FROM (
        SELECT token."TokenID", token."CompanyID", token."CompanyName", token."Provider",
            token."Status", token."TotalTokenLimit", token."CreatedAt",
            COALESCE(summary."TotalUsedTokens", 0) AS "TotalUsedTokens",
            COALESCE(summary."Threshold", 3000) AS "Threshold",
            summary."LastUpdated"
        FROM "TokenMaster" token
        LEFT JOIN "TokenUsageSummary" summary ON summary."TokenID" = token."TokenID"
    ) status_of_token
    """,
)

# Every company with a key or a charge. A charge made without a key row carries its company.
USAGE_SUMMARY_1 = View(
    "vw_UsageSummary",
    """
    SELECT "CompanyID", MAX("CompanyName") AS "CompanyName",
        COUNT(DISTINCT "Branch") AS "TotalBranches",
        COUNT(DISTINCT "RequestedBy") AS "TotalUsers",
        CAST(SUM("RequestCount") AS BIGINT) AS "TotalRequests",
        CAST(SUM("TotalTokensUsed") AS BIGINT) AS "TotalTokensUsed",
        CAST(SUM("TotalTokensUsed") AS FLOAT) / NULLIF(SUM("RequestCount"), 0)
            AS "AvgTokensPerRequest",
        MAX("LoggedAt") AS "LastUsed",
        COALESCE({days}, 0) AS "DaysActive"
    FROM (
        SELECT COALESCE(charge."CompanyID", token."CompanyID", '') AS "CompanyID",
            token."CompanyName", charge."Branch", charge."RequestedBy",
            CAST(charge."RequestCount" AS BIGINT) AS "RequestCount",
            charge."TotalTokensUsed", charge."LoggedAt"
        FROM "TokenUsageLogs" charge
        LEFT JOIN "TokenMaster" token ON token."TokenID" = charge."TokenID"
        UNION ALL
        SELECT "CompanyID", "CompanyName", NULL, NULL, 0, 0, NULL FROM "TokenMaster"
    ) charges
    GROUP BY "CompanyID"
    """,
    {
        "days": {
            "sqlite": 'CAST(JULIANDAY(DATE(MAX("LoggedAt"))) - JULIANDAY(DATE(MIN("LoggedAt")))'
            " AS INTEGER) + 1",
            "microsoft": 'DATEDIFF(DAY, MIN("LoggedAt"), MAX("LoggedAt")) + 1',
            "postgresql": "CAST(MAX(\"LoggedAt\") AT TIME ZONE 'UTC' AS DATE)"
            " - CAST(MIN(\"LoggedAt\") AT TIME ZONE 'UTC' AS DATE) + 1",
        }
    },
)
