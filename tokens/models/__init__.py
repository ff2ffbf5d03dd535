"""Companies and their provider keys, what they may spend and what they spent."""

from tokens.models.alerts import USED_UP, AlertSubscription, LedgerAlert, ThresholdAlert
from tokens.models.call_limits import NO_LIMITS, CallLimits, RecentCall
from tokens.models.changes import BY_PROVIDER, BY_SQL, BY_SYSTEM, Aspect, TokenChange, by_client
from tokens.models.company import Company
from tokens.models.cool_down import CoolDown
from tokens.models.installation import Installation
from tokens.models.pending_wipe import PendingWipe
from tokens.models.price import ModelPrice
from tokens.models.quota import Quota, QuotaAspect, QuotaChange, QuotaQuerySet, QuotaSum, Unit
from tokens.models.reports import TokenStatusRow, UsageSummaryRow
from tokens.models.site_alerts import AlertKind, AlertRecipient, Finding, SiteAlert
from tokens.models.token import (
    DEFAULT_LIMIT,
    UNREADABLE_KEY,
    Provider,
    TokenMaster,
    TokenQuerySet,
    TokenStatus,
)
from tokens.models.usage import (
    DEFAULT_THRESHOLD,
    TokenReservation,
    TokenUsageLog,
    TokenUsageSummary,
)
from tokens.models.usage_day import UsageDay, UsageDayAudit

__all__ = [
    "BY_PROVIDER",
    "BY_SQL",
    "BY_SYSTEM",
    "DEFAULT_LIMIT",
    "DEFAULT_THRESHOLD",
    "NO_LIMITS",
    "UNREADABLE_KEY",
    "USED_UP",
    "AlertKind",
    "AlertRecipient",
    "AlertSubscription",
    "Aspect",
    "CallLimits",
    "Company",
    "CoolDown",
    "Finding",
    "Installation",
    "LedgerAlert",
    "ModelPrice",
    "PendingWipe",
    "Provider",
    "Quota",
    "QuotaAspect",
    "QuotaChange",
    "QuotaQuerySet",
    "QuotaSum",
    "RecentCall",
    "SiteAlert",
    "ThresholdAlert",
    "TokenChange",
    "TokenMaster",
    "TokenQuerySet",
    "TokenReservation",
    "TokenStatus",
    "TokenStatusRow",
    "TokenUsageLog",
    "TokenUsageSummary",
    "Unit",
    "UsageDay",
    "UsageDayAudit",
    "UsageSummaryRow",
    "by_client",
]
