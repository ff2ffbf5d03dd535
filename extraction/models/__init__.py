"""Documents on their way to a result, and who may bring or see them."""

from extraction.models.access import ApiClient, ApiClientCompany, CompanyGrant
from extraction.models.extraction import (
    Attempt,
    AttemptOutcome,
    Extraction,
    IdempotencyKey,
    State,
)
from extraction.models.prompt_cost import PromptCost

__all__ = [
    "ApiClient",
    "ApiClientCompany",
    "Attempt",
    "AttemptOutcome",
    "CompanyGrant",
    "Extraction",
    "IdempotencyKey",
    "PromptCost",
    "State",
]
