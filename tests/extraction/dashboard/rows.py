"""Rows for the dashboard: documents, keys and usage of two companies on several days."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from extraction.models import State
from tests.extraction.factories import make_extraction
from tests.tokens.rows import make_token
from tokens import ledger
from tokens.models import ModelPrice, TokenMaster
from tokens.usage import Requester, Usage

# Of each day: how many documents of which state, and with which code.
DOCUMENTS: Sequence[tuple[State, str, int]] = (
    (State.SUCCEEDED, "", 4),
    (State.FAILED, "server_error", 2),
    (State.FAILED, "key_rejected", 1),
    (State.CANCELLED, "cancelled", 1),
    (State.QUEUED, "", 1),
    (State.WAITING, "", 2),
    (State.PROCESSING, "", 1),
)


def make_documents(at: datetime, company_id: str, **fields: Any) -> None:
    """Documents of one company in every state, received at a moment; one is to be reviewed."""
    for state, code, count in DOCUMENTS:
        for number in range(count):
            make_extraction(
                company_id=company_id,
                state=state,
                error_code=code,
                created_at=at,
                due_at=at,
                finished_at=at + timedelta(seconds=number + 1) if state in State.ended() else None,
                needs_review=state == State.SUCCEEDED and number == 0,
                **fields,
            )


def make_price(model: str = "gemini-3.8-flash") -> None:
    ModelPrice.objects.create(
        model=model,
        valid_from="2020-01-01T00:00Z",
        input=Decimal(1),
        cached_input=Decimal("0.25"),
        output=Decimal(4),
        currency="USD",
    )


def spend(token: TokenMaster, at: datetime, calls: int = 2, model: str | None = None) -> None:
    """Calls that the ledger charges, of 100 + 20 LLM tokens each."""
    who = Requester(company_id=token.company_id, branch="Default", requested_by="asha")
    for _ in range(calls):
        usage = Usage(input_tokens=100, output_tokens=20)
        ledger.settle(uuid.uuid4(), token.pk, usage, **who, model=model, called_at=at)


def make_key(company_id: str, **fields: Any) -> TokenMaster:
    return make_token(company_id=company_id, company_name=company_id, **fields)
