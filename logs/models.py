"""Log records, error groups, failed calls and retention runs."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from logs.audit_entry import AuditedExtraction as AuditedExtraction  # Django looks here
from logs.audit_entry import AuditEntry as AuditEntry
from ocrsite.lib.database import UtcNow
from ocrsite.lib.email_outbox import MailedOnce

# As in vw_RecentErrors.
ERROR_LEVELS = frozenset({"ERROR", "CRITICAL"})
PLACE_LENGTH = 500


class LogLevel(models.TextChoices):
    """The contract's levels, which are Python's."""

    DEBUG = "DEBUG", _("Debug")
    INFO = "INFO", _("Info")
    WARNING = "WARNING", _("Warning")
    ERROR = "ERROR", _("Error")
    CRITICAL = "CRITICAL", _("Critical")


class ApplicationLog(models.Model):
    """One log record."""

    log_id = models.BigAutoField(db_column="LogID", primary_key=True)
    timestamp = models.DateTimeField(
        db_column="Timestamp", default=timezone.now, db_default=UtcNow()
    )
    level = models.CharField(db_column="LogLevel", max_length=20, choices=LogLevel)
    logger = models.CharField(db_column="Logger", max_length=255)
    message = models.TextField(db_column="Message")
    exception = models.TextField(db_column="Exception", null=True)
    module = models.CharField(db_column="Module", max_length=255, null=True)
    function_name = models.CharField(db_column="FunctionName", max_length=255, null=True)
    line_number = models.IntegerField(db_column="LineNumber", null=True)
    # Ours
    request_id = models.CharField(db_column="RequestID", max_length=36, null=True)
    extraction_id = models.UUIDField(db_column="ExtractionID", null=True, db_index=True)
    company_id = models.CharField(db_column="CompanyID", max_length=50, null=True)
    user = models.CharField(
        db_column="UserName",
        max_length=150,
        null=True,
        help_text=_("An operator's or a member of staff's name, or that of an API client."),
    )
    process_id = models.IntegerField(db_column="ProcessID", null=True)
    host = models.CharField(db_column="Host", max_length=255, null=True)
    fingerprint = models.CharField(
        db_column="Fingerprint",
        max_length=64,
        null=True,
        help_text=_("Digest of what went wrong and where: equal for errors of one group."),
    )

    class Meta:
        db_table = "ApplicationLogs"
        verbose_name = _("log record")
        # Records of the same time in the order of the key, as in every index.
        ordering = ["-timestamp", "log_id"]
        indexes = [
            models.Index(fields=["-timestamp"], name="IX_Logs_Timestamp"),
            models.Index(fields=["level"], name="IX_Logs_LogLevel"),
            models.Index(fields=["logger"], name="IX_Logs_Logger"),
            # The filters of the list in the admin, newest first, without a sort.
            models.Index(fields=["level", "-timestamp"], name="IX_Logs_LevelTime"),
            models.Index(fields=["logger", "-timestamp"], name="IX_Logs_LoggerTime"),
            # Partial: records without the column cost nothing.
            models.Index(
                fields=["company_id", "-timestamp"],
                condition=Q(company_id__isnull=False),
                name="IX_Logs_CompanyTime",
            ),
            models.Index(
                fields=["fingerprint", "-timestamp"],
                condition=Q(fingerprint__isnull=False),
                name="IX_Logs_FingerprintTime",
            ),
            models.Index(
                fields=["request_id"],
                condition=Q(request_id__isnull=False),
                name="IX_Logs_RequestID",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level} {self.logger}: {self.message[:80]}"


class LoggerLevel(models.Model):
    """The level of one logger, in place of the configured one as long as the row exists."""

    logger = models.CharField(
        max_length=255,
        unique=True,
        help_text=_("Such as extraction.pipeline, or django; root is the level of all others."),
    )
    level = models.CharField(max_length=20, choices=LogLevel)

    def __str__(self) -> str:
        return f"{self.logger}: {self.level}"


class IngestedFile(models.Model):
    """A file of the log handler's spool whose rows are in ApplicationLogs."""

    name = models.CharField(max_length=64, primary_key=True)
    ingested_at = models.DateTimeField(db_column="entered_at", default=timezone.now)

    class Meta:
        db_table = "logs_enteredfile"

    def __str__(self) -> str:
        return self.name


