"""Rows of one company in every table that the admin shows, for tests of who sees them.

Whoever adds an admin whose rows belong to companies adds a row here.
"""

import uuid
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from extraction.models import (
    ApiClient,
    ApiClientCompany,
    Attempt,
    Authenticator,
    Erasure,
    ErasureScope,
    Extraction,
    State,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from logs.models import ApplicationLog, RetryAttempt
from ocrsite.lib import audit
from ocrsite.lib.audit import Action
from tests.extraction.factories import make_extraction
from tests.extraction.sample_invoices import make_invoice
from tests.tokens.rows import make_budget, make_quota, make_token
from tokens.models import (
    AlertKind,
    Company,
    CoolDown,
    Finding,
    Provider,
    SiteAlert,
    ThresholdAlert,
    TokenChange,
    TokenReservation,
    TokenUsageLog,
)
from tokens.periods import Period


def make_rows(company_id: str) -> Extraction:
    """Make them; every text names the company. Returns the extraction, which failed."""
    now = timezone.now()
    if not Company.objects.written(company_id).exists():
        Company.objects.create(company_id=company_id, name=f"Name of {company_id}")
    token = make_token(
        "offline",
        company_id=company_id,
        company_name=f"Name of {company_id}",
        provider=Provider.OFFLINE,
        project=f"project-of-{company_id}",
    )
    TokenUsageLog.objects.create(
        token=token, company_id=company_id, branch=f"Branch of {company_id}", total_tokens_used=5
    )
    TokenReservation.objects.create(
        attempt_id=uuid.uuid4(), token=token, amount=5, leased_until=now + timedelta(minutes=5)
    )
    TokenChange.objects.create(
        token=token, what="status", actor=f"clerk-of-{company_id}", reason=f"for {company_id}"
    )
    make_quota(token, Period.DAILY, 500)
    make_quota(Company.objects.get(company_id=company_id), Period.MONTHLY, 900)
    make_budget(Company.objects.get(company_id=company_id), Period.MONTHLY, "1250.00 USD")
    CoolDown.objects.create(token=token, blocked_until=now, reason=f"a limit of {company_id}")
    ThresholdAlert.objects.create(token=token, threshold=10, limit=20, remaining=5)
    SiteAlert.objects.raise_once(
        AlertKind.FAILURES, company_id, Finding(f"Many of {company_id} fail", company_id)
    )
    extraction = make_extraction(
        company_id=company_id,
        file_name=f"invoice-of-{company_id}.pdf",
        requested_by=f"user-of-{company_id}",
        branch=f"Branch of {company_id}",
        state=State.FAILED,
        http_status=502,
        result=make_invoice().model_dump(mode="json"),
        token=token,
    )
    Attempt.objects.create(extraction=extraction, number=1, token=token, model="m", reserved=5)
    told = {"company_id": company_id, "extraction_id": extraction.pk}
    ApplicationLog.objects.create(
        level="ERROR",
        logger="extraction",
        message=f"About {company_id}",
        user=f"user-of-{company_id}",
        **told,
    )
    RetryAttempt.objects.create(
        token=token,
        attempt=1,
        error_message=f"Failed for {company_id}",
        error_code="overloaded",
        error_class="retry",
        is_retryable=True,
        **told,
    )
    user = User.objects.create_user(f"user-of-{company_id}")
    user.company_grants.create(company_id=company_id)
    Authenticator.objects.create(user=user, secret="x", confirmed_at=now)
    client, _ = ApiClient.objects.create_key(name=f"client-of-{company_id}")
    assert isinstance(client, ApiClient)
    ApiClientCompany.objects.create(client=client, company_id=company_id)
    endpoint = WebhookEndpoint.objects.create(
        company_id=company_id,
        url=f"https://{company_id.lower()}.example/hook",
        events=WebhookEvent.SUCCEEDED,
        created_by=f"clerk-of-{company_id}",
    )
    WebhookDelivery.objects.create(
        endpoint=endpoint,
        event=WebhookEvent.SUCCEEDED,
        event_key=str(extraction.pk),
        extraction_id=extraction.pk,
        body=f"About {company_id}",
        give_up_at=now + timedelta(days=1),
    )
    Erasure.objects.create(
        scope=ErasureScope.COMPANY,
        subject=company_id,
        company_id=company_id,
        asked_by=f"clerk-of-{company_id}",
        why=f"{company_id} asked.",
        ended_at=now,
    )
    audit.record(Action.RETRIED, who=audit.user(user), what=audit.row(extraction))
    return extraction
