"""Extractions with attempts, access, exports, accounts and webhooks."""

from extraction.models.access import (
    ApiClient,
    ApiClientCompany,
    ApiClientKey,
    ApiClientRequests,
    CompanyGrant,
    Scope,
    StaffCompany,
)
from extraction.models.account import AccountRule, Authenticator, ExternalIdentity, RecoveryCode
from extraction.models.attempt import Attempt, AttemptOutcome
from extraction.models.batch import EarlierDocument
from extraction.models.channel import Channel
from extraction.models.correction import Correction
from extraction.models.document_day import DocumentDay
from extraction.models.erasure import Erasure, ErasureScope
from extraction.models.export_profile import (
    DateFormat,
    DecimalSign,
    ExportColumn,
    ExportProfile,
    RowsPer,
    Separator,
    TableFormat,
)
from extraction.models.extraction import Extraction, IdempotencyKey
from extraction.models.failed_attempts import FailedAttempts
from extraction.models.label import Label
from extraction.models.prompt_cost import PromptCost
from extraction.models.reader_choice import ReaderChoice
from extraction.models.review_state import ReviewState
from extraction.models.rights import Right
from extraction.models.role import Role
from extraction.models.state import State
from extraction.models.webhook import (
    DeliveryState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from extraction.models.worker import QueuePause, Worker, WorkerState

__all__ = [
    "AccountRule",
    "ApiClient",
    "ApiClientCompany",
    "ApiClientKey",
    "ApiClientRequests",
    "Attempt",
    "AttemptOutcome",
    "Authenticator",
    "Channel",
    "CompanyGrant",
    "Correction",
    "DateFormat",
    "DecimalSign",
    "DeliveryState",
    "DocumentDay",
    "EarlierDocument",
    "Erasure",
    "ErasureScope",
    "ExportColumn",
    "ExportProfile",
    "ExternalIdentity",
    "Extraction",
    "FailedAttempts",
    "IdempotencyKey",
    "Label",
    "PromptCost",
    "QueuePause",
    "ReaderChoice",
    "RecoveryCode",
    "ReviewState",
    "Right",
    "Role",
    "RowsPer",
    "Scope",
    "Separator",
    "StaffCompany",
    "State",
    "TableFormat",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "Worker",
    "WorkerState",
]
