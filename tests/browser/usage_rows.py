"""Calls of this month and an earlier one, some without a cost: run by ``manage.py shell -c``."""

import uuid
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from extraction.models import Attempt, Extraction, Label
from tokens import companies, ledger, services
from tokens.models import ModelPrice, TokenMaster
from tokens.usage import Requester, Usage

NOW = timezone.now()
ModelPrice.objects.create(
    model="reported",
    valid_from=NOW - timedelta(days=365),
    input=Decimal("1.5"),
    cached_input=Decimal("0.15"),
    output=Decimal(9),
)
key = TokenMaster(
    company_id="REPORT", company_name="Reported Ltd", api_key="k", total_token_limit=10**9
)
services.create_token(token=key)
companies.register_used()


def call(number: int, days_ago: int = 0, project: str = "", model: str = "reported") -> None:
    """One that the ledger charges, for a document with or without a project."""
    extraction = Extraction.objects.create(
        company_id="REPORT",
        requested_by="gita",
        client="user:1",
        file="x",
        file_name=f"reported-{number}.pdf",
        sha256=f"{number:064}",
        media_type="application/pdf",
        size=1000,
        page_count=1,
        state="failed",
    )
    if project:
        Label.objects.create(extraction=extraction, key="project", value=project)
    attempt = Attempt.objects.create(
        id=uuid.uuid4(), extraction=extraction, number=1, token=key, model=model, reserved=9
    )
    ledger.settle(
        attempt.pk,
        key.pk,
        Usage(input_tokens=1000 + number, output_tokens=100, thinking_tokens=10 * number),
        **Requester(company_id="REPORT", branch="North", requested_by=f"user{number % 3}"),
        model=model,
        called_at=NOW - timedelta(days=days_ago),
    )


for number in range(1, 8):
    call(number, project=("", "Alpha", "Beta")[number % 3])
call(8, model="unheard-of")
call(9, days_ago=40)
