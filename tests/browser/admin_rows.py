"""Rows with long texts for every list of the admin: run by ``manage.py shell -c``."""

import uuid
from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.utils import timezone

from extraction.models import (
    ApiClient,
    ApiClientCompany,
    Authenticator,
    ExportProfile,
    Extraction,
    FailedAttempts,
)
from logs.models import (
    ApplicationLog,
    ErrorDigest,
    ErrorGroup,
    Kept,
    LoggerLevel,
    RetentionRun,
    RetryAttempt,
)
from tokens import services
from tokens.models import (
    CoolDown,
    LedgerAlert,
    ThresholdAlert,
    TokenMaster,
    TokenReservation,
    TokenUsageLog,
    TokenUsageSummary,
)

NAME = "Globex Corporation International GmbH & Co. Kommanditgesellschaft auf Aktien"
PERSON = "ramesh.bahadur.thapa@subsidiary.example.com"
WORDS = "The model is overloaded. Please try again later, or ask another one of the providers."
NOW = timezone.now()

token = TokenMaster(
    company_id="Z-COMPANY-ID-OF-35-CHARACTERS-NT047",
    company_name=NAME,
    api_key="AIzaCanaryCanaryCanaryCanaryCanary1x9Qz",
    project="the-project-of-this-key-123456",
    model="gemini-3.8-flash-preview-11-2026",
    total_token_limit=10**12,
    expires_at=NOW + timedelta(days=9),
)
services.create_token(token=token)
TokenUsageSummary.objects.filter(token=token).update(total_used_tokens=995 * 10**9)
token.total_token_limit -= 1
services.update_token(token=token, fields=["total_token_limit"], by=PERSON, reason=WORDS)
TokenUsageLog.objects.create(
    token=token,
    company_id=token.company_id,
    branch=NAME[:50],
    requested_by=PERSON,
    input_tokens=1_234_567,
    output_tokens=123_456,
    thinking_tokens=65_432,
    total_tokens_used=1_423_455,
)
TokenReservation.objects.create(
    attempt_id=uuid.uuid4(), token=token, amount=65_432, leased_until=NOW + timedelta(hours=1)
)
CoolDown.objects.create(
    project=token.project or "", blocked_until=NOW + timedelta(hours=9), reason=WORDS
)
ThresholdAlert.objects.create(token=token, threshold=3_000, limit=10**12, remaining=5 * 10**9)
LedgerAlert.objects.create(findings=f"{WORDS}\n{WORDS}")

extraction = Extraction.objects.create(
    company_id=token.company_id,
    branch=NAME[:50],
    requested_by=PERSON,
    client="user:1",
    file="x",
    file_name=f"Rechnung_{'x' * 60}_2026-11-27.pdf",
    sha256="0" * 64,
    media_type="application/pdf",
    size=1,
    page_count=1,
    state="failed",
    error_code="request_too_large",
    finished_at=NOW,
)
RetryAttempt.objects.create(
    token=token,
    company_id=token.company_id,
    attempt=4,
    attempts_allowed=4,
    error_message=WORDS,
    is_retryable=True,
    extraction_id=extraction.pk,
    error_class="other_key",
    error_code="failed_precondition",
    provider_code="400 FAILED_PRECONDITION",
    delay_seconds=1234.5,
)
ApplicationLog.objects.create(
    level="CRITICAL",
    logger="extraction.readers.gemini.normalisation",
    message=WORDS,
    exception=f"Traceback\nLookupError: {WORDS}",
    company_id=token.company_id,
    extraction_id=extraction.pk,
    request_id=str(uuid.uuid4()),
    user=PERSON,
    fingerprint="f" * 64,
)
digest = ErrorDigest.objects.create()
ErrorGroup.objects.create(
    fingerprint="f" * 64,
    exception_type="extraction.readers.gemini.normalisation.AnswerThatNobodyUnderstands",
    place="extraction.readers.gemini.normalisation:a_function_with_a_long_name:1234",
    logger="extraction.readers.gemini.normalisation",
    message=WORDS,
    count=123_456,
    first_seen=NOW,
    last_seen=NOW,
    digest=digest,
)
RetentionRun.objects.create(
    what=Kept.WRONG_CREDENTIALS, cutoff=NOW, deleted=10**9, size=10**12, error=WORDS
)
LoggerLevel.objects.create(logger="extraction.readers.gemini.normalisation", level="DEBUG")

user = User.objects.create_user(PERSON, PERSON, first_name="Ramesh Bahadur", last_name="Thapa")
user.company_grants.create(company_id=token.company_id)
Authenticator.objects.create(user=user, secret="", confirmed_at=NOW)
Group.objects.create(name=NAME)
client, _ = ApiClient.objects.create_key(name=NAME[:50])
ApiClientCompany.objects.create(client_id=client.pk, company_id=token.company_id)
FailedAttempts.objects.create(
    subject=f"address:{PERSON}", failures=6, last_at=NOW, locked_until=NOW + timedelta(hours=1)
)
profile = ExportProfile.objects.create(name=NAME)
