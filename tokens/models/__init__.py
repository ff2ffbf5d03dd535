"""Provider keys, what they may spend and what they spent."""

from tokens.circuit_breaker import CoolDown
from tokens.models.alerts import AlertSubscription, LedgerAlert, ThresholdAlert
from tokens.models.changes import Aspect, TokenChange
from tokens.models.reports import TokenStatusRow, UsageSummaryRow
from tokens.models.token import (
    DEFAULT_LIMIT,
    DEFAULT_THRESHOLD,
    EXPIRED,
    SPENT,
    UNREADABLE_KEY,
    Provider,
    TokenMaster,
    TokenQuerySet,
    TokenReservation,
    TokenStatus,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.rate_limits import RecentCall

__all__ = [
    "DEFAULT_LIMIT",
    "DEFAULT_THRESHOLD",
    "EXPIRED",
    "SPENT",
    "UNREADABLE_KEY",
    "AlertSubscription",
    "Aspect",
    "CoolDown",
    "LedgerAlert",
    "Provider",
    "RecentCall",
    "ThresholdAlert",
    "TokenChange",
    "TokenMaster",
    "TokenQuerySet",
    "TokenReservation",
    "TokenStatus",
    "TokenStatusRow",
    "TokenUsageLog",
    "TokenUsageSummary",
    "UsageSummaryRow",
]