class ErrorDigest(MailedOnce):
    """The error groups that one daily mail lists as new."""

    digest_id = models.BigAutoField(db_column="DigestID", primary_key=True)

    class Meta:
        db_table = "ErrorDigests"
        verbose_name = _("error digest")
        ordering = ["-created_at", "-digest_id"]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"


class ErrorSubscription(models.Model):
    """Whether a member of staff gets the daily mail of new error groups."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="error_subscription"
    )
    daily_digest = models.BooleanField(
        _("mail new errors every day"),
        default=False,
        db_default=False,
        help_text=_(
            "To this user's address, when errors were logged that are new. For staff only."
        ),
    )

    class Meta:
        db_table = "ErrorSubscriptions"

    def __str__(self) -> str:
        return gettext("subscribed") if self.daily_digest else gettext("not subscribed")


class ErrorGroup(models.Model):
    """Every error of one exception type from one place."""

    group_id = models.BigAutoField(db_column="GroupID", primary_key=True)
    fingerprint = models.CharField(db_column="Fingerprint", max_length=64, unique=True)
    exception_type = models.CharField(
        db_column="ExceptionType",
        max_length=255,
        blank=True,
        help_text=_("Empty: none was raised."),
    )
    place = models.CharField(
        db_column="Place",
        max_length=PLACE_LENGTH,
        help_text=_("module:function:line of the last frame of our own code, or of the call."),
    )
    logger = models.CharField(db_column="Logger", max_length=255)
    message = models.TextField(db_column="Message", help_text=_("Of the first of them."))
    count = models.BigIntegerField(db_column="RecordCount")
    first_seen = models.DateTimeField(db_column="FirstSeen")
    last_seen = models.DateTimeField(db_column="LastSeen")
    digest = models.ForeignKey(
        ErrorDigest,
        models.SET_NULL,
        db_column="DigestID",
        null=True,
        help_text=_("The mail that told of it."),
    )

    class Meta:
        db_table = "ErrorGroups"
        verbose_name = _("error group")
        ordering = ["-last_seen", "-group_id"]
        indexes = [models.Index(fields=["-last_seen"], name="IX_ErrorGroups_LastSeen")]

    def __str__(self) -> str:
        return gettext("{what} at {place}").format(
            what=self.exception_type or self.logger, place=self.place
        )


class RetryAttempt(models.Model):
    """One failed call to a provider."""

    retry_id = models.BigAutoField(db_column="RetryID", primary_key=True)
    token = models.ForeignKey(
        "tokens.TokenMaster",
        models.PROTECT,
        db_column="TokenID",
        null=True,
        db_index=False,
        verbose_name=_("key"),
    )
    company_id = models.CharField(db_column="CompanyID", max_length=50)
    attempt = models.IntegerField(db_column="Attempt")
    error_message = models.TextField(db_column="ErrorMessage")
    is_retryable = models.BooleanField(db_column="IsRetryable")
    timestamp = models.DateTimeField(
        db_column="Timestamp", default=timezone.now, db_default=UtcNow()
    )
    # Ours
    extraction_id = models.UUIDField(db_column="ExtractionID", null=True, db_index=True)
    attempts_allowed = models.IntegerField(
        db_column="AttemptsAllowed", null=True, help_text=_("Calls the policy allowed in all.")
    )
    error_class = models.CharField(
        db_column="ErrorClass",
        max_length=20,
        null=True,
        help_text=_("What it allowed next: retry, other_key, repair, final."),
    )
    error_code = models.CharField(db_column="ErrorCode", max_length=50, null=True)
    provider_code = models.CharField(
        db_column="ProviderCode",
        max_length=100,
        null=True,
        help_text=_("The provider's own: status, or the kind of the lost connection."),
    )
    delay_seconds = models.FloatField(
        db_column="DelaySeconds", null=True, help_text=_("Wait before the next call; empty: none.")
    )

    class Meta:
        db_table = "RetryAttempts"
        verbose_name = _("failed attempt")
        ordering = ["-timestamp", "-retry_id"]
        indexes = [
            models.Index(fields=["token"], name="IX_Retry_TokenID"),
            models.Index(fields=["company_id"], name="IX_Retry_CompanyID"),
            models.Index(fields=["-timestamp"], name="IX_Retry_Timestamp"),
        ]

    def __str__(self) -> str:
        return gettext("attempt {number} for {company}: {message}").format(
            number=self.attempt, company=self.company_id, message=self.error_message[:80]
        )


class RecentError(models.Model):
    """``vw_RecentErrors``: the newest 100 ERROR and CRITICAL records."""

    log_id = models.BigIntegerField(db_column="LogID", primary_key=True)
    timestamp = models.DateTimeField(db_column="Timestamp")
    level = models.CharField(db_column="LogLevel", max_length=20)
    logger = models.CharField(db_column="Logger", max_length=255)
    message = models.TextField(db_column="Message")
    exception = models.TextField(db_column="Exception", null=True)
    minutes_ago = models.IntegerField(db_column="MinutesAgo")

    class Meta:
        managed = False
        db_table = "vw_RecentErrors"
        ordering = ["-timestamp", "-log_id"]

    def __str__(self) -> str:
        return f"{self.level} {self.minutes_ago} min ago: {self.message[:80]}"


class FailedRetry(models.Model):
    """``vw_FailedRetries``: extractions that used every attempt they were allowed."""

    extraction_id = models.UUIDField(db_column="ExtractionID", primary_key=True)
    company_id = models.CharField(db_column="CompanyID", max_length=50)
    attempts = models.IntegerField(db_column="TotalAttempts")
    retryable_share = models.FloatField(
        db_column="RetryableShare",
        help_text=_("Share of the attempts that could be retried, 0 to 1."),
    )
    last_attempt = models.DateTimeField(db_column="LastAttempt")

    class Meta:
        managed = False
        db_table = "vw_FailedRetries"
        verbose_name_plural = _("failed retries")
        ordering = ["-last_attempt"]

    def __str__(self) -> str:
        return f"{self.company_id}: {self.attempts} attempts"


class Kept(models.TextChoices):
    """What is kept for a limited time."""

    LOGS = "logs", _("Log records")
    RETRIES = "retries", _("Failed attempts")
    AUDIT = "audit", _("Audit list")
    FILES = "files", _("Documents and page images")
    ORPHANS = "orphans", _("Documents without an extraction")
    DELETED = "deleted", _("Deleted documents")
    IDEMPOTENCY_KEYS = "idempotency-keys", _("Idempotency keys")
    SESSIONS = "sessions", _("Expired sessions")
    WRONG_CREDENTIALS = "wrong-credentials", _("Failed log-ins and wrong API keys")
    QUEUE = "queue", _("Left-over queue messages and task results")
    WEBHOOKS = "webhooks", _("Deliveries of webhooks")


class RetentionRun(models.Model):
    """One run. Without an end it is running, or its process died: the next one completes it."""

    run_id = models.BigAutoField(db_column="RunID", primary_key=True)
    what = models.CharField(db_column="What", max_length=20, choices=Kept)
    started_at = models.DateTimeField(db_column="StartedAt", default=timezone.now)
    ended_at = models.DateTimeField(db_column="EndedAt", null=True)
    cutoff = models.DateTimeField(
        db_column="Cutoff",
        help_text=_("What is older goes, unless its level has days of its own."),
    )
    archived = models.BigIntegerField(
        db_column="Archived", default=0, help_text=_("Rows put into files under DATA_DIR/archive.")
    )
    deleted = models.BigIntegerField(
        db_column="Deleted",
        default=0,
        help_text=_("Rows, or extractions whose files were removed."),
    )
    size = models.BigIntegerField(
        db_column="Bytes",
        default=0,
        help_text=_("Of the archive files, or of the files removed."),
    )
    files = models.TextField(
        db_column="Files", blank=True, help_text=_("The archive files that were completed.")
    )
    is_complete = models.BooleanField(
        db_column="IsComplete", default=False, help_text=_("Nothing was left to do.")
    )
    error = models.TextField(db_column="Error", blank=True)

    class Meta:
        db_table = "RetentionRuns"
        verbose_name = _("retention run")
        ordering = ["-started_at", "-run_id"]

    def __str__(self) -> str:
        return f"{self.get_what_display()}, {self.started_at:%Y-%m-%d %H:%M}"
